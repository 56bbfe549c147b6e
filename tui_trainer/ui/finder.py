"""The screen of the finders: a range test of learning rates with its curve, or a table of batch sizes."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import ClassVar

from rich.console import Group
from rich.table import Table
from rich.text import Text
from textual import work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.screen import Screen
from textual.widgets import Static

from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, printable
from tui_trainer.events import PhaseBegan
from tui_trainer.finder_events import BatchFound, BatchRow, BatchTried, FinderEvent, LrFound, LrTried, Point
from tui_trainer.finder_plans import HIGHEST, LOWEST
from tui_trainer.finder_words import found_words, heading, progress_words, row_cells
from tui_trainer.lr_plot import plotted
from tui_trainer.ui.attempt import attempt
from tui_trainer.ui.finding import What, found
from tui_trainer.ui.form import Form
from tui_trainer.ui.keybar import KeyBar
from tui_trainer.ui.keys import Key
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.palette import palette_of
from tui_trainer.ui.panels.panel import bindings
from tui_trainer.ui.run_table import Told

SECONDS_BETWEEN_LOOKS = 0.5
MOST_WIDTH = 140  # columns of the curve
TITLES: dict[What, str] = {"lr": "Learning rate", "batch_size": "Batch size"}
Find = Callable[[RunConfig, What], AsyncGenerator[FinderEvent, None]]


class CurvePicture(Painted):
    """The smoothed loss over the rate, as far as it is known."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.points: list[Point] = []
        self.mark: float | None = None

    def lines(self, width: int, height: int) -> Sequence[Text]:
        """Axes and curve."""
        palette = self.palette
        styles = {"axis": "dim", "curve": palette.accent, "mark": palette.good, "": ""}
        is_ascii = bool(getattr(self.app, "is_ascii", False))
        span, width = (LOWEST, HIGHEST), min(width, MOST_WIDTH)
        lines = plotted(self.points, self.mark, span, width, height, is_ascii=is_ascii)
        return [Text.assemble(*((text, styles[role]) for text, role in line)) for line in lines]


class FinderScreen(Screen[None]):
    """Begins with the learning rate. What is taken goes into the form."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("finder")
    DEFAULT_CSS = """
    FinderScreen #heading { height: 1; }
    FinderScreen #curve { height: 1fr; max-height: 29; margin: 1 1 0 1; }
    FinderScreen #told { height: auto; padding: 1 1 0 1; }
    FinderScreen.-table #curve { display: none; }
    FinderScreen.-table #told { height: 1fr; }
    """

    def __init__(self, form: Form, find: Find = found) -> None:
        super().__init__()
        self._form, self._find = form, find
        self._what: What = "lr"
        self._phase, self._problem, self._began = "", "", 0.0
        self._rows: dict[int, BatchRow] = {}
        self._found: LrFound | BatchFound | None = None

    def compose(self) -> ComposeResult:
        """Heading, curve, words, keys."""
        yield Told(self._heading, id="heading")
        yield CurvePicture(id="curve")
        yield Static(id="told")
        bar = KeyBar(self.label_of, id="keys")
        bar.room = "finder"
        yield bar

    def on_mount(self) -> None:
        """The range test begins at once."""
        self.set_interval(SECONDS_BETWEEN_LOOKS, self._look)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_all())
        self.action_find_lr()

    @property
    def _is_busy(self) -> bool:
        return bool(self._phase)

    def _look(self) -> None:
        """The clock: seconds go by."""
        if self._is_busy:
            self.query_one("#heading", Told).repaint()

    def action_find_lr(self) -> None:
        """A range test of what the form says now."""
        self._start("lr")

    def action_find_batch(self) -> None:
        """Batch sizes of what the form says now."""
        self._start("batch_size")

    def _start(self, what: What) -> None:
        if self._is_busy:
            self.notify("It is measuring; esc ends it.", timeout=4)
        elif attempt(self, self._form.config):
            self._what, self._phase, self._problem, self._began = what, "starting", "", time.monotonic()
            self._found, self._rows = None, {}
            curve = self.query_one(CurvePicture)
            curve.points, curve.mark = [], None
            self.show_all()
            self.run_finder()

    @work(exclusive=True)
    async def run_finder(self) -> None:
        """In a process of its own; whatever ends this ends it."""
        began = self._began
        try:
            async with aclosing(self._find(self._form.config(), self._what)) as events:
                async for event in events:
                    self._take_in(event)
        except InputError as error:
            self._problem = str(error)
        except OSError as error:
            self._problem = f"it cannot be started: {error.strerror or error}"
        finally:
            if self._began == began:  # no other one has begun meanwhile
                self._phase = ""
        self.show_all()

    def _take_in(self, event: FinderEvent) -> None:
        curve = self.query_one(CurvePicture)
        match event:
            case PhaseBegan():
                self._phase = event.what
            case LrTried():
                curve.points = [*curve.points, *event.points]
                self._phase = progress_words(event)
            case BatchTried():
                self._rows[event.row.size] = event.row
                self._phase = progress_words(event)
            case LrFound():
                self._found, self._phase = event, ""  # the process has a second of ending before it
                curve.points, curve.mark = event.points, event.suggestion
            case BatchFound():
                self._found, self._phase = event, ""
            case _:
                self.notify(event.message, markup=False)
        self.show_all()

    def _heading(self, _width: int, _height: int) -> list[Text]:
        line = Text.assemble((f" {TITLES[self._what]}  ", "bold"))
        if self._is_busy:
            line.append(f"{printable(self._phase)}  {time.monotonic() - self._began:.0f} s", "dim")
        elif self._found:
            line.append(printable(heading(self._found).partition(": ")[2]))
        return [line]

    def show_all(self) -> None:
        """Everything, from what is known."""
        self.set_class(self._what != "lr" or bool(self._problem), "-table")
        self.query_one("#told", Static).update(self._told())
        self.query_one(CurvePicture).repaint()
        self.query_one("#heading", Told).repaint()
        self.query_one("#keys", KeyBar).repaint()

    def _told(self) -> Group:
        palette = palette_of(self.app)
        if self._problem:
            advice = "Correct it in the form (esc), or press r to try again."
            return Group(Text(printable(self._problem), palette.bad), Text(""), Text(advice, "dim"))
        parts: list[Text | Table] = [self._table()] if self._what == "batch_size" else []
        if self._found is None:
            words = "Trains some steps with what the form says, and throws them away. esc ends it."
            return Group(*parts, Text(words if self._is_busy else "It was ended. r and b begin again.", "dim"))
        first, *others = [words.replace("`lr-find` measures it", "r measures it") for words in found_words(self._found)]
        style = palette.good if self.taken else palette.warn
        return Group(*parts, Text(printable(first), style), *(Text(printable(words)) for words in others))

    def _table(self) -> Table:
        rows = self._found.rows if isinstance(self._found, BatchFound) else [*self._rows.values()]
        batch = self._form.values["batch_size"]
        knee = self._found.knee if isinstance(self._found, BatchFound) else 0
        head, *cells = [row_cells(row, knee, batch) for row in (None, *rows)]
        table = Table(*head, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
        for column in table.columns[:-1]:
            column.justify = "right"
        for row, line in zip(rows, cells, strict=True):
            table.add_row(*line, style="bold" if row.size == knee else "")
        return table

    @property
    def taken(self) -> tuple[str, str] | None:
        """(field, value) that enter takes into the form."""
        if isinstance(self._found, BatchFound):
            return "batch_size", str(self._found.knee)
        if isinstance(self._found, LrFound) and self._found.suggestion:
            return "lr", f"{self._found.suggestion:g}"
        return None

    def action_take_found(self) -> None:
        """Into the form, and back to it."""
        if self.taken is None:
            self.notify("There is nothing to take yet.", timeout=4)
        elif attempt(self, self._form.set_text, *self.taken):
            self._form.go_to(self.taken[0])
            self.dismiss(None)

    def label_of(self, key: Key) -> str:
        """What the footer calls a key now; "" where it has no use."""
        if key.action == "take_found":
            return f"take {self.taken[1]}" if self.taken else ""
        if key.action in ("find_lr", "find_batch"):
            return "" if self._is_busy else key.label
        return key.label if key.room else ""

    def action_show_keys(self) -> None:
        """All keys."""
        from tui_trainer.ui.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_leave_finder(self) -> None:
        """Back to the form; what still measures is ended with the screen."""
        self.workers.cancel_node(self)
        self.dismiss(None)

    async def action_press(self, name: str, _arguments: tuple[object, ...]) -> None:
        """A click on the footer: what the key does."""
        await self.run_action(name)
