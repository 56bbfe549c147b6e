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
from tui_trainer.signals import Ended, raised
from tui_trainer.words import clock

if TYPE_CHECKING:
    from tui_trainer.engine.predict import Predicted

FAILED = 1
QUIET_SECONDS = 1.0  # what is done by then needs no progress
SECONDS_BETWEEN = 0.1  # two drawings


def show_predict(steps: Generator[Predicted, None, None], out: Path | None) -> int:
    """Run it to its end; returns the exit code, also of a signal. A reader who closes the pipe has had enough: 0."""
    line = _Line()
    try:
        with raised(), closing(steps), line.live:
            for step in steps:
                line.show(step)
    except Ended as end:
        left = "nothing was written" if out else f"{line.rows:,} rows were written"
        print(f"tui-trainer: the prediction was ended by {end}; {left}", file=sys.stderr)
        return end.exit_code
    except KeyboardInterrupt:  # polars' own way to hear of a Ctrl-C
        print("tui-trainer: the prediction was ended by SIGINT", file=sys.stderr)
        return 130
    except StorageError as error:
        print(f"tui-trainer: {printable(str(error))}; nothing was written", file=sys.stderr)
        return FAILED
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # what is buffered goes nowhere, silently
        return 0
    for sentence in line.sentences:
        print(printable(sentence), file=sys.stderr)
    if out:
        print(f"{line.rows:,} rows predicted: {printable(str(out))}", file=sys.stderr)
    return 0


class _Line:
    """The live line: on a terminal alone, and once it is worth looking at."""

    def __init__(self) -> None:
        self._console = Console(stderr=True, highlight=False)
        self.live = Live(console=self._console, auto_refresh=False, transient=True)
        self.rows = 0
        self.sentences: list[str] = []
        self._started = self._drawn = time.monotonic()

    def show(self, step: Predicted) -> None:
        """One step."""
        self.rows = max(self.rows, step.rows)
        if step.sentence:
            self.sentences.append(step.sentence)
        now = time.monotonic()
        if not self._console.is_terminal or now - self._started < QUIET_SECONDS or now - self._drawn < SECONDS_BETWEEN:
            return
        self._drawn = now
        rate = step.rows / (now - self._started)
        row = Table.grid(padding=(0, 2))
        cells: list[str | ProgressBar] = [f"{step.rows:,} rows", f"{rate:,.0f} rows/s"]
        if step.total and rate:
            bar = ProgressBar(total=step.total, completed=step.rows, width=max(10, min(40, self._console.width - 60)))
            cells = [bar, *cells, f"{clock((step.total - step.rows) / rate)} left"]
        row.add_row(*cells)
        self.live.update(row, refresh=True)
