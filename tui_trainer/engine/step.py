"""One optimizer step, with as little around it as PyTorch allows.

The loss stays on the device: `LossMeter` adds it up there and hands it over at reports alone. On the CPU reading a
number costs nothing, so a loss that is not finite is caught before its backward pass. On a GPU reading would stall the
queue: there the step multiplies the update away on the device, and the report finds the step afterwards.
"""

from __future__ import annotations

import contextlib
import math
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.evaluation import LossFunction
from tui_trainer.engine.model import linear_weights
from tui_trainer.engine.optim import Constraints, set_lr


class NonFiniteLossError(Exception):
    """The loss (or a weight) is no number any more. `step` counts from 1."""

    def __init__(self, value: float, step: int, what: str = "loss") -> None:
        super().__init__(f"{what} became {value} at step {step:,}")
        self.step = step


class LossMeter:
    """Sums loss x samples of an epoch on the device, in float64, in the order of the steps."""

    def __init__(self, device: torch.device) -> None:
        self.total = torch.zeros((), dtype=torch.float64, device=device)
        self.samples = 0
        self.finite_steps = torch.zeros((), dtype=torch.int64, device=device)
        self._first_step = 0
        self._reported = (0.0, 0)

    def start_epoch(self, step: int, total: float = 0.0, samples: int = 0) -> None:
        """Begin at a step count, from nothing or from what a checkpoint holds."""
        self.total.fill_(total)
        self.finite_steps.zero_()
        self.samples = samples
        self._first_step = step
        self._reported = (total, samples)

    def mean(self) -> float:
        """Mean loss of the epoch so far. Raises NonFiniteLossError, naming the step. One transfer."""
        total, finite_steps = torch.stack((self.total, self.finite_steps.double())).tolist()
        if not math.isfinite(total):
            raise NonFiniteLossError(total, self._first_step + int(finite_steps) + 1)
        return float(total) / max(1, self.samples)

    def mean_since_report(self) -> float:
        """Mean loss since the last report."""
        total, samples = self.mean() * self.samples, self.samples
        before, counted = self._reported
        self._reported = (total, samples)
        return (total - before) / max(1, samples - counted)


class EagerStep:
    """Gather, forward, backward, constraints, update: for any model and option."""

    def __init__(
        self, model: nn.Sequential, optimizer: torch.optim.Optimizer, loss: LossFunction, config: RunConfig,
        samples: Samples, meter: LossMeter,
    ) -> None:  # fmt: skip
        self.config = config
        self.loss = loss
        self._model, self._optimizer, self._samples, self._meter = model, optimizer, samples, meter
        self._parameters = list(model.parameters())
        rules = config.regularization
        self._constraints = Constraints(linear_weights(model), l1=rules.l1, max_norm=rules.max_norm)
        self._device = samples.inputs.device
        self._precision = (
            torch.autocast(self._device.type, torch.bfloat16)
            if config.hardware.precision == "bf16"
            else contextlib.nullcontext()
        )
        self._is_on_cpu = self._device.type == "cpu"

    def __call__(self, rows: Tensor, lr: float, step: int) -> None:
        """One update from these rows of the training split. `step` is its number, from 1."""
        inputs = self._samples.inputs.index_select(0, rows)
        targets = self._samples.targets.index_select(0, rows)
        with self._precision:
            loss = self.loss(self._model(inputs), targets)
        if self._is_on_cpu and not math.isfinite(value := loss.item()):
            raise NonFiniteLossError(value, step)
        self._optimizer.zero_grad(set_to_none=True)
        loss.backward()  # type: ignore[no-untyped-call]
        meter = self._meter
        meter.total.add_(loss.detach(), alpha=len(rows))
        meter.samples += len(rows)
        if not self._is_on_cpu:
            self._cancel_if_poisoned()
        set_lr(self._optimizer, lr)
        with torch.no_grad():
            self._constraints.before_step(self._parameters, self.config.optimizer, lr, self._optimizer)
            self._optimizer.step()
            self._constraints.after_step()

    @torch.no_grad()
    def _cancel_if_poisoned(self) -> None:
        """From the first loss that is not finite on, no update reaches the weights; nothing waits for the device."""
        is_finite = torch.isfinite(self._meter.total)
        self._meter.finite_steps.add_(is_finite)
        optimizer: Any = self._optimizer
        if optimizer.defaults.get("fused"):
            optimizer.grad_scale, optimizer.found_inf = None, (~is_finite).float()  # torch's own switch, for AMP
        else:
            for parameter in self._parameters:
                if parameter.grad is not None:
                    parameter.grad.masked_fill_(~is_finite, 0.0)
