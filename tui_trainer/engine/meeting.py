"""When the processes of a group look up from their steps together: only the first has a clock that counts."""

from __future__ import annotations

import time

from tui_trainer.engine.group import Group
from tui_trainer.engine.pace import Every, Looks

LONGER = 1.1  # than between two reports, so that one is due at nearly every meeting


def looks(group: Group, seconds: float) -> Looks:
    """The clock of a process alone; the meetings of several."""
    return Every(seconds) if group.size == 1 else Meetings(group, seconds)


class Meetings:
    """True in all processes after the same steps. A message a step would cost as much as the step: between two
    meetings there is none, and at each the first process says after how many steps the next one is.
    """

    def __init__(self, group: Group, seconds: float) -> None:
        self._group, self._seconds = group, seconds
        self._report = Every(seconds)
        self._steps = self._steps_to_go = 1
        self._met = time.monotonic()

    def is_due(self) -> bool:
        """Whether a report is due."""
        self._steps_to_go -= 1
        if self._steps_to_go > 0:
            return False
        self._steps, is_due = self._group.agreed((self._next(), self._report.is_due()))
        self._steps_to_go = self._steps
        self._met = time.monotonic()
        return is_due

    def _next(self) -> int:
        """Steps that take as long as they should, at the rate of the last ones; at most twice as many as those."""
        rate = self._steps / max(1e-6, time.monotonic() - self._met)
        return max(1, min(2 * self._steps, int(rate * self._seconds * LONGER)))
