"""What people ask while it trains, obeyed between two steps; every answer is an event."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from tui_trainer import commands
from tui_trainer.commands import Apply, Command, Evaluate, Pause, Resume, Save, SetHyperparameters, Stop
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import CommandRejected, Continued, Evaluated, Event, HyperparametersChanged, Paused
from tui_trainer.inside_events import Alerted, RemedyApplied
from tui_trainer.knobs import KNOBS, changed_live
from tui_trainer.treatment import treatment

Inbox = Callable[[], Sequence[str | Command]]
"""Gives what came in since it was last asked: lines of commands.jsonl, or commands of a signal handler."""

SECONDS_BETWEEN_LOOKS = 0.05  # while paused
LEFT_AS_BEFORE: tuple[str, ...] = ("divergence", "exploding_gradients")
"""While one of these alerts is open the run saves nothing of itself: a remedy goes back to what was saved before.

Not so with dead units: what is left of the net may learn for hours, and where it was last well may be far back. Their
remedy goes back all the same, at worst to the beginning.
"""


def nobody() -> Sequence[str]:
    """An inbox into which nothing comes."""
    return ()


@dataclass
class Steering:
    """Reads the inbox and acts on the session. `stop` is set once somebody asked to end.

    `own` are commands that the run gives itself, obeyed before those of others; `alerts` those that are open.
    """

    session: Session
    saver: Saver
    inbox: Inbox = nobody
    stop: Stop | None = None
    is_paused: bool = field(default=False, init=False)
    own: list[Command] = field(default_factory=list, init=False)
    alerts: Sequence[Alerted] = field(default=(), init=False)

    def obey(self) -> Iterator[Event]:
        """Do all that was asked for; returns when training may go on or has to end."""
        yield from self._obey(self._asked())
        if not self.is_paused:
            return
        with self.session.pace.stopped():
            while self.is_paused and not self.stop:
                time.sleep(SECONDS_BETWEEN_LOOKS)
                yield from self._obey(self._asked())

    def alerted(self, alert: Alerted) -> None:
        """At the next look do what `--on-alert` says, once for all alerts. A run that is over has nothing to pause."""
        training = self.session.config.training
        waits = self.is_paused or any(isinstance(command, Pause) for command in self.own)
        if training.on_alert == "stop":
            self.own.append(Stop(alert=alert.alert))
        elif training.on_alert == "pause" and not waits and self.session.epochs_done < training.epochs:
            self.own.append(Pause())

    def rescue(self, alert: Alerted) -> Generator[Event, None, None]:
        """After a loss that is no number: back to where all was well, and wait there for somebody."""
        yield self.saver.go_back(self.session, alert.good_until)
        yield from self.saver.save_over(self.session)
        yield alert  # now: what was said of later steps is void
        self.own.clear()
        self.is_paused = True
        yield Paused(step=self.session.step)
        yield from self.obey()

    def _asked(self) -> Sequence[str | Command]:
        """What came in at the first process, in all of them; with it the alerts that it may be about."""
        group = self.session.group
        asked = [*self.own, *self.inbox()] if group.is_first else []
        self.own.clear()
        asked, alerts = group.agreed((asked, self.alerts if asked else ()))
        self.alerts = alerts if asked else self.alerts
        return asked

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
                yield from self._leave_good(command)
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
                yield self._set(command.values, command.id)
            case Apply():
                yield from self._apply(command)

    def _apply(self, command: Apply) -> Iterator[Event]:
        """What a remedy says, in the order of its words: back, other values, the end; then on, if it was paused."""
        alert, remedy = treatment(self.alerts, command.alert, command.remedy)
        changed_live(self.session.config, remedy.values)  # refused before anything is done
        yield RemedyApplied(alert=alert.alert, sentence=remedy.sentence, step=self.session.step, id=command.id)
        if remedy.goes_back:
            yield self.saver.go_back(self.session, alert.good_until)
        if remedy.values:
            yield self._set(remedy.values, command.id)
        if remedy.goes_back:
            yield from self.saver.save_over(self.session)
        if remedy.stops:
            self.stop = self.stop or Stop()
        elif self.is_paused:
            self.is_paused = False
            yield Continued(step=self.session.step, id=command.id)

    def _leave_good(self, command: Stop) -> Iterator[Event]:
        """A run that an alert of divergence stops is left as it was before, to go on from there with other settings."""
        alert = next((alert for alert in self.alerts if alert.alert == command.alert), None)
        if alert and alert.kind in LEFT_AS_BEFORE and alert.good_until is not None:
            yield self.saver.go_back(self.session, alert.good_until)

    def _set(self, values: Mapping[str, Any], id: str | None) -> Event:  # noqa: A002
        session, before = self.session, self.session.config
        after = changed_live(before, values)
        session.change(after)
        return HyperparametersChanged(
            step=session.step,
            epoch=session.epochs_done + 1,
            values={name: KNOBS[name].of(after) for name in values},
            before={name: KNOBS[name].of(before) for name in values},
            id=id,
        )
