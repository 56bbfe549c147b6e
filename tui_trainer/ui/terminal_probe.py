"""A program on a pty and what it writes there, by the clock: the measuring end of `bench --ui`.

It shows nothing and understands no escape but the questions that Textual asks a terminal. One thread: whoever waits
for one probe must not leave the others unread for long, so `watch` reads many.
"""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import termios
import time
from collections.abc import Iterable, Sequence
from contextlib import suppress

from tui_trainer.errors import InputError

COLUMNS, ROWS = 120, 40
ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62;c", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
ESCAPE = re.compile(rb"\x1b(\[[^@-~]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[^\[\]])")
OF_THE_CALLER = ("COLUMNS", "LINES", "NO_COLOR", "SSH_TTY")  # would make two callers' figures differ
MOST_SECONDS = 60.0
SECONDS_TO_LEAVE = 3.0


class Probe:
    """A command on a terminal of 120 x 40. `began` is the moment before it was spawned (`time.perf_counter`)."""

    def __init__(self, command: Sequence[str]) -> None:
        kept = {name: value for name, value in os.environ.items() if name not in OF_THE_CALLER}
        environment = {**kept, "TERM": "xterm-256color", "COLORTERM": "truecolor", "LC_ALL": "C.UTF-8"}
        self.command = list(command)
        self.total = 0  # bytes written so far
        self._text = b""  # the last of it, without escapes that are whole
        self._is_open = True
        self.began = self.last_at = time.perf_counter()
        self.pid, self.master = pty.fork()
        if self.pid == 0:
            with suppress(OSError):
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", ROWS, COLUMNS, 0, 0))
                os.execvpe(command[0], self.command, environment)  # noqa: S606  # our own program, no shell
            os._exit(127)

    def __enter__(self) -> Probe:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def wait_for(self, *texts: str, quiet: float) -> float:
        """Seconds from the spawn to the last byte, once all texts were written and then nothing for `quiet` seconds.

        A text counts only where it is written in one piece. Raises InputError when it does not come.
        """
        end = time.perf_counter() + MOST_SECONDS
        while time.perf_counter() < end:
            is_new = self._read(quiet)
            if not is_new and all(text.encode() in self._text for text in texts):
                return self.last_at - self.began
            if not self._is_open:
                break
        said = " ".join(self._text[-400:].decode(errors="replace").split())
        raise InputError(f"{' '.join(self.command)}: {texts} never stood on the screen; it said: {said}")

    def seconds_to_answer(self, keys: bytes) -> float:
        """Press, and wait for the first byte that follows."""
        while self._read(0):
            pass
        pressed = time.perf_counter()
        os.write(self.master, keys)
        if not self._read(MOST_SECONDS):
            raise InputError(f"{' '.join(self.command)}: no answer to a key for {MOST_SECONDS:g} s")
        return self.last_at - pressed

    def send_signal(self, number: signal.Signals) -> None:
        """To the program alone."""
        with suppress(ProcessLookupError):
            os.kill(self.pid, number)

    def close(self) -> None:
        """Hang up; a program that does not go by itself is killed."""
        if self.master < 0:
            return
        os.close(self.master)
        self.master, self._is_open = -1, False
        self.send_signal(signal.SIGCONT)
        self.send_signal(signal.SIGHUP)
        end = time.monotonic() + SECONDS_TO_LEAVE
        while os.waitpid(self.pid, os.WNOHANG)[0] == 0:
            if time.monotonic() > end:
                self.send_signal(signal.SIGKILL)
            time.sleep(0.01)

    def _read(self, seconds: float) -> bool:
        """Whether something was written within so many seconds."""
        if not self._is_open or not select.select([self.master], [], [], seconds)[0]:
            return False
        return self.take()

    def take(self) -> bool:
        """Read what is there. False where the other end is closed."""
        data = b""
        with suppress(OSError):  # Linux's way to say that the other end is closed
            data = os.read(self.master, 65536)
        if not data:
            self._is_open = False
            return False
        self.last_at = time.perf_counter()
        self.total += len(data)
        self._text = self._text[-65536:] + data
        for query, answer in ANSWERS.items():
            if query in self._text[-len(data) - len(query) + 1 :]:
                os.write(self.master, answer)
        self._text = ESCAPE.sub(b"", self._text)
        return True

    @property
    def is_open(self) -> bool:
        """Whether the program still has its terminal."""
        return self._is_open


def watch(probes: Iterable[Probe], seconds: float) -> None:
    """Let so much time pass, reading what is written."""
    end = time.perf_counter() + seconds
    while (left := end - time.perf_counter()) > 0:
        by_file = {probe.master: probe for probe in probes if probe.is_open}
        if not by_file:
            time.sleep(left)
            continue
        for file in select.select(list(by_file), [], [], left)[0]:
            by_file[file].take()
