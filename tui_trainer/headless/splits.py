"""A series of splits in a pipe or on a terminal: two lines a split, and at the end the figures over all of them.

Epochs are not worth a line here: each run's folder has them.
"""

from __future__ import annotations

import sys

from rich.console import Console, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.events import Event, Progress, RunEnded, RunStarted, Warned
from tui_trainer.split_events import SplitBegan, SplitsEnded
from tui_trainer.words import clock, describe, spread, test_line

QUIET = ("progress", "epoch_ended", "checkpoint_saved", "phase_began", "run_resumed", "evaluated", "alert_passed")
DONE = ("completed", "early_stopped")


class SplitsPrinter:
    """Plain lines. What every split says alike (the net, a warning) is said once."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def show(self, event: Event) -> None:
        """One event."""
        if text := self._words(event):
            print(text, flush=True)

    def close(self) -> None:
        """Nothing to leave."""

    def _words(self, event: Event) -> str:
        match event:
            case RunStarted():
                return self._once(describe(event.model_copy(update={"run": event.data})), "net")
            case Warned():
                return self._once(describe(event))
            case RunEnded() if event.reason in DONE:
                figures = test_line(event).partition("\n")[0]  # the last lines of all have the others too
                return f"  {figures}  {clock(event.seconds)}"
            case _ if event.event in QUIET:
                return ""
            case _:
                return describe(event)

    def _once(self, text: str, what: str = "") -> str:
        """The text, unless this (or another text of the same `what`) was said already."""
        is_new = (what or text) not in self._said
        self._said.add(what or text)
        return text if is_new else ""


class SplitsTerminal(SplitsPrinter):
    """The same above two live lines: how far the series is, and the epoch that runs."""

    def __init__(self, console: Console | None = None) -> None:
        super().__init__()
        self._console = console or Console(highlight=False)
        self._began: SplitBegan | None = None
        self._progress: Progress | None = None
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, event: Event) -> None:
        """One event."""
        match event:
            case SplitBegan():
                self._began, self._progress = event, None
            case Progress():
                self._progress = event
            case SplitsEnded():
                self._live.stop()
                colour = "green" if event.done == event.count else "yellow"
                self._console.print(Text(f"{event.name}: {printable(event.message)}", f"bold {colour}"))
                if event.figures:
                    self._console.print(spreads_table(event))
                return
        if text := self._words(event):
            self._console.print(Text(text, style="yellow" if isinstance(event, Warned) else ""))
        self._live.update(self._status(), refresh=True)

    def close(self) -> None:
        """Take the live lines away."""
        self._live.stop()

    def _status(self) -> RenderableType:
        began, progress = self._began, self._progress
        if began is None:
            return Text("")
        within = (progress.epoch - 1 + progress.epoch_fraction) / max(1, progress.epochs) if progress else 0.0
        left = seconds_left(began, progress)
        row = Table.grid(padding=(0, 2))
        row.add_row(
            f"split {began.number} of {began.count}",
            ProgressBar(
                total=began.count,
                completed=began.count - began.left + min(1.0, within),
                width=max(10, min(40, self._console.width - 60)),
            ),
            f"{clock(left)} left" if left is not None else "",
            f"epoch {progress.epoch}/{progress.epochs}  loss {progress.loss:.4f}" if progress else "reading…",
        )
        return row


def seconds_left(began: SplitBegan, progress: Progress | None) -> float | None:
    """For the whole series: as the splits before took, or, in the first one, as it looks by now."""
    if progress is None:
        return began.seconds_left
    passed = progress.time - began.time
    if began.seconds_left is None:
        return progress.seconds_left + (passed + progress.seconds_left) * (began.left - 1)
    return max(progress.seconds_left, began.seconds_left - passed)


def spreads_table(event: SplitsEnded) -> Table:
    """Every figure over the splits that are done."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in (f"over {event.done} splits", "mean", "± standard deviation (as numpy's)", "standard error"):
        table.add_column(name, justify="right" if table.columns else "left")
    for name, figure in event.figures.items():
        table.add_row(name, *spread(figure))
    return table


def splits_printer() -> SplitsPrinter:
    """As standard output takes it."""
    return SplitsTerminal() if sys.stdout.isatty() else SplitsPrinter()
