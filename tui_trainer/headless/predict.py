"""`predict`: a live line on standard error while it works, its sentences there too; standard output has the answers."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Generator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING

from rich.console import Console
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table

from tui_trainer.errors import StorageError, printable
from tui_trainer.signals import Ended, raised, told_of
from tui_trainer.words import clock

if TYPE_CHECKING:
    from tui_trainer.engine.predict import Predicted

FAILED = 1
QUIET_SECONDS = 1.0  # what is done by then needs no progress
SECONDS_BETWEEN = 0.1  # two drawings


def show_predict(steps: Generator[Predicted, None, None], out: Path | None) -> int:
    """Run it to its end; returns the exit code, also of a signal. A reader who closes the pipe has had enough: 0."""
    line = _Line(is_wanted=out is not None or not sys.stdout.isatty())
    try:
        with raised(), closing(steps), closing(line):
            for step in steps:
                line.show(step)
    except (Ended, KeyboardInterrupt) as end:
        name, code = told_of(end)
        left = "nothing was written" if out else f"{line.rows:,} rows were written"
        print(f"tui-trainer: the prediction was ended by {name}; {left}", file=sys.stderr)
        return code
    except StorageError as error:
        print(f"tui-trainer: {printable(str(error))}; nothing was written", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes nowhere, silently
        return 0
    if out:
        print(f"{line.rows:,} rows predicted: {printable(str(out))}", file=sys.stderr)
    return 0


class _Line:
    """What is said on standard error: sentences as they come, and, once it is worth looking at, how far it is.

    On a terminal that shows the answers themselves there is no such line.
    """

    def __init__(self, *, is_wanted: bool) -> None:
        self._console = Console(stderr=True, highlight=False)
        self._is_wanted = is_wanted and self._console.is_terminal
        self._live: Live | None = None
        self.rows = 0
        self._started = self._drawn = time.monotonic()

    def show(self, step: Predicted) -> None:
        """One step."""
        self.rows = max(self.rows, step.rows)
        if step.sentence:
            print(printable(step.sentence), file=sys.stderr, flush=True)  # above the line, where there is one
        now = time.monotonic()
        if self._is_wanted and now - self._started > QUIET_SECONDS and now - self._drawn > SECONDS_BETWEEN:
            self._drawn = now
            if self._live is None:
                self._live = Live(console=self._console, auto_refresh=False, transient=True)
                self._live.start()
            self._live.update(self._drawn_line(step, now - self._started), refresh=True)

    def _drawn_line(self, step: Predicted, seconds: float) -> Table:
        rate = step.rows / seconds
        cells: list[str | ProgressBar] = [f"{step.rows:,} rows", f"{rate:,.0f} rows/s"]
        if step.total and rate:
            width = max(10, min(40, self._console.width - 60))
            bar = ProgressBar(total=step.total, completed=step.rows, width=width)
            cells = [bar, *cells, f"{clock((step.total - step.rows) / rate)} left"]
        row = Table.grid(padding=(0, 2))
        row.add_row(*cells)
        return row

    def close(self) -> None:
        """Take the line away."""
        if self._live:
            self._live.stop()
