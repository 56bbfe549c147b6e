"""The parts of the check's screen: the table of columns, and everything else as a story, warnings first."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text
from textual.widgets import DataTable

from tui_trainer.errors import printable
from tui_trainer.findings import expectation, findings
from tui_trainer.report import ColumnFacts, Report
from tui_trainer.ui.palette import Palette, palette_of

if TYPE_CHECKING:
    from textual.app import App

HEADS = ("column", "kind", "missing", "distinct", "example")
MOST_NAME, MOST_EXAMPLE = 24, 40  # cells; longer ones are cut
MOST_CLASSES = 100
BAR = 12
SIGNS = {"warning": "▲", "note": "·", "fine": "✔"}


class ColumnTable(DataTable[Text]):
    """A row a column. A kind that was chosen but not yet checked stands behind the one it was read as."""

    DEFAULT_CSS = """
    ColumnTable { scrollbar-size-horizontal: 1; }
    ColumnTable:focus { background-tint: $foreground 0%; }
    ColumnTable > .datatable--header { background: $background; color: $foreground 70%; text-style: none; }
    ColumnTable > .datatable--fixed, ColumnTable > .datatable--odd-row { background: $background; color: $foreground; }
    ColumnTable.-plain > .datatable--cursor { text-style: bold reverse; }
    """

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id, cursor_type="row")
        self._facts: Sequence[ColumnFacts] = ()

    def on_mount(self) -> None:
        """Its columns."""
        self.add_columns(*HEADS)
        self.fixed_columns = 1
        self.set_class(self.app.no_color, "-plain")  # the cursor has to be seen without its colour

    @property
    def current(self) -> ColumnFacts | None:
        """Under the cursor."""
        return self._facts[self.cursor_row] if 0 <= self.cursor_row < len(self._facts) else None

    def show(self, columns: Sequence[ColumnFacts], chosen: Mapping[str, str]) -> None:
        """All rows anew; the cursor stays where it was."""
        place = self.cursor_row
        self._facts = columns
        self.clear()
        for column in columns:
            self.add_row(*_cells(column, chosen.get(column.name, ""), self.app))
        self.move_cursor(row=min(place, max(0, len(columns) - 1)))


def _cells(column: ColumnFacts, chosen: str, app: App[object]) -> list[Text]:
    palette = palette_of(app)
    kind = Text(column.kind, palette.warn if column.kind in ("constant", "identifier") else "")
    if chosen and chosen != column.kind:
        kind = Text.assemble(kind, (f" → {chosen}", palette.accent))
    name, example = Text(printable(column.name)), Text(printable(column.example), "dim")
    name.truncate(MOST_NAME, overflow="ellipsis")
    example.truncate(MOST_EXAMPLE, overflow="ellipsis")
    missing = Text(f"{column.missing:,}" if column.missing else "", justify="right")
    distinct = Text("" if column.distinct is None else f"{column.distinct:,}", justify="right")
    return [name, kind, missing, distinct, example]


def story(report: Report, palette: Palette) -> Group:
    """Findings, the gravest first, the expectation before what is fine; then classes or values."""
    styles = {"warning": palette.warn, "note": "", "fine": palette.good}
    found = findings(report)
    rows = [(SIGNS[one.severity], styles[one.severity], one.sentence) for one in found]
    rows.insert(sum(one.severity == "warning" for one in found), ("▸", palette.accent, expectation(report)))
    told = Table.grid(padding=(0, 1))
    for sign, style, sentence in rows:
        if sentence:
            shown = Text(printable(sentence), style if sign == SIGNS["warning"] else "")
            told.add_row(Text(sign, style), shown)
    parts: list[RenderableType] = [told]
    if report.classes:
        parts += [Text(""), _classes(report, palette)]
    if report.values:
        parts += [Text(""), _values(report)]
    return Group(*parts)


def _classes(report: Report, palette: Palette) -> Group:
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column("label" if report.task == "labels" else "class", overflow="ellipsis", no_wrap=True)
    for head in ("train", "validation", "test"):
        shown.add_column(head, justify="right")
    shown.add_column("")
    most = max(1, *(one.train for one in report.classes))
    for one in report.classes[:MOST_CLASSES]:
        bar = Text("█" * max(1, round(BAR * one.train / most)), palette.accent)
        name = Text(printable(one.name))
        name.truncate(MOST_NAME, overflow="ellipsis")
        shown.add_row(name, f"{one.train:,}", f"{one.validation:,}", f"{one.test:,}", bar)
    more = len(report.classes) - MOST_CLASSES
    return Group(shown, Text(f"and {more:,} more", "dim")) if more > 0 else Group(shown)


def _values(report: Report) -> Table:
    shown = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    shown.add_column("to predict")
    for head in ("mean", "deviation", "least", "most"):
        shown.add_column(head, justify="right")
    for one in report.values[:MOST_CLASSES]:
        figures = (f"{figure:.5g}" for figure in (one.mean, one.deviation, one.least, one.most))
        shown.add_row(Text(printable(one.name) or "value"), *figures)
    return shown
