"""The mean training loss and accuracy: summed where the loss is, handed over at reports alone.

On the CPU reading a number costs nothing, so a loss that is not finite is caught before its backward pass. On a GPU
reading would stall the queue: there the sum stays on the device, and the report finds the step afterwards.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor


class NonFiniteLossError(Exception):
    """The loss (or a weight) is no number any more. `step` counts from 1."""

    def __init__(self, value: float, step: int, what: str = "loss") -> None:
        super().__init__(f"{what} became {value} at step {step:,}")
        self.step = step


class LossMeter:
    """Sums loss x samples of an epoch in float64, in the order of the steps. This one reads every loss."""

    def __init__(self) -> None:
        self.samples = 0
        self._total = 0.0
        self._step = 0  # the last that was counted
        self._reported = (0.0, 0)
        self.looked = 0  # samples whose predictions were looked at
        self._correct = 0
        self._accuracy_reported = (0, 0)

    @property
    def total(self) -> float:
        """Sum of loss x samples since the epoch began."""
        return self._total

    @property
    def correct(self) -> int:
        """How many of them were right."""
        return self._correct

    def start_accuracy(self, correct: int = 0, looked: int = 0) -> None:
        """Begin to count right predictions, from nothing or from what a checkpoint holds."""
        self._correct, self.looked = correct, looked
        self._accuracy_reported = (correct, looked)

    def add_right(self, right: Tensor) -> None:
        """Count right predictions of samples that `count` is told of."""
        self._correct += int(right)

    def accuracy(self) -> float | None:
        """Share of right predictions in the epoch so far."""
        return self.correct / self.looked if self.looked else None

    def accuracy_since_report(self) -> float | None:
        """Share of right predictions since the last report."""
        if self.looked == self._accuracy_reported[1]:
            return None
        correct, looked = self.correct, self.looked
        before, counted = self._accuracy_reported
        self._accuracy_reported = (correct, looked)
        return (correct - before) / (looked - counted)

    def start_epoch(self, step: int, total: float = 0.0, samples: int = 0) -> None:
        """Begin at a step count, from nothing or from what a checkpoint holds."""
        self._total, self.samples = total, samples
        self._step = step
        self._reported = (total, samples)

    def count(self, samples: int, looked: int, steps: int = 1) -> None:
        """Before steps are done: their samples, and those whose predictions are looked at."""
        self.samples += samples
        self.looked += looked
        self._step += steps

    def add(self, total: Tensor) -> Tensor | None:
        """Add a step's summed losses. Raises NonFiniteLossError; returns nothing that the step has to look at."""
        value = total.item()
        if not math.isfinite(value):
            raise NonFiniteLossError(value, self._step)
        self._total += value
        return None

    def tensors(self) -> list[Tensor]:
        """What it keeps on the device."""
        return []

    def mean(self) -> float:
        """Mean loss of the epoch so far. Raises NonFiniteLossError, naming the step."""
        return self.total / max(1, self.samples)

    def mean_since_report(self) -> float:
        """Mean loss since the last report."""
        total, samples = self.mean() * self.samples, self.samples
        before, counted = self._reported
        self._reported = (total, samples)
        return (total - before) / max(1, samples - counted)


class DeviceLossMeter(LossMeter):
    """The same without reading: from the first loss that is not finite on, it says so on the device."""

    def __init__(self, device: torch.device) -> None:
        super().__init__()
        self._began = 0  # the step before the first one counted
        self._sum = torch.zeros((), dtype=torch.float64, device=device)
        self._finite_steps = torch.zeros((), dtype=torch.float64, device=device)
        self._right = torch.zeros((), dtype=torch.int64, device=device)

    @property
    def total(self) -> float:
        """As `LossMeter.total`; one transfer. Raises NonFiniteLossError, naming the step."""
        total, finite_steps = torch.stack((self._sum, self._finite_steps)).tolist()
        if not math.isfinite(total):
            raise NonFiniteLossError(total, self._began + int(finite_steps) + 1)
        return float(total)

    def start_epoch(self, step: int, total: float = 0.0, samples: int = 0) -> None:
        """As `LossMeter.start_epoch`."""
        super().start_epoch(step, total, samples)
        self._began = step
        self._sum.fill_(total)
        self._finite_steps.zero_()

    @property
    def correct(self) -> int:
        """As `LossMeter.correct`; one transfer."""
        return int(self._right.item())

    def start_accuracy(self, correct: int = 0, looked: int = 0) -> None:
        """As `LossMeter.start_accuracy`."""
        super().start_accuracy(correct, looked)
        self._right.fill_(correct)

    def tensors(self) -> list[Tensor]:
        """As `LossMeter.tensors`."""
        return [self._sum, self._finite_steps, self._right]

    def add_right(self, right: Tensor) -> None:
        """As `LossMeter.add_right`, without reading."""
        self._right.add_(right)

    def add(self, total: Tensor) -> Tensor:
        """Add a step's summed losses; returns 1.0 on the device if the step must not reach the weights, else 0.0."""
        self._sum.add_(total)
        is_finite = torch.isfinite(self._sum)
        self._finite_steps.add_(is_finite)
        return (~is_finite).float()


def meter_for(device: torch.device, *, reads: bool) -> LossMeter:
    """One that reads every loss, where that costs nothing, or one that does not."""
    return LossMeter() if reads and device.type == "cpu" else DeviceLossMeter(device)
