"""`lr-find` and `batch-find`: a live line while they measure, then a plot or a table and a suggestion; JSON lines."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

from rich.console import Console
from rich.live import Live
from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.events import Event, PhaseBegan, Warned
from tui_trainer.finder_events import BatchFound, BatchTried, LrFound, LrTried
from tui_trainer.finder_words import command_with, found_words, heading, progress_words, table_cells
from tui_trainer.headless.tables import console, table
from tui_trainer.lr_plot import plotted
from tui_trainer.signals import Ended, raised

Step = Event | LrTried | LrFound | BatchTried | BatchFound
STYLES = {"axis": "dim", "curve": "cyan", "mark": "bold green", "": ""}
LINES_OF_A_CURVE = 24  # in a pipe
MOST_ROWS_OF_A_PLOT, MOST_COLUMNS_OF_A_PLOT = 16, 100


def show_finder(steps: Iterable[Step], words: list[str], *, as_json: bool) -> int:
    """Returns the exit code, also of a signal. `words` are a command line's, without what is looked for."""
    found: LrFound | BatchFound | None = None
    try:
        with raised(), _live(is_silent=as_json) as live:
            for step in steps:
                if as_json and hasattr(step, "to_line"):
                    print(step.to_line(), end="", flush=True)
                if isinstance(step, LrFound | BatchFound):
                    found = step
                elif live is not None:
                    _tell(live, step)
    except Ended as end:
        print(f"tui-trainer: ended by {end}; nothing was written", file=sys.stderr)
        return end.exit_code
    if found and not as_json:
        out = console()
        out.print(Text(printable(heading(found)), style="bold"))
        _show_curve(found, out) if isinstance(found, LrFound) else _show_table(found, out)
        for sentence in found_words(found):
            out.print(Text(printable(sentence)), soft_wrap=not out.is_terminal)
        if line := command_with(words, found):
            out.print(Text(f"To train with it: {printable(line)}", style="dim"), soft_wrap=True)
    return 0


@contextmanager
def _live(*, is_silent: bool) -> Iterator[Live | None]:
    """The line on standard error; None where nobody would see it."""
    errors = Console(stderr=True, highlight=False)
    if is_silent or not errors.is_terminal:
        yield None
        return
    with Live(console=errors, auto_refresh=False, transient=True) as live:
        yield live


def _tell(live: Live, step: Step) -> None:
    match step:
        case PhaseBegan():
            words = f"{step.what} ..."
        case LrTried() | BatchTried():
            words = progress_words(step)
        case Warned():
            live.console.print(Text(printable(step.message), style="yellow"))
            return
        case _:
            return
    live.update(Text(printable(words), overflow="ellipsis", no_wrap=True), refresh=True)


def _show_curve(found: LrFound, out: Console) -> None:
    """A plot on a terminal; in a pipe some lines of figures."""
    if not out.is_terminal:
        every = max(1, len(found.points) // LINES_OF_A_CURVE)
        for lr, loss, smoothed in found.points[::every]:
            print(f"lr {lr:.3g}  loss {loss:.4f}  smoothed {smoothed:.4f}")
        return
    height = min(MOST_ROWS_OF_A_PLOT, shutil.get_terminal_size().lines - 6)
    is_ascii = not (sys.stdout.encoding or "").lower().startswith("utf")
    width = min(MOST_COLUMNS_OF_A_PLOT, out.width)
    span = (found.low, found.high)
    for line in plotted(found.points, found.suggestion, span, width, height, is_ascii=is_ascii):
        out.print(Text.assemble(*((text, STYLES[role]) for text, role in line)), no_wrap=True)


def _show_table(found: BatchFound, out: Console) -> None:
    head, *lines = table_cells(found.rows, found.knee, found.batch_size)
    shown = table(*head)
    for column in shown.columns[:-1]:
        column.justify = "right"
    for row, line in zip(found.rows, lines, strict=True):
        shown.add_row(*line, style="bold" if row.size == found.knee else "")
    out.print(shown)
