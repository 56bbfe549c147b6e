"""The table of all runs: what is known of each, told in a row and, of the one under the cursor, in full."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Self

from rich.text import Text
from textual.geometry import Region
from textual.widgets import DataTable
from textual.widgets.data_table import ColumnKey

from tui_trainer.errors import printable
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import RunState, folded
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.palette import Palette, palette_of
from tui_trainer.ui.panels.status import SIGNS, figure, results
from tui_trainer.words import architecture, clock, short, test_figure, whereabouts

COLUMNS = {
    "mark": " ", "name": "run", "state": "state", "data": "data", "model": "model", "epochs": "epochs",
    "best": "best", "test": "test", "age": "heard", "duration": "time",
}  # fmt: skip
FIXED = tuple(COLUMNS)[:2]  # stay in sight when the rest is scrolled sideways
MOST_COLUMNS = {"name": 30, "data": 16, "model": 22, "epochs": 15}  # wider text is cut; the detail line has it whole
LONGEST = 1e10  # seconds; a clock that says more is broken


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
    return Facts(run, folded(run).seen_from_outside(is_alive), is_alive, size)


def size_of(run: RunDir) -> int:
    """Bytes of its events."""
    try:
        return run.events.stat().st_size
    except OSError:
        return 0


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
        "epochs": f"{state.epochs_done:,}/{state.epochs:,}" if state.epochs else "",
        "best": _first(short(state.best)) + f" ({state.best.epoch:,})" if state.best else "",
        "test": _first(test_figure(state.ended)),
        "age": age(state.last_heard),
        "duration": duration(state),
    }
    row = {column: Text(printable(text)) for column, text in plain.items()}
    for column, most in MOST_COLUMNS.items():
        row[column].truncate(most, overflow="ellipsis")
    row["mark"] = Text("✓" if is_marked else " ", palette.accent)
    row["state"] = Text(f"{SIGNS[state.status]} {state.status.replace('_', ' ')}", palette.of_status(state.status))
    if state.alerts:
        row["state"] = Text.assemble(row["state"], (f" {ALERT_SIGN}", palette.warn))
    return {column: row[column] for column in COLUMNS}


def details(facts: Facts) -> list[Text]:
    """What the row had no room for, in two lines."""
    state = facts.state
    first = Text.assemble((f" {printable(facts.run.name)}", "bold"))
    beside = "".join(short(state.best).partition(",")[1:]) if state.best else ""
    if state.started:
        facts_in_words = [
            f"{state.started.data} · {architecture(state.started)} · {state.started.parameters:,} parameters",
            f"on {whereabouts(state.started)}",
            f"trained {duration(state)}" if duration(state) else "",
            f"heard {age(state.last_heard)}" if age(state.last_heard) else "",
        ]
        first.append("  " + printable(" · ".join(filter(None, facts_in_words))), "dim")
    parts = [
        f"{state.ended.reason.replace('_', ' ').capitalize()}: {state.ended.message}" if state.ended else state.phase,
        *(f"{ALERT_SIGN} {alert.cause}" for alert in state.alerts[-1:]),
        f"best {figure(state.best)}{beside} (epoch {state.best.epoch:,})" if state.best else "",
        results(state.ended) if state.ended else "",
    ]
    if not facts.is_alive and state.ended is None:
        parts.insert(0, "Its worker is gone without a word" if state.started else "It never began to train")
    return [first, Text(" " + printable("   ".join(filter(None, parts))))]


def _first(figures: str) -> str:
    """`97.31%` of `97.31%, AUC 0.991`: the detail line has both."""
    return figures.partition(",")[0]


class Told(Painted):
    """Lines that somebody else says."""

    def __init__(self, told: Callable[[int, int], Sequence[Text]], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._told = told

    def lines(self, width: int, height: int) -> list[Text]:
        """Cut to the width."""
        lines = list(self._told(width, height))
        for line in lines:
            line.truncate(width, overflow="ellipsis")
        return lines


class RunTable(DataTable[Text]):
    """Facts by row. A row is named by a number, since a run's name may change."""

    DEFAULT_CSS = """
    RunTable { scrollbar-size-horizontal: 1; }
    RunTable:focus { background-tint: $foreground 0%; }
    RunTable > .datatable--header { background: $background; color: $foreground 70%; text-style: none; }
    RunTable > .datatable--fixed, RunTable > .datatable--odd-row { background: $background; color: $foreground; }
    RunTable.-plain > .datatable--cursor { text-style: bold reverse; }
    """
    _is_quiet = False  # before DataTable's own beginning, which repaints

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row")
        self.facts: dict[str, Facts] = {}
        self.marked: dict[str, None] = {}  # rows, in the order they were marked
        self._rows_made = 0

    def on_mount(self) -> None:
        """Its columns."""
        for key, label in COLUMNS.items():
            self.add_column(label, key=key)
        self.fixed_columns = len(FIXED)
        self.set_class(self.app.no_color, "-plain")  # the cursor has to be seen without its colour
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_rows(self.facts))

    @property
    def current(self) -> str | None:
        """The row under the cursor."""
        if not self.is_valid_row_index(self.cursor_row):
            return None
        key = self.coordinate_to_cell_key(self.cursor_coordinate).row_key.value
        return key if key in self.facts else None

    @property
    def marked_runs(self) -> list[RunDir]:
        """In the order they were marked."""
        return [self.facts[row].run for row in self.marked]

    def mark(self, row: str) -> None:
        """Or unmark."""
        if row in self.marked:
            del self.marked[row]
        else:
            self.marked[row] = None
        self.show_rows([row])

    def take(self, many: Iterable[Facts]) -> None:
        """Show what was read; what was renamed or deleted while it was read is gone already."""
        rows = {facts.run.path: row for row, facts in self.facts.items()}
        fresh = []
        for facts in many:
            if facts.run.config.is_file():
                if (row := rows.get(facts.run.path)) is None:
                    self._rows_made += 1
                    row = str(self._rows_made)
                self.facts[row] = facts
                fresh.append(row)
        self.show_rows(fresh)

    def order(self, paths: Iterable[Path]) -> None:
        """All there is, newest first: rows of runs that are gone go, and those that came since stand at the top."""
        for row in [row for row, facts in self.facts.items() if not facts.run.config.is_file()]:
            self.drop(row)
        places = {path: place for place, path in enumerate(paths)}
        ordered = sorted(self.facts, key=lambda row: places.get(self.facts[row].run.path, -1))
        if ordered != list(self.facts):
            before = self.current
            self.facts = {row: self.facts[row] for row in ordered}
            self.clear()
            self.show_rows(self.facts)
            if before:
                self.move_cursor(row=self.get_row_index(before))

    def drop(self, row: str) -> None:
        """Its run is no more."""
        del self.facts[row]
        self.marked.pop(row, None)
        self.remove_row(row)

    def show_rows(self, rows: Iterable[str]) -> None:
        """Bring rows to the present; only cells that changed are painted."""
        palette = palette_of(self.app)
        for row in rows:
            shown = cells(self.facts[row], palette, is_marked=row in self.marked)
            if row in self.rows:
                self._show(row, shown)
            else:
                self.add_row(*shown.values(), key=row)

    def show_ages(self) -> None:
        """Time goes on."""
        for row, facts in self.facts.items():
            self._show(row, {"age": Text(age(facts.state.last_heard))})

    def _show(self, row: str, shown: dict[str, Text]) -> None:
        for column, text in shown.items():
            old = self.get_cell(row, column)
            if (old.plain, old.style) == (text.plain, text.style):
                continue
            is_wider = text.cell_len > self.columns[ColumnKey(column)].content_width
            if is_wider or column in FIXED:
                self.update_cell(row, column, text, update_width=True)
                continue
            self._is_quiet = True
            self.update_cell(row, column, text)
            self._is_quiet = False
            self.refresh_coordinate(self.get_cell_coordinate(row, column))

    def refresh(self, *regions: Region, repaint: bool = True, layout: bool = False, recompose: bool = False) -> Self:
        """As Widget, but not for `update_cell`, which would repaint the whole table."""
        if self._is_quiet:
            return self
        return super().refresh(*regions, repaint=repaint, layout=layout, recompose=recompose)
