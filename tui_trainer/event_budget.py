"""Keeps events.jsonl small: at most 20 MB a day, whatever the speed of the run.

A pure object: the worker asks it, event by event, what to write. Early on everything fits. When the budget runs low,
progress goes first (about one a second remains), then per-class details, then single epochs. What changes a run's
state is always written. Standard output is not thinned.
"""

from __future__ import annotations

from tui_trainer.events import CheckpointSaved, EpochEnded, Event, Progress

BYTES_PER_DAY = 20_000_000
BURST = 4_000_000  # may be written at once; the rest of the day's bytes trickle in
BYTES_PER_SECOND = (BYTES_PER_DAY - BURST) / 86_400


class EventBudget:
    """`already` bytes were written since `began` (Unix seconds), by this or an earlier process of the run."""

    def __init__(self, began: float, already: int = 0) -> None:
        self._level = BURST - float(already)
        self._at = began

    def line_for(self, event: Event) -> str | None:
        """The line to write for an event, or None to leave it out."""
        self._level = min(BURST, self._level + max(0.0, event.time - self._at) * BYTES_PER_SECOND)
        self._at = event.time
        line: str | None = event.to_line()
        if isinstance(event, EpochEnded) and self._level < BURST / 4:
            line = event.without_details().to_line() if self._level > BURST / 16 else None
        elif (isinstance(event, Progress) and self._level < BURST / 2) or (
            isinstance(event, CheckpointSaved) and event.id is None and self._level < BURST / 16
        ):
            line = None
        if line:
            self._level -= len(line.encode())
        return line
