"""What people ask while it trains, obeyed between two steps; every answer is an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field

from tui_trainer import commands
from tui_trainer.commands import Command, Evaluate, Pause, Resume, Save, SetHyperparameters, Stop
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import CommandRejected, Continued, Evaluated, Event, HyperparametersChanged, Paused
from tui_trainer.knobs import KNOBS, changed_live

Inbox = Callable[[], Sequence[str | Command]]
"""Gives what came in since it was last asked: lines of commands.jsonl, or commands of a signal handler."""

SECONDS_BETWEEN_LOOKS = 0.05  # while paused


def nobody() -> Sequence[str]:
    """An inbox into which nothing comes."""
    return ()


@dataclass
class Steering:
    """Reads the inbox and acts on the session. `stop` is set once somebody asked to end."""

    session: Session
    saver: Saver
    inbox: Inbox = nobody
    stop: Stop | None = None
    is_paused: bool = field(default=False, init=False)

    def obey(self) -> Iterator[Event]:
        """Do all that was asked for; returns when training may go on or has to end."""
        yield from self._obey(self._asked())
        if not self.is_paused:
            return
        with self.session.pace.stopped():
            while self.is_paused and not self.stop:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                yield from self._obey(self._asked())

    def _asked(self) -> Sequence[str | Command]:
        """What came in at the first process, in all of them."""
        group = self.session.group
        return group.agreed(list(self.inbox()) if group.is_first else [])

    def _obey(self, asked: Sequence[str | Command]) -> Iterator[Event]:
        for line in asked:
            try:
                command = commands.parse(line) if isinstance(line, str) else line
                yield from self._do(command)
            except (commands.MalformedCommandError, InputError) as error:
                text = line if isinstance(line, str) else line.model_dump_json()
                sender = None if isinstance(error, commands.MalformedCommandError) else command.id
                yield CommandRejected(line=text[:200], why=str(error), id=sender)

    def _do(self, command: Command) -> Iterator[Event]:
        session = self.session
        match command:
            case Stop():
                self.stop = self.stop or command
            case Save():
                yield from self.saver.save(session, command.id)
            case Pause() if not self.is_paused:
                yield from self.saver.save(session)
                self.is_paused = True
                yield Paused(step=session.step, id=command.id)
            case Resume() if self.is_paused:
                self.is_paused = False
                yield Continued(step=session.step, id=command.id)
            case Pause() | Resume():
                raise InputError("the run is paused already" if self.is_paused else "the run is not paused")
            case Evaluate():
                scores = session.evaluate(session.evaluated_split)
                here = {"epoch": session.epochs_done + 1, "step": session.step, "id": command.id}
                yield Evaluated(**here, **scores.model_dump())
            case SetHyperparameters():
                yield self._set(command)

    def _set(self, command: SetHyperparameters) -> Event:
        session, before = self.session, self.session.config
        after = changed_live(before, command.values)
        session.change(after)
        return HyperparametersChanged(
            step=session.step,
            epoch=session.epochs_done + 1,
            values={name: KNOBS[name].of(after) for name in command.values},
            before={name: KNOBS[name].of(before) for name in command.values},
            id=command.id,
        )
