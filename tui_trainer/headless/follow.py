"""Prints a run's events to its end and turns the last one into an exit code."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from typing import Protocol

from tui_trainer import signals
from tui_trainer.events import Event, Paused, RunEnded
from tui_trainer.inside_events import Alerted
from tui_trainer.run_state import RunState, advance
from tui_trainer.split_events import SplitsEnded
from tui_trainer.words import describe

EXIT_CODES = {"completed": 0, "stopped": 0, "early_stopped": 0, "failed": 1, "diverged": 3}
STOPPED_BY_AN_ALERT = 4


class Printer(Protocol):
    """One way to show events."""

    def show(self, event: Event) -> None:
        """Show one event."""

    def close(self) -> None:
        """Leave the terminal as it was."""


class JsonPrinter:
    """The event lines themselves, each flushed: a program reads them as they come."""

    def show(self, event: Event) -> None:
        """One line."""
        sys.stdout.write(event.to_line())
        sys.stdout.flush()

    def close(self) -> None:
        """Nothing to leave."""


class PlainPrinter:
    """One line an epoch, for pipes and logs; checkpoints are not worth a line there."""

    def __init__(self) -> None:
        self._state = RunState()
        self._alerts: list[Alerted] = []  # all that were said

    def show(self, event: Event) -> None:
        """The event in words, and what it leaves to do."""
        self._state = advance(self._state, event)
        if isinstance(event, Alerted):
            self._alerts.append(event)
        text = "" if event.event == "checkpoint_saved" and event.id is None else describe(event)
        if text:
            print(text, flush=True)
        if isinstance(event, Paused | RunEnded):
            from tui_trainer.headless import alerts

            state = self._state
            if isinstance(event, Paused):
                more = alerts.when_paused(state)
            else:
                more = alerts.way_on(event, self._alerts, state.alerts)
            if more:
                print(more, flush=True)

    def close(self) -> None:
        """Nothing to leave."""


class SilentPrinter:
    """Once nobody reads any more: the run goes on, its folder holds everything."""

    def show(self, event: Event) -> None:
        """Nothing."""

    def close(self) -> None:
        """Nothing."""


def follow(events: Iterable[Event], *, as_json: bool = False, is_shown: bool = True, is_series: bool = False) -> int:
    """Show all events; returns the exit code of the last run. A closed pipe or terminal does not end the run.

    `is_series`: they are of several runs, and end with SplitsEnded. Not `is_shown` are those of a process that trains
    along with the one that speaks.
    """
    printer: Printer | None = None if is_shown else SilentPrinter()
    end: RunEnded | None = None
    series: SplitsEnded | None = None
    try:
        for event in events:
            printer = printer or _printer(
                as_json=as_json, is_series=is_series
            )  # after the data was read: its errors stay plain
            printer = _shown(printer, event)
            if isinstance(event, SplitsEnded):
                series = event
            else:
                end = event if isinstance(event, RunEnded) else None
    finally:
        if printer:
            printer.close()
    if series and (series.signal or series.done == series.count):
        return signals.EXIT_CODES.get(series.signal or "", 0)
    if end is None:
        return EXIT_CODES["failed"]
    if end.reason == "failed" and is_shown:
        print(f"tui-trainer: {end.message}", file=sys.stderr)
    code = STOPPED_BY_AN_ALERT if end.alert else EXIT_CODES[end.reason]
    return signals.EXIT_CODES.get(end.signal or "", code)


def _shown(printer: Printer, event: Event) -> Printer:
    try:
        printer.show(event)
    except (OSError, ValueError):  # a closed pipe, a hung-up terminal
        devnull = os.open(os.devnull, os.O_WRONLY)
        os.dup2(devnull, sys.stdout.fileno())
        return SilentPrinter()
    return printer


def _printer(*, as_json: bool, is_series: bool) -> Printer:
    if as_json:
        return JsonPrinter()
    if is_series:
        from tui_trainer.headless.splits import splits_printer

        return splits_printer()
    if not sys.stdout.isatty():
        return PlainPrinter()
    from tui_trainer.headless.terminal import TerminalPrinter

    return TerminalPrinter()
