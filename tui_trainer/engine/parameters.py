"""All weights of a net in one tensor, all gradients in another: one update, one norm, one sum over processes a step.

The parameters of the model stay what they are to everybody else: views, in torch's own shapes. Matrices come first,
tables of embedded categories next, vectors (biases, normalisation) after them. A wide layer's matrix lies by input: the
product that gives its gradient has no transposed result then, and takes a quarter less on a small net. A narrow one's,
as of ten classes, lies by unit. A table lies by category, which is its input.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from tui_trainer.engine.embeddings import Embeddings

NARROW = 48  # units: on two CPU cores the ways cost the same somewhere from 32 to 64
EXTRAS = 2  # numbers behind the gradient that are summed over the processes with it: loss, right predictions


class Parameters:
    """Moves a model's parameters into `flat` (n,); `grad` (n,) has a view per parameter in the same places."""

    def __init__(self, model: nn.Module) -> None:
        kinds = [(name, module) for name, module in model.named_modules() if isinstance(module, Embeddings)]
        self._tables = {f"{name}.{own}" for name, module in kinds for own, _ in module.named_parameters()}
        named = sorted(model.named_parameters(), key=self._place)  # stable
        first = named[0][1]
        self.names = [name for name, _ in model.named_parameters()]
        self.shapes = {name: parameter.shape for name, parameter in named}
        self.size = sum(parameter.numel() for _, parameter in named)
        sizes = [0, 0, 0]
        for pair in named:
            sizes[self._place(pair)] += pair[1].numel()
        self.matrices = sizes[0]  # flat[:matrices]
        self.tables = slice(sizes[0], sizes[0] + sizes[1])
        self._turned = {name for name, shape in self.shapes.items() if len(shape) > 1 and name not in self._tables}
        self.flat = torch.empty(self.size, device=first.device)
        self.summed = torch.zeros(self.size + EXTRAS, device=first.device)
        self.grad, self.extras = self.summed[: self.size], self.summed[self.size :]
        self.grad_views = self.views(self.grad)
        for name, view in self.views(self.flat).items():
            parameter = model.get_parameter(name)
            own_shape = view.t() if name in self._turned else view
            own_shape.copy_(parameter.detach())
            parameter.data = own_shape
            parameter.requires_grad_(False)  # the backward pass is written down in passes.py

    def _place(self, named: tuple[str, nn.Parameter]) -> int:
        """Matrices, tables, vectors."""
        return 1 if named[0] in self._tables else 0 if named[1].ndim > 1 else 2

    def _is_by_unit(self, name: str) -> bool:
        return name in self._turned and self.shapes[name][0] < NARROW

    def matrices_of(self, flat: Tensor) -> Iterator[Tensor]:
        """The weights of the linear layers in a flat tensor, (inputs, units) each."""
        views = self.views(flat)
        return (views[name] for name in self.shapes if name in self._turned)

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """{parameter: its part of a flat tensor}, matrices as (inputs, units), tables as (categories, size)."""
        places, start = {}, 0
        for name, shape in self.shapes.items():
            part = flat[start : start + shape.numel()]
            if self._is_by_unit(name):
                places[name] = part.view(shape).t()
            else:
                places[name] = part.view(shape[::-1] if name in self._turned else shape)
            start += shape.numel()
        return places

    def joined(self, pieces: dict[str, Tensor]) -> Tensor:
        """Tensors in the shapes of `views` as one in the order of `flat`."""
        flats = [(pieces[name].t() if self._is_by_unit(name) else pieces[name]).reshape(-1) for name in self.shapes]
        return torch.cat(flats)

    def pieces(self, flat: Tensor) -> Iterator[Tensor]:
        """A flat tensor's parts in the order and the shapes of the model's parameters."""
        views = self.views(flat)
        for name in self.names:
            yield views[name].t() if name in self._turned else views[name]
