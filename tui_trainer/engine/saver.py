"""When to save, and saving: `best` first, then the `last` that knows of it."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterator
from pathlib import Path

from tui_trainer.engine import checkpoint
from tui_trainer.engine.going_back import go_back
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.meter import NonFiniteLossError
from tui_trainer.engine.model import all_finite
from tui_trainer.engine.session import Session
from tui_trainer.events import CheckpointSaved
from tui_trainer.inside_events import WentBack

SECONDS_INSIDE_AN_EPOCH = 60.0
SECONDS_BETWEEN = 1.0
SHARE_OF_TIME = 0.05  # saving at the end of every epoch may cost this much


class Saver:
    """Writes a session's checkpoints into a folder, or nowhere (None). Of a group, the first process alone does."""

    def __init__(self, folder: Path | None, group: Group = ALONE) -> None:
        self._folder, self._group = folder, group
        self._is_kept = group.agreed(folder is not None)
        self._saved_at = time.monotonic()
        self._cost = 0.0
        self._best_epoch = 0
        self.holds = False  # what it would save by itself is worth less than what is there

    def go_back(self, session: Session, until: int | None) -> WentBack:
        """See `going_back`."""
        went = go_back(session, self._folder, until)
        self._best_epoch, self.holds = 0, False  # a best epoch on disk may be of a future that is void
        return went

    def save_over(self, session: Session) -> Iterator[CheckpointSaved]:
        """Save; what was saved of a future that is void is gone afterwards."""
        yield from self.save(session)
        if self._folder and self._group.is_first:
            shutil.rmtree(self._folder / "last.previous", ignore_errors=True)

    def knows_best(self, epoch: int) -> None:
        """A resume found this best checkpoint on disk."""
        self._best_epoch = epoch

    def is_due(self, *, at_epoch_end: bool) -> bool:
        """At the end of an epoch unless it was a moment ago; inside a long one every 60 s."""
        return self._is_kept and self._group.agreed(self._has_waited(at_epoch_end=at_epoch_end))

    def _has_waited(self, *, at_epoch_end: bool) -> bool:
        if self.holds:
            return False
        waited = time.monotonic() - self._saved_at
        return waited >= (max(SECONDS_BETWEEN, self._cost / SHARE_OF_TIME) if at_epoch_end else SECONDS_INSIDE_AN_EPOCH)

    def save(self, session: Session, id: str | None = None) -> Iterator[CheckpointSaved]:  # noqa: A002
        """Write what changed. Raises NonFiniteLossError before a bad weight reaches a file, StorageError."""
        if not self._is_kept:
            return
        if not all_finite(session.model):
            raise NonFiniteLossError(float("nan"), session.step, "a weight")
        if not self._group.is_first:
            self._best_epoch = session.record.best_epoch
            return
        with session.pace.aside():
            started = time.monotonic()
            best = session.capture_best() if session.record.best_epoch != self._best_epoch else None
            if best:
                yield self._write(best, session)
                self._best_epoch = session.record.best_epoch
            yield self._write(session.capture(), session).model_copy(update={"id": id})
            self._saved_at = time.monotonic()
            self._cost = self._saved_at - started

    def _write(self, captured: checkpoint.Checkpoint, session: Session) -> CheckpointSaved:
        assert self._folder is not None  # noqa: S101
        started = time.monotonic()
        size = checkpoint.write(self._folder, captured)
        return CheckpointSaved(
            kind=captured.kind,
            epochs_done=captured.facts["epochs_done"],
            step=session.step,
            bytes=size,
            seconds=round(time.monotonic() - started, 4),
        )
