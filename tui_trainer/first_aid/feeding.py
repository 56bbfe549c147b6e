"""That training waits for its samples."""

from __future__ import annotations

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict
from tui_trainer.inside_events import Remedy


class DataStarvation(Rule):
    """A third of the time of three epochs in a row, training had nothing to train on."""

    kind = "data_starvation"
    SHARE, PASSED, EPOCHS = 1 / 3, 0.2, 3

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._bad = 0

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if not isinstance(event, EpochEnded) or event.seconds_waiting is None or not event.seconds:
            return None
        share = event.seconds_waiting / event.seconds
        self._bad = self._bad + 1 if share > self.SHARE else 0
        if self._bad < self.EPOCHS:
            return "fine" if share < self.PASSED else None
        return Symptom(
            cause="training waits for its samples: reading them takes longer than learning from them",
            evidence=f"of the {event.seconds:.3g} s of epoch {event.epoch:,} it waited {event.seconds_waiting:.3g} s "
            f"({share:.0%})",
            remedies=remedies.chosen(
                self._more_memory(case, "device_memory"),
                self._more_memory(case, "host_memory"),
                remedies.advice("Put TMPDIR on a faster disk, and resume the run"),
            ),
        )

    def _more_memory(self, case: Case, name: str) -> Remedy | None:
        """A limit that was set by hand keeps samples away from the device."""
        if getattr(case.config.hardware, name) == "auto":
            return None
        flag = name.replace("_", "-")
        return remedies.anew(f"Resume the run, or start a new one, with --{flag} auto, or with more", **{name: "auto"})
