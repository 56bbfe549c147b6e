"""Where training takes its samples from: the device's memory, the host's, or a file.

The rows are the same in the same order from each; only what a batch costs differs.
"""

from __future__ import annotations

import time
from abc import ABC, abstractmethod
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import Literal

import numpy as np
import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.data.spill import FileRows, Spilled
from tui_trainer.engine.data.staging import CudaSlot, GatherRows, MemoryRows, Slot

Tier = Literal["device", "host", "file"]
BYTES_AHEAD = 1 << 20  # fetched at least at once: what handing over to a thread, and a copy to a GPU, cost by the piece
SLOTS = 3  # one is read, one is filled, and the one read before is still valid


class Feed(ABC):
    """The training samples, wherever they are."""

    tier: Tier

    def __init__(self, samples: Samples) -> None:
        self.samples = samples
        self.seconds_waited = 0.0  # by the training, for samples that were not there yet

    def __len__(self) -> int:
        return len(self.samples)

    @abstractmethod
    def order(self, order: Tensor) -> Tensor:
        """An epoch's order, where `take` reads it without a transfer."""

    @abstractmethod
    def take(self, order: Tensor, start: int, stop: int, end: int) -> tuple[Tensor, Tensor]:
        """Raw inputs (stop - start, features) and targets of rows order[start:stop], on the device.

        They stay as they are until the next but one call. `end` is where the epoch ends: nothing beyond is fetched
        ahead.
        """

    @abstractmethod
    def close(self) -> None:
        """Stop fetching; nothing can be taken afterwards."""


class DeviceFeed(Feed):
    """All samples are on the device."""

    tier = "device"

    def order(self, order: Tensor) -> Tensor:
        """See `Feed`."""
        return order.to(self.samples.inputs.device)

    def take(self, order: Tensor, start: int, stop: int, end: int) -> tuple[Tensor, Tensor]:
        """See `Feed`."""
        rows = order[start:stop]
        return self.samples.inputs.index_select(0, rows), self.samples.targets.index_select(0, rows)

    def close(self) -> None:
        """See `Feed`."""


@dataclass
class _Block:
    """Rows order[first:last], in a slot as soon as `filled` is done."""

    first: int
    last: int
    slot: Slot
    filled: Future[None]

    def holds(self, start: int, stop: int) -> bool:
        return self.first <= start and stop <= self.last

    def wait(self) -> None:
        """Raises what went wrong while it was fetched."""
        self.filled.result()
        self.slot.will_be_read()

    def drop(self) -> None:
        """Not wanted any more; what went wrong with it is said all the same."""
        if not self.filled.cancel():
            self.filled.result()


class StagedFeed(Feed):
    """Samples in the host's memory or a file: a thread gathers the next rows while the training is at the present ones.

    It fetches the rows that follow, several batches at once where they are small. Whoever asks for other rows (another
    order, a jump) gets those, and waits for them: `direct` counts how often.
    """

    def __init__(self, samples: Samples, device: torch.device, bytes_ahead: int = BYTES_AHEAD) -> None:
        super().__init__(samples)
        self.tier: Tier = "host"
        self._gather_rows: GatherRows = MemoryRows(samples)
        if isinstance(samples, Spilled):
            self.tier, self._gather_rows = "file", FileRows(samples)
        self._rows_ahead = bytes_ahead * len(samples) // samples.nbytes
        self.direct = 0
        self._stream = torch.cuda.Stream(device) if device.type == "cuda" else None  # type: ignore[no-untyped-call]
        self._slots: list[Slot | None] = [None] * SLOTS
        self._turn = 0  # which slot is filled next
        self._thread = ThreadPoolExecutor(1, thread_name_prefix="feed")  # ends with the feed, or the interpreter
        self._order: Tensor | None = None
        self._version = 0
        self._rows = np.empty(0, np.int64)
        self._present: _Block | None = None
        self._coming: _Block | None = None

    def order(self, order: Tensor) -> Tensor:
        """See `Feed`: the thread that gathers reads it in the host's memory."""
        return order.cpu()

    def take(self, order: Tensor, start: int, stop: int, end: int) -> tuple[Tensor, Tensor]:
        """See `Feed`. Raises what went wrong on the feed's thread since the last call."""
        self._read(order)
        end = min(end, len(self._rows))
        if not 0 <= start <= stop <= len(self._rows):
            raise IndexError(f"rows {start} to {stop} of an order of {len(self._rows)}")
        block = self._block_with(start, stop)
        if self._coming is None and block.last < end and stop > start:
            batch = stop - start
            ahead = max(batch, self._rows_ahead // batch * batch)
            self._coming = self._fetch(block.last, min(end, block.last + ahead))
        return block.slot.part(start - block.first, stop - block.first)

    def _read(self, order: Tensor) -> None:
        """Know an order by its identity; what was fetched by another one, or before it was written to, is dropped."""
        if order is self._order and order._version == self._version:
            return
        self._present = None
        self._drop_coming()
        here = order.cpu()
        if len(here):
            low, high = (int(bound) for bound in here.aminmax())
            if low < 0 or high >= len(self):
                raise IndexError(f"an order with rows {low} to {high} of {len(self)} samples")
        self._rows = here.numpy()
        self._order, self._version = order, order._version

    def _block_with(self, start: int, stop: int) -> _Block:
        if self._present and self._present.holds(start, stop):
            return self._present
        if self._coming and not self._coming.holds(start, stop):
            self._drop_coming()
        block, self._coming = self._coming, None
        if block is None:
            self.direct += 1
            block = self._fetch(start, stop)
        began = time.perf_counter()
        block.wait()
        self.seconds_waited += time.perf_counter() - began
        self._present = block
        self._turn = (self._turn + 1) % SLOTS
        return block

    def _fetch(self, first: int, last: int) -> _Block:
        slot = self._slots[self._turn]
        if slot is None or slot.capacity < last - first:
            slot = self._slots[self._turn] = self._new_slot(last - first)
        slot.may_be_overwritten()
        return _Block(first, last, slot, self._thread.submit(slot.fill, self._gather_rows, self._rows[first:last]))

    def _new_slot(self, capacity: int) -> Slot:
        if self._stream is None:
            return Slot(self.samples, capacity)
        return CudaSlot(self.samples, capacity, self._stream)

    def _drop_coming(self) -> None:
        coming, self._coming = self._coming, None
        if coming:
            coming.drop()

    def close(self) -> None:
        """See `Feed`."""
        self._thread.shutdown(cancel_futures=True)
        self._present = self._coming = None
        self._slots = [None] * SLOTS
