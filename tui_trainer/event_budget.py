"""Keeps events.jsonl small: at most 20 MB a day, whatever the speed of the run.

A pure object: the worker asks it, event by event, what to write. Early on everything fits. The lower the budget runs,
the further apart are progress, epochs and their per-class details; a viewer still sees the run move. What changes a
run's state is always written. Standard output is not thinned.
"""

from __future__ import annotations

from typing import NamedTuple

from tui_trainer.events import CheckpointSaved, EpochEnded, Event, Progress
from tui_trainer.inside_events import NetMeasured

BYTES_PER_DAY = 20_000_000
BURST = 4_000_000  # may be written at once; the rest of the day's bytes trickle in
BYTES_PER_SECOND = (BYTES_PER_DAY - BURST) / 86_400
NEVER = float("inf")


class Spacing(NamedTuple):
    """Least seconds between two of a kind."""

    progress: float
    epochs: float
    details: float
    saves: float
    inside: float  # some 500 bytes a layer
    pictures: float  # some 1,100 bytes each


AT_LEVEL = (
    (1 / 2, Spacing(0, 0, 0, 0, 0, 2)),
    (1 / 4, Spacing(1, 0.2, 1, 1, 2, 60)),
    (1 / 16, Spacing(2, 1, 10, 5, 30, NEVER)),
    (-NEVER, Spacing(10, 10, NEVER, NEVER, 600, NEVER)),  # 70 bytes a second: less than trickles in
)


class EventBudget:
    """`already` bytes were written since `began` (Unix seconds), by this or an earlier process of the run."""

    def __init__(self, began: float, already: int = 0) -> None:
        self._level = BURST - float(already)
        self._at = began
        self._last: dict[str, float] = {}

    def line_for(self, event: Event) -> str | None:
        """The line to write for an event, or None to leave it out."""
        self._level = min(BURST, self._level + max(0.0, event.time - self._at) * BYTES_PER_SECOND)
        self._at = event.time
        spacing = next(spacing for level, spacing in AT_LEVEL if self._level > BURST * level)
        line = self._line(event, spacing)
        if line:
            self._level -= len(line.encode())
        return line

    def _line(self, event: Event, spacing: Spacing) -> str | None:
        match event:
            case Progress():
                return event.to_line() if self._is_time("progress", event.time, spacing.progress) else None
            case EpochEnded():
                is_kept = event.epoch == event.epochs or (event.is_best and spacing.details < NEVER)
                if not (self._is_time("epochs", event.time, spacing.epochs) or is_kept):
                    return None
                is_whole = self._is_time("details", event.time, spacing.details)
                return (event if is_whole else event.without_details()).to_line()
            case NetMeasured():
                if not (self._is_time("inside", event.time, spacing.inside) or event.is_last):
                    return None
                has_pictures = event.is_last or (
                    event.pictures and self._is_time("pictures", event.time, spacing.pictures)
                )
                return (event if has_pictures else event.model_copy(update={"pictures": None})).to_line()
            case CheckpointSaved() if event.id is None:
                return event.to_line() if self._is_time(event.kind, event.time, spacing.saves) else None
        return event.to_line()

    def _is_time(self, kind: str, now: float, seconds: float) -> bool:
        if seconds and now - self._last.get(kind, -NEVER) < seconds:
            return False
        self._last[kind] = now
        return True
