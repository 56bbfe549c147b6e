"""Signals that ask a run to end, turned into commands, or a bench, turned into an exception."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from tui_trainer.commands import Stop

ENDING = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)
EXIT_CODES = {"SIGINT": 130, "SIGTERM": 143, "SIGHUP": 129}  # 128 + the signal's number, as a shell has it


@contextmanager
def caught(*, is_heard: bool = True) -> Iterator[list[Stop]]:
    """While open, SIGINT, SIGTERM and SIGHUP put a Stop into the list in place of killing the process.

    A signal that is ignored from outside (nohup) stays ignored. Of several processes one is asked: in the others the
    signals do nothing (`is_heard` is false).
    """
    asked: list[Stop] = []

    def ask(number: int, _frame: FrameType | None) -> None:
        if is_heard:
            asked.append(Stop(signal=signal.Signals(number).name))

    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, ask)
    try:
        yield asked
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


class Ended(BaseException):
    """A signal asked for the end. No KeyboardInterrupt: other people's training loops swallow that and go on."""

    def __init__(self, number: int) -> None:
        super().__init__(signal.Signals(number).name)
        self.exit_code = 128 + number


def told_of(end: Ended | KeyboardInterrupt) -> tuple[str, int]:
    """(the signal's name, the exit code). The interrupt is polars' own way to hear of a Ctrl-C."""
    return (str(end), end.exit_code) if isinstance(end, Ended) else ("SIGINT", EXIT_CODES["SIGINT"])


@contextmanager
def raised() -> Iterator[None]:
    """While open, SIGINT, SIGTERM and SIGHUP raise Ended, once; one that is ignored from outside stays ignored."""

    def end(number: int, _frame: FrameType | None) -> None:
        for each in ENDING:
            signal.signal(each, signal.SIG_IGN)  # a second Ctrl-C must not interrupt the cleaning up
        raise Ended(number)

    before = {number: signal.getsignal(number) for number in ENDING}
    for number, handler in before.items():
        if handler is not signal.SIG_IGN:
            signal.signal(number, end)
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
