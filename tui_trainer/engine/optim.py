"""From a gradient to new weights: penalties and clipping, then the optimizer's formula, over all weights at once.

The formulas are those of torch.optim (the tests hold each against it); the fused operations are the ones that it calls.
The learning rate and the other live settings may be numbers, or tensors on the device: then a captured graph or a
compiled step reads their present values and need not be made again.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor

from tui_trainer.engine.parameters import Parameters
from tui_trainer.engine.schedule import momentum_at
from tui_trainer.per_layer import by_layer
from tui_trainer.sections import Optimizer, Regularization

Number = float | Tensor
LIVE = ("weight_decay", "clip_norm", "momentum")
TENSORS = {"adam": ("exp_avg", "exp_avg_sq"), "adamw": ("exp_avg", "exp_avg_sq"), "rmsprop": ("square_avg",), "sgd": ()}
MOMENTUM = "momentum_buffer"


def is_decoupled(config: Optimizer) -> bool:
    """Whether decay shrinks the weights directly (Loshchilov & Hutter 2019) instead of joining the gradient."""
    return config.weight_decay_mode == "decoupled" or (config.weight_decay_mode == "auto" and config.name == "adamw")


@dataclass(frozen=True)
class Shape:
    """What of the settings decides which operations a step has, not only their numbers."""

    decays: bool
    clips: bool
    has_momentum: bool


def shape_of(config: Optimizer) -> Shape:
    """The shape of a step under these settings."""
    has_momentum = config.momentum > 0 or config.final_momentum > 0
    return Shape(config.weight_decay > 0, config.clip_norm > 0, has_momentum)


class Update:
    """Changes `parameters.flat` by a gradient of all of it, which it may overwrite. `state` has (n,) tensors."""

    def __init__(self, config: Optimizer, rules: Regularization, parameters: Parameters) -> None:
        self._parameters, self._rules = parameters, rules
        self._epochs_done = 0
        flat = parameters.flat
        self._limits = by_layer(rules.max_norm, len(list(parameters.matrices_of(flat))))
        self.state = {name: torch.zeros_like(flat) for name in TENSORS[config.name]}
        self._steps = torch.zeros((), device=flat.device)
        self._one = torch.ones((), device=flat.device)  # adding a number takes three times as long
        self._buffer: Tensor | None = None
        self._decaying = slice(None) if config.decay_biases else slice(parameters.tables.stop)
        self._fused_adam: Any = getattr(torch, "_fused_adam_", None)
        self._fused_sgd: Any = getattr(torch, "_fused_sgd_", None)
        self.live: Mapping[str, Number] = {}
        self.change(config)

    def change(self, config: Optimizer) -> None:
        """Live settings that hold from the next step on."""
        self.config = config
        self.shape = shape_of(config)
        self.start_epoch(self._epochs_done)
        if not self.shape.has_momentum:
            self._buffer = None
        elif self._buffer is None:
            self._buffer = torch.zeros_like(self._parameters.flat)

    def start_epoch(self, epochs_done: int) -> None:
        """The momentum that holds in the epoch after so many."""
        self._epochs_done, config = epochs_done, self.config
        self._momentum = momentum_at(config, epochs_done)
        self.live = dict(zip(LIVE, (config.weight_decay, config.clip_norm, self._momentum), strict=True))

    def __call__(self, grad: Tensor, lr: Number, poisoned: Tensor | None = None) -> None:
        """One step by a gradient (n,). Where `poisoned` (0 or 1 on the device) is 1 the weights stay as they are."""
        is_adam = self.config.name in ("adam", "adamw")
        has_own_way = is_adam and self._is_fused and not self.shape.decays  # of skipping a step
        if poisoned is not None and not has_own_way:
            lr = lr * (1 - poisoned)
            grad.masked_fill_(poisoned.bool(), 0.0)
        self._penalize(grad, lr)
        if is_adam:
            self._adam(grad, lr, poisoned if has_own_way else None)
        elif self.config.name == "sgd":
            self._sgd(grad, lr)
        else:
            self._rmsprop(grad, lr)
        if any(self._limits):
            self._limit_norms(grad)

    def _penalize(self, grad: Tensor, lr: Number) -> None:
        """The gradient of the L1 penalty, then clipping of the whole gradient, then decay."""
        flat = self._parameters.flat
        if self._rules.l1:
            matrices = slice(self._parameters.matrices)
            grad[matrices].add_(flat[matrices].sign(), alpha=self._rules.l1)
        if self.shape.clips:  # as nn.utils.clip_grad_norm_
            norms = torch.stack([torch.linalg.vector_norm(piece) for piece in self._parameters.pieces(grad)])
            grad.mul_((self.live["clip_norm"] / (torch.linalg.vector_norm(norms) + 1e-6)).clamp_(max=1.0))
        if self.shape.decays:
            decay, part = self.live["weight_decay"], self._decaying
            if is_decoupled(self.config):
                flat[part].mul_(1 - lr * decay)
            else:
                grad[part].add_(flat[part] * decay)

    @property
    def _is_fused(self) -> bool:
        return self._fused_adam is not None and not torch.compiler.is_compiling()

    def _adam(self, grad: Tensor, lr: Number, poisoned: Tensor | None) -> None:
        """Kingma & Ba 2015, algorithm 1."""
        config, flat = self.config, self._parameters.flat
        mean, square = self.state["exp_avg"], self.state["exp_avg_sq"]
        self._steps.add_(self._one)
        if self._is_fused:
            self._fused_adam(
                [flat], [grad], [mean], [square], [], [self._steps], lr=lr, beta1=config.beta1, beta2=config.beta2,
                weight_decay=0.0, eps=config.eps, amsgrad=False, maximize=False, grad_scale=None, found_inf=poisoned,
            )  # fmt: skip
            return
        mean.lerp_(grad, 1 - config.beta1)
        square.mul_(config.beta2).addcmul_(grad, grad, value=1 - config.beta2)
        rate = lr / (1 - config.beta1**self._steps)
        spread = (1 - config.beta2**self._steps).sqrt()
        flat.sub_(rate * mean / (square.sqrt() / spread + config.eps))

    def _sgd(self, grad: Tensor, lr: Number) -> None:
        """As torch.optim.SGD, with Nesterov's momentum where it is asked for (Sutskever et al. 2013).

        The rate scales the velocity as it is applied. Where it scales the gradient as it enters (Sutskever's own form,
        pylearn2's), a falling rate reaches the weights later, by about 1 / (1 - momentum) steps.
        """
        flat = self._parameters.flat
        has_own_way = self._buffer is None or self._momentum > 0  # it takes no velocity at a momentum of 0, yet to rise
        if isinstance(lr, float) and self._fused_sgd is not None and has_own_way:
            buffers = [] if self._buffer is None else [self._buffer]
            self._fused_sgd(
                [flat], [grad], buffers, weight_decay=0.0, momentum=self._momentum, lr=lr, dampening=0.0,
                nesterov=self.config.nesterov, maximize=False, is_first_step=False, grad_scale=None, found_inf=None,
            )  # fmt: skip
            return
        change = grad
        if self._buffer is not None:
            momentum = self.live["momentum"]
            self._buffer.mul_(momentum).add_(grad)
            change = grad + self._buffer * momentum if self.config.nesterov else self._buffer
        flat.sub_(change * lr)

    def _rmsprop(self, grad: Tensor, lr: Number) -> None:
        """Hinton's lecture 6e, as torch.optim.RMSprop has it, to the last bit: eps outside of the root."""
        config, flat = self.config, self._parameters.flat
        square = self.state["square_avg"].mul_(config.rho).addcmul_(grad, grad, value=1 - config.rho)
        spread = square.sqrt().add_(config.eps)
        if self._buffer is not None:
            change = self._buffer.mul_(self.live["momentum"]).addcdiv_(grad, spread)
        elif isinstance(lr, float):
            flat.addcdiv_(grad, spread, value=-lr)
            return
        else:
            change = grad.div_(spread)
        if isinstance(lr, float):
            flat.add_(change, alpha=-lr)
        else:
            flat.sub_(change * lr)

    def _limit_norms(self, used: Tensor) -> None:
        """Each unit's incoming weights back to at most its layer's `max_norm` (Srivastava et al. 2014, section 5.1).

        torch.renorm does the same in four times the time: it reads a matrix column by column. `used` is memory for
        squares: a gradient that has done its work.
        """
        weights, rooms = (self._parameters.matrices_of(flat) for flat in (self._parameters.flat, used))
        for weight, room, limit in zip(weights, rooms, self._limits, strict=True):
            if limit:
                squares = weight.square() if torch.compiler.is_compiling() else torch.square(weight, out=room)
                norms = squares.sum(0).sqrt_()
                weight.mul_(norms.add_(1e-7).reciprocal_().mul_(limit).clamp_(max=1.0))

    def tensors(self) -> list[Tensor]:
        """All that a step changes beside the weights."""
        return [*self._flats().values(), self._steps]

    def _flats(self) -> dict[str, Tensor]:
        return {**self.state, **({MOMENTUM: self._buffer} if self._buffer is not None else {})}

    def capture(self) -> dict[str, Tensor]:
        """`{parameter's number}.{tensor}` as torch.optim names them, in the shapes of the parameters."""
        named = self._flats().items()
        pieces = {f"{n}.{key}": piece for key, flat in named for n, piece in enumerate(self._parameters.pieces(flat))}
        if self.config.name in ("adam", "adamw"):
            pieces |= {f"{n}.step": self._steps for n in range(len(self._parameters.names))}
        return pieces

    def restore(self, pieces: Mapping[str, Tensor]) -> None:
        """Back to what `capture` gave; what is missing starts at 0."""
        for key, flat in self._flats().items():
            for n, piece in enumerate(self._parameters.pieces(flat)):
                if f"{n}.{key}" in pieces:
                    piece.copy_(pieces[f"{n}.{key}"])
        if "0.step" in pieces:
            self._steps.copy_(pieces["0.step"])
