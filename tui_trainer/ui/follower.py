"""Reads a run's folder from its start and follows it: the one source of everything on screen."""

from __future__ import annotations

import time
from array import array

from tui_trainer import config_file, events
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, printable
from tui_trainer.events import EpochEnded, Event, Progress, RunResumed
from tui_trainer.history import History
from tui_trainer.inside_events import WentBack
from tui_trainer.knobs import KNOBS
from tui_trainer.launch import Exit, exit_of
from tui_trainer.run_dir import RunDir, Tail
from tui_trainer.run_state import RunState, advance
from tui_trainer.ui.view import LogBook

MOST_PLACES = 4096
READ_AT_ONCE = 1 << 16  # bytes: a few milliseconds of work


class EpochIndex:
    """Where epochs with a matrix stand in events.jsonl, thinned: each is read from there when it is wanted."""

    def __init__(self) -> None:
        self.epochs, self._places = array("q"), array("q")
        self._stride = 1

    def add(self, epoch: int, place: int) -> None:
        """The newest epoch is always in; older ones every so many."""
        if len(self.epochs) > 1 and (self.epochs[-1] - self.epochs[-2]) < self._stride:
            self.epochs.pop()
            self._places.pop()
        self.epochs.append(epoch)
        self._places.append(place)
        if len(self.epochs) > MOST_PLACES:
            self.epochs, self._places = self.epochs[::2], self._places[::2]
            self._stride *= 2

    def cut_after(self, epoch: int) -> None:
        """A resume makes later epochs void."""
        while self.epochs and self.epochs[-1] > epoch:
            self.epochs.pop()
            self._places.pop()

    def place_of(self, epoch: int) -> int | None:
        """Where the line of an epoch begins, if it was kept."""
        for number in range(len(self.epochs) - 1, -1, -1):
            if self.epochs[number] == epoch:
                return self._places[number]
        return None


class RunFollower:
    """State, curves and log of one run, kept up to date by `read`."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self.start_over()

    def start_over(self) -> None:
        """Nothing was read yet."""
        self.state = RunState()
        self.history = History()
        self.log = LogBook()
        self.epochs = EpochIndex()
        self.detailed: EpochEnded | None = None  # the newest epoch whose matrix was kept
        self.answers: list[Event] = []  # since they were last taken: for whoever waits for one
        self.is_alive = self.run.is_alive()
        self.heard_at = time.monotonic()  # when the last line was read
        self.is_complete = False  # whether everything written so far was read
        self.exit: Exit | None = None
        self._progress: Progress | None = None  # not folded into the state yet
        self._tail = Tail(self.run.events)
        self._output = Tail(self.run.log)

    def read(self, seconds: float) -> None:
        """Take in what was appended, for about so many seconds of work."""
        end = time.monotonic() + seconds
        self.is_alive = self.run.is_alive()  # before reading: a worker says its end before it lets go
        self.is_complete = False
        if self._tail.has_shrunk():  # somebody cut or replaced the file: what was read no longer holds
            self.start_over()
        while time.monotonic() < end:
            lines = self._tail.next_lines(READ_AT_ONCE)
            if not lines:
                self.is_complete = True
                break
            self.heard_at = time.monotonic()
            for place, line in lines:
                if event := events.parse(line):
                    self._take(event, place)
        self._fold_progress()
        for text in self._output.new_lines():
            self.log.add_output(printable(text.rpartition("\r")[2]))
        if self.is_alive:
            self.exit = None
        elif self.exit is None and self.is_complete:
            self.exit = exit_of(self.run)  # the watcher may need a moment to write it

    def _take(self, event: Event, place: int) -> None:
        self.history.add(event)
        if isinstance(event, Progress):  # of many in a row only the last one shapes the state
            self._progress = event
            return
        self._fold_progress()
        self.state = advance(self.state, event)
        self.log.add(event)
        match event:
            case EpochEnded():
                if event.confusion or event.pairs or event.support:
                    self.detailed = event
                    self.epochs.add(event.epoch, place)
            case RunResumed() | WentBack():
                self.epochs.cut_after(event.epochs_done)
                if self.detailed and self.detailed.epoch > event.epochs_done:
                    self.detailed = self.epoch(self.epochs.epochs[-1]) if self.epochs.epochs else None
        if not isinstance(event, EpochEnded):
            self.answers.append(event)

    def _fold_progress(self) -> None:
        if self._progress:
            self.state = advance(self.state, self._progress)
            self._progress = None

    @property
    def seen_state(self) -> RunState:
        """The state with what only the lock tells."""
        return self.state.seen_from_outside(self.is_alive)

    def epoch(self, number: int) -> EpochEnded | None:
        """An epoch as it was said, read from the file; None where its line was thinned away."""
        if (place := self.epochs.place_of(number)) is None:
            return None
        try:
            with self.run.events.open("rb") as file:
                file.seek(place)
                event = events.parse(file.readline())
        except OSError:
            return None
        return event if isinstance(event, EpochEnded) else None

    def config(self) -> RunConfig | None:
        """The settings in force: config.toml and what was changed since; None where the file cannot be read."""
        try:
            config = config_file.load(self.run.config)
        except InputError:
            return None
        for name, value in self.state.changed.items():
            if knob := KNOBS.get(name):
                section = getattr(config, knob.section).model_copy(update={knob.key: value})
                config = config.model_copy(update={knob.section: section})
        return config
