"""The optimizer, the learning rate at any moment, and what acts on gradients and weights around the step."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.config import Optimizer, Schedule


def make_optimizer(config: Optimizer, model: nn.Module) -> torch.optim.Optimizer:
    """One parameter group, or two where biases and normalisation parameters (1 dimension) do not decay.

    Fused where torch has it: one call per step in place of one per tensor.
    """
    parameters = list(model.parameters())
    groups: list[dict[str, Any]] = [{"params": parameters, "decays": True}]
    if not config.decay_biases:
        groups = [
            {"params": [p for p in parameters if p.ndim > 1], "decays": True},
            {"params": [p for p in parameters if p.ndim <= 1], "decays": False},
        ]
    if config.name == "sgd":
        optimizer: torch.optim.Optimizer = torch.optim.SGD(
            groups, lr=config.lr, momentum=config.momentum, nesterov=config.nesterov, fused=True
        )
    elif config.name == "rmsprop":
        optimizer = torch.optim.RMSprop(
            groups, lr=config.lr, alpha=config.rho, eps=config.eps, momentum=config.momentum, foreach=True
        )
    else:
        adam = torch.optim.AdamW if config.name == "adamw" else torch.optim.Adam
        optimizer = adam(groups, lr=config.lr, betas=(config.beta1, config.beta2), eps=config.eps, fused=True)
    apply_live(optimizer, config)
    return optimizer


class Update:
    """`optimizer.step()` with its lists made once: on a small net torch makes them anew for a fifth of the step.

    For Adam in its two forms, by the operation that torch's own fused Adam calls; the others step as they are. The
    state stays the optimizer's own. `found_inf` (0 or 1 on the device) cancels a step without waiting for the device,
    as torch's GradScaler does it.
    """

    def __init__(self, optimizer: torch.optim.Optimizer) -> None:
        self._optimizer: Any = optimizer
        self._lists: list[tuple[dict[str, Any], list[list[Tensor]]]] = []
        is_decoupled = isinstance(optimizer, torch.optim.AdamW)
        self._operation = getattr(torch, "_fused_adamw_" if is_decoupled else "_fused_adam_", None)

    def forget(self) -> None:
        """After a state was loaded: the lists hold its tensors."""
        self._lists = []

    def __call__(self, found_inf: Tensor | None = None) -> None:
        """One update from the parameters' gradients, outside of autograd."""
        optimizer = self._optimizer
        if not self._lists or self._operation is None or found_inf is not None:
            optimizer.grad_scale, optimizer.found_inf = None, found_inf
            optimizer.step()  # the first one makes the optimizer's state
            if found_inf is None and isinstance(optimizer, torch.optim.Adam):
                self._lists = [(group, self._state_of(group["params"])) for group in optimizer.param_groups]
            return
        for group, (parameters, averages, squares, steps) in self._lists:
            torch._foreach_add_(steps, 1)
            self._operation(
                parameters, [p.grad for p in parameters], averages, squares, [], steps,
                lr=group["lr"], beta1=group["betas"][0], beta2=group["betas"][1], weight_decay=group["weight_decay"],
                eps=group["eps"], amsgrad=False, maximize=False, grad_scale=None, found_inf=None,
            )  # fmt: skip

    def _state_of(self, parameters: list[Tensor]) -> list[list[Tensor]]:
        state = [self._optimizer.state[p] for p in parameters]
        return [parameters, *([entry[name] for entry in state] for name in ("exp_avg", "exp_avg_sq", "step"))]


def is_decoupled(config: Optimizer) -> bool:
    """Whether decay shrinks the weights directly (Loshchilov & Hutter 2019) instead of joining the gradient."""
    return config.weight_decay_mode == "decoupled" or (config.weight_decay_mode == "auto" and config.name == "adamw")


def apply_live(optimizer: torch.optim.Optimizer, config: Optimizer) -> None:
    """Bring the optimizer to the config's present momentum and weight decay; `set_lr` brings the rate."""
    own = config.name == "adamw" or not is_decoupled(config)  # torch's sgd, adam, rmsprop only know coupled decay
    for group in optimizer.param_groups:
        group["weight_decay"] = config.weight_decay if own and group["decays"] else 0.0
        if "momentum" in group:
            group["momentum"] = config.momentum


def set_lr(optimizer: torch.optim.Optimizer, lr: float) -> None:
    """One rate for all groups."""
    for group in optimizer.param_groups:
        group["lr"] = lr


def lr_factor(config: Schedule, epochs_done: float, epochs: int) -> float:
    """What the schedule multiplies `lr` by, after `epochs_done` (a fraction inside an epoch) of `epochs`.

    A pure function of the moment, so that a resume, another batch size or more epochs need no schedule state.
    """
    share = min(1.0, epochs_done / epochs)
    match config.name:
        case "step":
            factor = config.step_factor ** (int(epochs_done) // config.step_epochs)
        case "exponential":
            factor = config.epoch_factor ** int(epochs_done)
        case "linear":
            factor = 1 + (config.final_factor - 1) * share
        case "cosine":
            factor = _cosine(1, config.final_factor, share)
        case "one_cycle":  # Smith & Topin 2018; start 1/25 and end 1e-4/25 as in torch's OneCycleLR
            rising = share < config.peak_at
            position = share / config.peak_at if rising else (share - config.peak_at) / (1 - config.peak_at)
            factor = _cosine(1 / 25, 1, position) if rising else _cosine(1, 1e-4 / 25, position)
        case _:
            factor = 1.0
    return factor * min(1.0, epochs_done / config.warmup) if config.warmup else factor


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2


class Constraints:
    """L1, clipping, decoupled decay and max-norm: what the optimizers of torch do not do themselves."""

    def __init__(self, weights: list[Tensor], *, l1: float, max_norm: float) -> None:
        self._weights = weights
        self._l1 = l1
        self._max_norm = max_norm

    def before_step(self, parameters: Sequence[Tensor], config: Optimizer, lr: float, optimizer: Any) -> None:
        """The gradient of the L1 penalty, then clipping of the whole gradient, then decoupled decay."""
        if self._l1:
            gradients = [weight.grad for weight in self._weights if weight.grad is not None]
            torch._foreach_add_(gradients, torch._foreach_sign(self._weights), alpha=self._l1)
        if config.clip_norm:
            nn.utils.clip_grad_norm_(parameters, config.clip_norm, foreach=True)
        if config.weight_decay and config.name != "adamw" and is_decoupled(config):
            decaying = [p for group in optimizer.param_groups if group["decays"] for p in group["params"]]
            torch._foreach_mul_(decaying, 1 - lr * config.weight_decay)

    def after_step(self) -> None:
        """Each unit's incoming weights back to at most `max_norm` (Srivastava et al. 2014, section 5.1)."""
        if self._max_norm:
            for weight in self._weights:
                weight.copy_(torch.renorm(weight, 2, 0, self._max_norm))
