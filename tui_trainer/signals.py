"""Signals that ask a run to end, turned into commands: the loop reads them between two steps."""

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
