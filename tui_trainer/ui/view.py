"""What the dashboard knows at one moment: the frozen value that goes down to every panel."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.events import CheckpointSaved, EpochEnded, Event, PhaseBegan, Progress, Warned
from tui_trainer.history import History
from tui_trainer.inside_events import Alerted
from tui_trainer.launch import Exit
from tui_trainer.measures import headline
from tui_trainer.run_state import RunState
from tui_trainer.words import describe

MOST_LINES = 1000
SECONDS_PER_EPOCH_LINE = 1.0  # a hundred epochs a second are not a hundred lines


@dataclass(frozen=True)
class LogLine:
    """One line of the log; `kind` is the event's name, or `output` for what the worker printed."""

    time: float  # Unix seconds; 0 for output, which has none
    kind: str
    text: str
    is_best: bool = False


class LogBook:
    """The last lines of a run. Epochs that follow each other within a second share one line."""

    def __init__(self) -> None:
        self.lines: deque[LogLine] = deque(maxlen=MOST_LINES)
        self.version = 0
        self._epoch_at = 0.0

    def add(self, event: Event) -> None:
        """Take what an event adds."""
        if isinstance(event, Progress) or (isinstance(event, CheckpointSaved) and event.id is None):
            return
        if isinstance(event, PhaseBegan) and self.lines and self.lines[-1].kind == "phase_began":
            self.lines.pop()
        self.version += 1
        if not isinstance(event, EpochEnded):
            for text in describe(event).splitlines():
                kind = "noted" if isinstance(event, Warned) and event.is_note else event.event
                self.lines.append(LogLine(event.time, kind, text))
            return
        line = LogLine(event.time, event.event, epoch_words(event), event.is_best)
        if self.lines and self.lines[-1].kind == event.event and event.time - self._epoch_at < SECONDS_PER_EPOCH_LINE:
            self.lines[-1] = line
            return
        self._epoch_at = event.time
        self.lines.append(line)

    def add_output(self, text: str) -> None:
        """A line that the worker printed."""
        self.version += 1
        self.lines.append(LogLine(0.0, "output", text))


def epoch_words(event: EpochEnded) -> str:
    """`epoch 3  97.31 %  val 0.0911  train 0.0824`: what matters most first, since narrow panels cut the rest."""
    parts = [f"epoch {event.epoch:,}"]
    parts.append(headline(event))
    parts.append("best" if event.is_best else "")
    parts.append(f"val {event.val_loss:.4f}" if event.val_loss is not None else "")
    return "  ".join(filter(None, [*parts, f"train {event.train_loss:.4f}"]))


@dataclass(frozen=True)
class View:
    """Equal views look the same: nothing is repainted between them."""

    run: str = ""  # its name; "" while the next run is being set up
    state: RunState = field(default_factory=RunState)
    version: int = 0  # of history and log, which grow in place
    history: History = field(default_factory=History, compare=False)
    log: LogBook = field(default_factory=LogBook, compare=False)
    exit: Exit | None = None  # how a lost worker ended
    pending: tuple[str, ...] = ()  # what was asked for and not answered: `stopping`
    is_readonly: bool = False
    problem: str = ""  # why the form cannot be trained
    plan: str = ""  # what the form would train, in words
    silent_seconds: int = 0  # without a word from a run that trains, in steps of ten
    is_gone: bool = False  # the run's folder was moved or deleted
    seen: frozenset[tuple[str, float]] = frozenset()  # alerts that were looked at and put away, by name and time

    @property
    def status(self) -> str:
        """`ready` while the next run is being set up, otherwise the run's."""
        return self.state.status if self.run else "ready"

    @property
    def alerts(self) -> list[Alerted]:
        """Those that are open, the newest first."""
        return list(reversed(self.state.alerts)) if self.run else []

    @property
    def passed(self) -> list[Alerted]:
        """The last that passed or were answered, the newest first."""
        return list(reversed(self.state.passed_alerts)) if self.run else []

    @property
    def unseen(self) -> list[Alerted]:
        """Those that nobody at this screen has looked at."""
        return [alert for alert in self.alerts if (alert.alert, alert.time) not in self.seen]

    @property
    def is_training(self) -> bool:
        """Whether figures come in."""
        return self.status in ("training", "starting")

    @property
    def live_values(self) -> dict[str, Any]:
        """Live hyperparameters that were changed since config.toml was written."""
        return dict(self.state.changed)
