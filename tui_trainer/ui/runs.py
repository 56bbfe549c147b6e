"""All runs of the folder, newest first: open, resume, duplicate, rename, delete, mark and compare them."""

from __future__ import annotations

import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import reduce
from pathlib import Path
from typing import ClassVar, Literal

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable
from textual.worker import get_current_worker

from tui_trainer import config_file, runs_folder
from tui_trainer.errors import InputError, StorageError, printable
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import RunState, advance
from tui_trainer.ui.asking import AskText, AskYes
from tui_trainer.ui.keybar import KeyBar
from tui_trainer.ui.keys import Key
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.palette import Palette, palette_for
from tui_trainer.ui.panels.panel import bindings
from tui_trainer.ui.panels.status import SIGNS, figure, results
from tui_trainer.ui.stage import Stage
from tui_trainer.words import architecture, clock

COLUMNS = {"mark": " ", "name": "run", "state": "state", "data": "data", "model": "model", "epochs": "epochs",
           "best": "best", "test": "test", "age": "heard", "duration": "time"}  # fmt: skip
MOST_COLUMNS = {"name": 30, "data": 16, "model": 22, "epochs": 15}  # wider text is cut; the detail line has it whole
MOST_COMPARED = 8
SECONDS_BETWEEN = 2.0
SECONDS_OF_A_BATCH = 0.1
LONGEST = 1e10  # seconds; a clock that says more is broken
Answer = tuple[Literal["open", "resume", "duplicate"], RunDir]


@dataclass(frozen=True)
class Facts:
    """What is known of one run."""

    run: RunDir
    state: RunState
    is_alive: bool
    size: int  # of its events when they were read

    def is_stale(self) -> bool:
        """Whether there is more to read."""
        return self.is_alive != self.run.is_alive() or self.size != size_of(self.run)


def read_facts(run: RunDir) -> Facts:
    """Fold what decides a run's state. The size is taken first: what comes meanwhile is read next time."""
    size, is_alive = size_of(run), run.is_alive()
    state = reduce(advance, run.read_milestones(), RunState())
    return Facts(run, state.seen_from_outside(is_alive), is_alive, size)


def size_of(run: RunDir) -> int:
    """Bytes of its events."""
    try:
        return run.events.stat().st_size
    except OSError:
        return 0


def style_of(status: str, palette: Palette) -> str:
    """The colour of a state."""
    if status in ("training", "completed", "early_stopped"):
        return palette.good
    return palette.warn if status in ("starting", "paused", "stopped") else palette.bad


def best_figure(state: RunState) -> str:
    """`97.31% (3)`, `rmse 55.1 (3)`."""
    best = state.best
    if best is None:
        return ""
    return f"{short(best.val_accuracy, best.val_rmse, best.val_loss)} ({best.epoch})"


def test_figure(state: RunState) -> str:
    """`97.31%`, `rmse 55.1`; "" where the test split was not used."""
    end = state.ended
    return short(end.test_accuracy, end.test_rmse, end.test_loss) if end else ""


def short(accuracy: float | None, rmse: float | None, loss: float | None) -> str:
    """The figure people look at first, in few columns."""
    if accuracy is not None:
        return f"{accuracy:.2%}"
    if rmse is not None:
        return f"rmse {rmse:.4g}"
    return "" if loss is None else f"loss {loss:.4g}"


def age(heard: float) -> str:
    """`3:05 ago`; in whole minutes after ten, so that old runs keep still."""
    seconds = max(0.0, time.time() - heard)
    if not heard > 0 or seconds > LONGEST:
        return ""
    return f"{clock(seconds - seconds % 60 if seconds >= 600 else seconds)} ago"


def duration(state: RunState) -> str:
    """The time spent training; of a run that has not said its end, about the time since its start."""
    if state.ended:
        return clock(state.ended.seconds) if 0 <= state.ended.seconds < LONGEST else ""
    seconds = state.last_heard - state.started.time if state.started else -1
    return f"~{clock(seconds)}" if 0 <= seconds < LONGEST else ""


def cells(facts: Facts, palette: Palette, *, is_marked: bool) -> dict[str, Text]:
    """A row. Plain text throughout: nothing that a run says is taken for markup or for a terminal's command."""
    state, started = facts.state, facts.state.started
    plain = {
        "name": facts.run.name,
        "data": started.data if started else "",
        "model": architecture(started) if started else "",
        "epochs": f"{state.epochs_done}/{state.epochs}" if state.epochs else "",
        "best": best_figure(state),
        "test": test_figure(state),
        "age": age(state.last_heard),
        "duration": duration(state),
    }
    row = {column: Text(printable(text)) for column, text in plain.items()}
    for column, most in MOST_COLUMNS.items():
        row[column].truncate(most, overflow="ellipsis")
    row["mark"] = Text("✓" if is_marked else " ", palette.accent)
    row["state"] = Text(f"{SIGNS[state.status]} {state.status.replace('_', ' ')}", style_of(state.status, palette))
    return row


class RunTable(DataTable[Text]):
    """Repaints the cell that changed, not the table."""

    _is_quiet = False

    def refresh(self, *regions: object, **options: bool) -> RunTable:
        """As Widget, but for the whole table that `update_cell` would repaint."""
        if not self._is_quiet:
            super().refresh(*regions, **options)  # type: ignore[arg-type]
        return self

    def show(self, key: str, row: dict[str, Text]) -> None:
        """Bring a row to this."""
        for column, text in row.items():
            old = self.get_cell(key, column)
            if (old.plain, old.style) == (text.plain, text.style):
                continue
            if text.cell_len > self.columns[self._column_keys[column]].content_width or column in ("mark", "name"):
                self.update_cell(key, column, text, update_width=True)
                continue
            self._is_quiet = True
            self.update_cell(key, column, text)
            self._is_quiet = False
            self.refresh_coordinate(self.get_cell_coordinate(key, column))
