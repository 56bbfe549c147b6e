"""Room for blocks of samples on their way from the host's memory to the device.

A slot is filled by the feed's own thread while the training reads another one. On a GPU the order between the two is
kept by events on the device; only the feed's thread ever waits for it.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import Samples

GatherRows = Callable[[np.ndarray[Any, Any], Samples], None]  # rows, into the first of these samples


class Slot:
    """On the CPU: training reads what was gathered where it was gathered."""

    def __init__(self, like: Samples, capacity: int) -> None:
        self.capacity = capacity
        self._host = _room(like, capacity, pin_memory=False)

    def may_be_overwritten(self) -> None:
        """Said on the training's thread: whatever reads the slot's old samples has been asked for already."""

    def fill(self, gather_rows: GatherRows, rows: np.ndarray[Any, Any]) -> None:
        """Bring rows here; on the feed's thread."""
        gather_rows(rows, self._host)

    def will_be_read(self) -> None:
        """Said on the training's thread before it reads."""

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """Views of inputs and targets, on the device."""
        return self._host.inputs[start:stop], self._host.targets[start:stop]


class CudaSlot(Slot):
    """Gathered in pinned memory, copied from there by a stream of its own."""

    def __init__(self, like: Samples, capacity: int, stream: torch.cuda.Stream) -> None:
        self.capacity = capacity
        self._host = _room(like, capacity, pin_memory=True)
        self._here = _room(like, capacity, device=stream.device)
        for tensor in (self._here.inputs, self._here.targets):
            tensor.record_stream(stream)  # a feed that is dropped while it copies must not free what is written to
        self._stream = stream
        self._free, self._copied = (torch.cuda.Event() for _ in range(2))  # type: ignore[no-untyped-call]

    def may_be_overwritten(self) -> None:
        """See `Slot`."""
        self._free.record(torch.cuda.current_stream(self._stream.device))

    def fill(self, gather_rows: GatherRows, rows: np.ndarray[Any, Any]) -> None:
        """See `Slot`."""
        self._copied.synchronize()  # the copy before this one still reads the pinned memory
        super().fill(gather_rows, rows)
        count = len(rows)
        with torch.cuda.stream(self._stream):
            self._stream.wait_event(self._free)
            self._here.inputs[:count].copy_(self._host.inputs[:count], non_blocking=True)
            self._here.targets[:count].copy_(self._host.targets[:count], non_blocking=True)
            self._copied.record(self._stream)

    def will_be_read(self) -> None:
        """See `Slot`."""
        torch.cuda.current_stream(self._stream.device).wait_event(self._copied)

    def part(self, start: int, stop: int) -> tuple[Tensor, Tensor]:
        """See `Slot`."""
        return self._here.inputs[start:stop], self._here.targets[start:stop]


class MemoryRows:
    """Gathers rows of samples in memory."""

    def __init__(self, samples: Samples) -> None:
        self._samples = samples

    def __call__(self, rows: np.ndarray[Any, Any], out: Samples) -> None:
        """These rows into the first of `out`."""
        gather(self._samples.inputs, rows, out.inputs)
        gather(self._samples.targets, rows, out.targets)


def gather(source: Tensor, rows: np.ndarray[Any, Any], out: Tensor) -> None:
    """Rows of `source` into the first of `out`, on this thread alone, without the interpreter's lock.

    torch's own gather starts threads, which then wait for the training's: 60,000 pictures in batches of 64 took
    300 ms on two busy cores, these take 8. "clip" writes where it should at once; the rows are known to be valid.
    """
    np.take(source.numpy(), rows, axis=0, out=out.numpy()[: len(rows)], mode="clip")


def _room(like: Samples, count: int, **where: Any) -> Samples:
    inputs, targets = (
        torch.empty((count, *tensor.shape[1:]), dtype=tensor.dtype, **where) for tensor in (like.inputs, like.targets)
    )
    return Samples(inputs, targets)
