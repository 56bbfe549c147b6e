"""Steps whose learning rate rises, whatever the session's settings say; everything else is theirs."""

from __future__ import annotations

from collections.abc import Sequence

from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.passes import Batch
from tui_trainer.engine.step import Steps
from tui_trainer.lr_curve import Curve


class RisingSteps:
    """Around the steps of a session. `sizes` are the batches' so far, in samples."""

    def __init__(self, inner: Steps, curve: Curve) -> None:
        self._inner, self._curve = inner, curve
        self.step, self.block, self.name, self.troubles = inner.step, inner.block, inner.name, inner.troubles
        self.sizes: list[int] = []

    def run(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look_every: int) -> None:
        """See `Steps`."""
        first = len(self.sizes)
        self.sizes += [batch.size] * len(lrs)
        rates = [self._curve.lr_at(first + number) for number in range(len(lrs))]
        self._inner.run(samples, rows, batch, rates, look_every)

    def work_ahead(self, batch_size: int, look_every: int) -> str:
        """See `Steps`."""
        return self._inner.work_ahead(batch_size, look_every)

    def prepare(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look: int) -> None:
        """See `Steps`."""
        self._inner.prepare(samples, rows, batch, lrs, look)
        self.troubles, self._inner.troubles = self._inner.troubles, []

    def fit(self, full_batches: int, size: int) -> None:
        """See `Steps`."""
        self._inner.fit(full_batches, size)
        self.block = self._inner.block

    def start_epoch(self, epochs_done: int) -> None:
        """See `Steps`."""
        self._inner.start_epoch(epochs_done)

    def change(self, config: RunConfig) -> None:
        """See `Steps`."""
        self._inner.change(config)
