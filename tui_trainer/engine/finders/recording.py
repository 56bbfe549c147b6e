"""Every step's loss, where a run's meter keeps their sum alone."""

from __future__ import annotations

from typing import Protocol

import torch
from torch import Tensor

from tui_trainer.engine.meter import DeviceLossMeter, LossMeter, NonFiniteLossError
from tui_trainer.engine.session import Session


class Recorder(Protocol):
    """A meter that keeps more."""

    def read(self) -> list[float]:
        """Each step's summed losses so far, the first step's first; a transfer where they are on a device."""


class ReadLosses(LossMeter):
    """On the CPU, where reading costs nothing. A loss that is no number is kept too, and raises as ever."""

    def __init__(self) -> None:
        super().__init__()
        self._each: list[float] = []

    def add(self, total: Tensor) -> Tensor | None:
        """As `LossMeter.add`."""
        self._each.append(total.item())
        return super().add(total)

    def read(self) -> list[float]:
        """See `Recorder`."""
        return list(self._each)


class KeptLosses(DeviceLossMeter):
    """On the device, step by step, in graphs and compiled: nothing waits for it but `read`."""

    def __init__(self, device: torch.device, steps: int) -> None:
        super().__init__(device)
        self._each = torch.zeros(steps + 1, dtype=torch.float64, device=device)  # the last is for steps beyond
        self._taken = torch.zeros(1, dtype=torch.int64, device=device)
        self._one = torch.ones(1, dtype=torch.int64, device=device)

    def add(self, total: Tensor) -> Tensor:
        """As `DeviceLossMeter.add`."""
        self._each.index_copy_(0, self._taken, total.reshape(1).to(self._each.dtype))
        self._taken.add_(self._one).clamp_(max=len(self._each) - 1)
        return super().add(total)

    def tensors(self) -> list[Tensor]:
        """As `LossMeter.tensors`: what a rehearsal writes here is undone."""
        return [*super().tensors(), self._each, self._taken]

    def read(self) -> list[float]:
        """See `Recorder`."""
        return self._each[: int(self._taken.item())].tolist()


def recorded(session: Session, steps: int) -> ReadLosses | KeptLosses:
    """The session keeps the losses of its next `steps` steps; it must not have taken one yet."""
    reads = session.steps.name == "eager" and session.device.type == "cpu"
    meter = ReadLosses() if reads else KeptLosses(session.device, steps)
    session.meter = session.steps.step.meter = meter
    return meter


__all__ = ["KeptLosses", "NonFiniteLossError", "ReadLosses", "Recorder", "recorded"]
