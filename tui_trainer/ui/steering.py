"""What a person asks of a run: appended to its folder, and remembered until the run has answered."""

from __future__ import annotations

import itertools
import os
from collections.abc import Iterable

from tui_trainer.commands import Command
from tui_trainer.events import CommandRejected, Event, RunEnded, RunResumed
from tui_trainer.run_dir import RunDir

DOING = {
    "pause": "pausing", "resume": "continuing", "stop": "stopping", "save": "saving", "evaluate": "evaluating",
    "set": "setting", "apply": "applying",
}  # fmt: skip


class Steering:
    """Sends commands and keeps those that wait for their event."""

    def __init__(self, run: RunDir) -> None:
        self._run = run
        self._numbers = itertools.count(1)
        self._waiting: dict[str, Command] = {}

    @property
    def pending(self) -> tuple[str, ...]:
        """`stopping`, `setting` ... in the order they were asked."""
        return tuple(dict.fromkeys(DOING[command.command] for command in self._waiting.values()))

    def is_waiting(self, name: str) -> bool:
        """Whether a command of this name has not been answered."""
        return any(command.command == name for command in self._waiting.values())

    def send(self, command: Command) -> None:
        """Append it, with an id of our own. Raises StorageError."""
        named = command.model_copy(update={"id": f"{os.getpid()}-{next(self._numbers)}"})
        self._run.send(named)
        self._waiting[named.id or ""] = named

    def hear(self, events: Iterable[Event]) -> list[CommandRejected]:
        """Cross out what was answered; returns what was refused of it. The end of a run answers everything."""
        refused = []
        for event in events:
            if isinstance(event, RunEnded | RunResumed):
                self._waiting.clear()
            elif (answered := getattr(event, "id", None)) in self._waiting:
                del self._waiting[answered]
                if isinstance(event, CommandRejected):
                    refused.append(event)
        return refused

    def forget(self) -> None:
        """The worker is gone: nobody will answer."""
        self._waiting.clear()
