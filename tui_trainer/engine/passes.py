"""The forward and the backward pass, layer by layer, written down.

What autograd would do, without what it costs: on a small net its bookkeeping takes as long as the arithmetic. Without
it a step can also be captured as a CUDA graph or compiled as it stands. A forward pass hands on what its backward pass
needs. Every gradient is held against autograd's by the tests.

Each layer class works on the module of `model.py` of the same name. In a group of processes a layer sees this
process's share of the batch; `Batch` says of how many samples, and which.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch
from torch import Tensor, nn

from tui_trainer.engine.activations import ACTIVATIONS, Activation
from tui_trainer.engine.embeddings import Embeddings, EmbeddingsLayer
from tui_trainer.engine.group import Group
from tui_trainer.engine.model import Scale
from tui_trainer.engine.normalizations import BatchNorm, LayerNorm, SharedBatchNorm
from tui_trainer.engine.parameters import Parameters


@dataclass(frozen=True)
class Batch:
    """`size` samples in the whole group's batch; this process has `own` of them."""

    size: int
    own: slice

    @property
    def own_size(self) -> int:
        """Samples of this process."""
        return int(self.own.stop - self.own.start)


class Layer(Protocol):
    """x (own samples, inputs) -> (own samples, outputs), and the gradient back the same way."""

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, Any]:
        """The layer's outputs, and what its backward pass needs."""

    def backward(self, grad: Tensor, kept: Any, grads: Gradients) -> Tensor:
        """The gradient at the inputs, from the one at the outputs, which may be overwritten; its own into `grads`."""


class Gradients:
    """Where a backward pass leaves the gradients of the parameters.

    Eager steps have one memory for all of them. A compiled step joins what it is given (there, a result that is
    written into a part of something else costs a copy, and joining costs none).
    """

    def __init__(self, parameters: Parameters, *, is_compiled: bool) -> None:
        self._parameters, self.is_compiled = parameters, is_compiled
        self._views = {} if is_compiled else parameters.grad_views

    def room(self, name: str) -> Tensor | None:
        """Where a result may be written at once (`out=`)."""
        return None if self.is_compiled else self._views[name]

    def put(self, name: str, value: Tensor) -> None:
        """A parameter's gradient, as (inputs, units) for a matrix."""
        if self.is_compiled:
            self._views[name] = value
        else:
            self._views[name].copy_(value)

    def whole(self) -> Tensor:
        """All of them, (n,)."""
        if self.is_compiled:
            return self._parameters.joined(self._views)
        return self._parameters.grad


class Rooms:
    """Memory for results, the same at every step: pages that are new each time cost a wide net a fifth.

    A captured graph writes there, so none is given back before the passes are laid anew.
    """

    def __init__(self) -> None:
        self._rooms: dict[tuple[int, int], Tensor] = {}

    def find(self, like: Tensor, rows: int, columns: int) -> Tensor | None:
        """For `out=`; a compiler has its own ways."""
        if torch.compiler.is_compiling():
            return None
        room = self._rooms.get((rows, columns))
        if room is None:
            room = self._rooms[rows, columns] = like.new_empty(rows, columns)
        return room


class Linear:
    """x W + b. `is_first` spares the gradient at the inputs, where nothing learns: a third of a small net's work."""

    def __init__(self, name: str, weights: dict[str, Tensor], *, is_first: bool) -> None:
        self._weight_name, self._bias_name = f"{name}.weight", f"{name}.bias"
        self._weight, self._bias = weights[self._weight_name], weights[self._bias_name]
        self._back, self._units = self._weight.t(), self._weight.shape[1]
        self._is_first = is_first
        self._rooms = Rooms()

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """x (n, inputs) -> (n, units)."""
        return torch.addmm(self._bias, x, self._weight, out=self._rooms.find(self._weight, len(x), self._units)), x

    def backward(self, grad: Tensor, kept: Tensor, grads: Gradients) -> Tensor:
        """grad (n, units) -> (n, inputs)."""
        if grads.is_compiled:
            grads.put(self._weight_name, kept.t() @ grad)
            grads.put(self._bias_name, grad.sum(0))
        else:
            torch.mm(kept.t(), grad, out=grads.room(self._weight_name))
            torch.sum(grad, 0, out=grads.room(self._bias_name))
        return grad if self._is_first else torch.mm(grad, self._back, out=self._rooms.find(grad, *kept.shape))


class LinearInBf16:
    """The same with bfloat16 products and outputs, and float32 weights, as autocast does it.

    The shadow of the weights is made once a step, in one pass over all of them (`Passes.forward`).
    """

    def __init__(self, name: str, shadows: dict[str, Tensor], *, is_first: bool) -> None:
        self._weight_name, self._bias_name = f"{name}.weight", f"{name}.bias"
        self._weight, self._bias = shadows[self._weight_name], shadows[self._bias_name]
        self._is_first = is_first

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """x (n, inputs) -> (n, units) in bfloat16."""
        x = x.to(torch.bfloat16)
        return torch.addmm(self._bias, x, self._weight), x

    def backward(self, grad: Tensor, kept: Tensor, grads: Gradients) -> Tensor:
        """grad (n, units) -> (n, inputs) in bfloat16."""
        grad = grad.to(torch.bfloat16)
        grads.put(self._weight_name, (kept.t() @ grad).float())
        grads.put(self._bias_name, grad.sum(0, dtype=torch.float32))
        return grad if self._is_first else grad @ self._weight.t()


class Dropout:
    """Drops a share of its inputs, scales the rest (Srivastava et al. 2014, in its inverted form).

    The mask is drawn for the whole group's batch, so that the random state is the same in all processes.
    """

    def __init__(self, share: float) -> None:
        self._keep = 1 - share

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """Any width."""
        mask = x.new_empty(batch.size, x.shape[1]).bernoulli_(self._keep)[batch.own].div_(self._keep)
        return x * mask, mask

    def backward(self, grad: Tensor, kept: Tensor, grads: Gradients) -> Tensor:
        """Through what was kept."""
        return grad.mul_(kept) if grad.dtype == kept.dtype else grad * kept  # bfloat16 would round what float32 made


class Passes:
    """The layers of a model in order. Build anew when a dropout share changes."""

    def __init__(self, model: nn.Sequential, parameters: Parameters, group: Group, *, is_bf16: bool) -> None:
        self._scale = next(module for module in model if isinstance(module, Scale))
        self._parameters, self._flat = parameters, parameters.flat
        self._gradients = Gradients(parameters, is_compiled=False)
        self._rooms = Rooms()
        self._shadow = torch.empty_like(parameters.flat, dtype=torch.bfloat16) if is_bf16 else None
        exact = parameters.views(parameters.flat)  # the modules' own tensors have another base, which no compiler takes
        weights = exact if self._shadow is None else parameters.views(self._shadow)
        self._layers: list[Layer] = []
        linear: Any = LinearInBf16 if is_bf16 else Linear
        seen = False
        for name, module in model.named_children():
            match module:
                case Embeddings():
                    self._layers.append(EmbeddingsLayer(name, module, parameters))
                    seen = True
                case nn.Linear():
                    self._layers.append(linear(name, weights, is_first=not seen))
                    seen = True
                case nn.BatchNorm1d():
                    alone = group.size == 1
                    self._layers.append(
                        BatchNorm(name, module, exact) if alone else SharedBatchNorm(name, module, exact, group)
                    )
                case nn.LayerNorm():
                    self._layers.append(LayerNorm(name, module, exact))
                case nn.Dropout() if module.p:
                    self._layers.append(Dropout(module.p))
                case _ if type(module) in ACTIVATIONS:
                    self._layers.append(Activation(*ACTIVATIONS[type(module)]))
        learning = (
            n for n, layer in enumerate(self._layers) if isinstance(layer, Linear | LinearInBf16 | EmbeddingsLayer)
        )
        self._first = next(learning)  # nothing before it has weights

    def forward(self, raw: Tensor, batch: Batch) -> tuple[Tensor, list[Any]]:
        """Raw inputs of this process's samples -> logits or scaled values, and what `backward` needs."""
        if self._shadow is not None:
            self._shadow.copy_(self._flat)
        x, kept = self._scale(raw, self._rooms.find(self._flat, *raw.shape)), []
        for layer in self._layers:
            x, needed = layer.forward(x, batch)
            kept.append(needed)
        return x, kept

    def backward(self, grad: Tensor, kept: list[Any]) -> Tensor:
        """From the gradient at the outputs to that of all parameters, (n,)."""
        is_compiled = torch.compiler.is_compiling()
        grads = Gradients(self._parameters, is_compiled=True) if is_compiled else self._gradients
        for number in range(len(self._layers) - 1, self._first - 1, -1):
            grad = self._layers[number].backward(grad, kept[number], grads)
        return grads.whole()
