"""A terminal for tests: the program on a real pty, its screen read as a person's terminal would show it."""

from __future__ import annotations

import fcntl
import os
import pty
import re
import select
import signal
import struct
import sys
import termios
import threading
import time
import warnings
from collections.abc import Callable, Sequence
from contextlib import suppress
from typing import Any

import pyte
import pytest

ANSWERS = {b"\x1b[6n": b"\x1b[1;1R", b"\x1b[c": b"\x1b[?62;c", b"\x1b[?2026$p": b"\x1b[?2026;2$y"}
UNKNOWN_TO_PYTE = re.compile(rb"\x1b\[[<>=][0-9;]*[@-~]")  # it would draw their last letter, or take it for another's
TORN_ESCAPE = re.compile(rb"\x1b(\[[^@-~]*)?\Z")
ESCAPE = re.compile(r"\x1b(\[[^@-~]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)|[^\[\]])")
ENTER, LEAVE = b"\x1b[?1049h", b"\x1b[?1049l"


class Terminal:
    """`with Terminal(["attach", "it"]) as terminal: terminal.wait_for("epoch")`; runs in the present folder."""

    answers = ANSWERS

    def __init__(self, arguments: Sequence[str], columns: int = 120, rows: int = 40, **environment: str) -> None:
        command = [sys.executable, "-m", "tui_trainer", *arguments]
        asked = {"TERM": "xterm-256color", "COLORTERM": "truecolor", "OMP_NUM_THREADS": "1", **environment}
        kept = {name: value for name, value in os.environ.items() if name not in ("COLUMNS", "LINES")}
        self.exit_code: int | None = None  # as subprocess's; None until it was waited for
        self._screen = pyte.Screen(columns, rows)
        self._stream = pyte.ByteStream(self._screen)
        self._raw, self._torn = bytearray(), b""
        self._guard, self._is_over = threading.Lock(), threading.Event()
        with warnings.catch_warnings(action="ignore", category=DeprecationWarning):  # of forks beside threads: we exec
            self.pid, self._master = pty.fork()
        if self.pid == 0:
            with suppress(OSError):
                fcntl.ioctl(0, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))
                os.execve(command[0], command, {**kept, **asked})
            os._exit(127)
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def __enter__(self) -> Terminal:
        return self

    def __exit__(self, *_: object) -> None:
        self.hang_up()
        with suppress(ProcessLookupError):
            if not self._has_ended(0):
                os.kill(self.pid, signal.SIGHUP)
            if not self._has_ended(5):
                os.kill(self.pid, signal.SIGKILL)
                self._has_ended(5)

    def press(self, keys: str) -> None:
        """Type; a special key is what a terminal sends for it, `\\t` or `\\x1b[A`."""
        os.write(self._master, keys.encode())

    def text(self) -> str:
        """The screen, line by line."""
        with self._guard:
            return "\n".join(line.rstrip() for line in self._screen.display)

    @property
    def raw(self) -> bytes:
        """All that was printed, with its escapes."""
        with self._guard:
            return bytes(self._raw)

    def cell(self, row: int, column: int) -> tuple[str, str, str]:
        """A sign, its colour and the colour behind it, as in `ff0000`."""
        with self._guard:
            found = self._screen.buffer[row][column]
        return found.data, found.fg, found.bg

    def wait_for(self, text: str, seconds: float = 60) -> str:
        """Until the screen shows a text; returns the screen, or fails the test with it."""
        self.wait_until(lambda: text in self.text(), seconds, f"{text!r} did not appear")
        return self.text()

    def wait_until(self, condition: Callable[[], Any], seconds: float = 60, otherwise: str = "not true") -> None:
        """Until it holds; fails the test with the screen."""
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                pytest.fail(
                    f"{otherwise} within {seconds} s; the screen:\n{self.text()}\n[printed after: {self.tail_output}]"
                )
            time.sleep(0.02)

    def resize(self, columns: int, rows: int) -> None:
        """The window changes its size; the program gets SIGWINCH."""
        with self._guard:
            self._screen.resize(rows, columns)
            fcntl.ioctl(self._master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def hang_up(self) -> None:
        """The line drops: the program gets SIGHUP and can neither read nor write any more."""
        if not self._is_over.is_set():
            self._is_over.set()
            self._reader.join()  # a descriptor closed under a reader may be another file's by the next read
            os.close(self._master)

    def wait_exit(self, seconds: float = 60) -> int:
        """The exit code; fails the test with the screen if the program lives on."""
        if not self._has_ended(seconds):
            pytest.fail(f"process {self.pid} lives after {seconds} s; the screen:\n{self.text()}")
        self._reader.join(2)  # what it printed last
        assert self.exit_code is not None
        return self.exit_code

    @property
    def tail_output(self) -> str:
        """What was printed outside the alternate screen last, without escapes; "" while that screen is shown."""
        with self._guard:
            raw = bytes(self._raw)
        last = raw.rpartition(LEAVE)[2] if ENTER in raw else raw
        return "" if ENTER in last else ESCAPE.sub("", last.decode(errors="replace")).replace("\r\n", "\n")

    def _has_ended(self, seconds: float) -> bool:
        end = time.monotonic() + seconds
        while self.exit_code is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.exit_code = os.waitstatus_to_exitcode(status)
            elif time.monotonic() >= end:
                return False
            else:
                time.sleep(0.01)
        return True

    def _read(self) -> None:
        while not self._is_over.is_set():
            if not select.select([self._master], [], [], 0.05)[0]:
                continue
            data = b""
            with suppress(OSError):  # Linux's way to say that the other side is closed
                data = os.read(self._master, 65536)
            if not data:
                return
            for query, answer in self.answers.items():
                if query in self._torn + data:
                    os.write(self._master, answer)
            with self._guard:
                self._raw += data
                self._show(self._torn + data)

    def _show(self, data: bytes) -> None:
        torn = TORN_ESCAPE.search(data)
        self._torn = torn.group() if torn else b""
        self._stream.feed(UNKNOWN_TO_PYTE.sub(b"", data[: torn.start()] if torn else data))


class SixelTerminal(Terminal):
    """One that draws pictures, in cells of 20 x 10 pixels."""

    answers = {**ANSWERS, b"\x1b[c": b"\x1b[?62;4c", b"\x1b[16t": b"\x1b[6;20;10t"}  # noqa: RUF012
