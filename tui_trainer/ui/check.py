"""The screen of a check: what the data are like, column by column, and what training them will take."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from pathlib import Path
from typing import ClassVar

from rich.console import Group
from rich.text import Text
from textual import events, on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import Container, VerticalScroll
from textual.widgets import DataTable, Static

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import KINDS
from tui_trainer.errors import printable
from tui_trainer.findings import shape
from tui_trainer.report import Report
from tui_trainer.ui.asking import AskChoice
from tui_trainer.ui.check_parts import ColumnTable, story
from tui_trainer.ui.checking import checked
from tui_trainer.ui.form import Form
from tui_trainer.ui.keybar import KeyBar
from tui_trainer.ui.keys import Key
from tui_trainer.ui.palette import palette_of
from tui_trainer.ui.panels.panel import bindings
from tui_trainer.ui.run_table import Told
from tui_trainer.ui.waiting import WaitingScreen

WIDE = 120  # columns from which the table and the rest stand side by side
AS_IT_LOOKS = "as it looks"
Check = Callable[[RunConfig, Path], AsyncGenerator[str | Report, None]]


class CheckScreen(WaitingScreen):
    """Checks what the form says as it opens. The kinds of columns that are chosen here go into the form."""

    BUSY, NAME = "The check is running; esc ends it.", "the check"
    BINDINGS: ClassVar[list[BindingType]] = bindings("check")
    DEFAULT_CSS = """
    CheckScreen #heading { height: 1; }
    CheckScreen #body { height: 1fr; layout: vertical; }
    CheckScreen #story { height: auto; max-height: 55%; padding: 0 1; }
    CheckScreen #columns { height: 1fr; margin-top: 1; }
    CheckScreen.-alone #columns { display: none; }
    CheckScreen.-alone #story { height: 1fr; max-height: 100%; }
    CheckScreen.-wide #body { layout: horizontal; }
    CheckScreen.-wide #story { width: 2fr; height: 1fr; max-height: 100%; }
    CheckScreen.-wide #columns { width: 3fr; height: 1fr; margin-top: 0; }
    """

    def __init__(self, form: Form, runs_dir: Path, check: Check = checked) -> None:
        super().__init__(form)
        self._runs_dir, self._check = runs_dir, check
        self._report: Report | None = None
        self._table = ColumnTable(id="columns")

    def compose(self) -> ComposeResult:
        """Heading, story and table, keys."""
        yield Told(self._heading, id="heading")
        with Container(id="body"):
            with VerticalScroll(id="story"):
                yield Static(id="told")
            yield self._table
        bar = KeyBar(self.label_of, id="keys")
        bar.room = "check"
        yield bar

    def on_mount(self) -> None:
        """The check begins at once."""
        self.set_focus(self.query_one("#story"))
        self.action_check_again()

    def on_resize(self, event: events.Resize) -> None:
        """Side by side, or one above the other."""
        self.set_class(event.size.width >= WIDE, "-wide")

    def action_check_again(self) -> None:
        """With what the form says now."""
        if self.begin():
            self.show_all()
            self.run_check()

    @work(exclusive=True)
    async def run_check(self) -> None:
        """In a process of its own; whatever ends this ends it."""
        await self.follow(self._check(self._form.config(), self._runs_dir), self._take_in)
        if self._problem:
            self._report = None
        self.show_all()

    def _take_in(self, step: str | Report) -> None:
        if isinstance(step, Report):
            self._report = step
        else:
            self._phase = step
            self.look()

    def _heading(self, _width: int, _height: int) -> list[Text]:
        name = str(self._form.values["data"])
        words = shape(self._report) if self._report else name
        line = Text.assemble((" Check  ", "bold"), printable(words))
        if self.is_busy:
            line = Text.assemble((" Check  ", "bold"), printable(Path(name).name), "  ")
            line.append(f"{printable(self._phase)}… {time.monotonic() - self._began:.0f} s", "dim")
        return [line]

    def show_all(self) -> None:
        """Everything, from what is known."""
        self.set_class(not (self._report and self._report.columns), "-alone")
        self.query_one("#told", Static).update(self._told())
        self._table.show(self._report.columns if self._report else (), self._form.values["columns"])
        self.query_one("#heading", Told).repaint()
        self.query_one("#keys", KeyBar).repaint()

    def _told(self) -> Group:
        palette = palette_of(self.app)
        if self._problem:
            advice = "Correct it in the form (esc), or press r to check again."
            return Group(Text(printable(self._problem), palette.bad), Text(""), Text(advice, "dim"))
        if self._report is None:
            words = "Reads the data as training would, looks them over, and tries some steps. esc ends it."
            return Group(Text(words if self.is_busy else "The check was ended. r checks again.", "dim"))
        return story(self._report, palette)

    def label_of(self, key: Key) -> str:
        """What the footer calls a key now; "" where it has no use."""
        if key.action in ("column_kind", "other_part"):
            return key.label if key.room and self._report and self._report.columns else ""
        if key.action == "check_again":
            return "" if self.is_busy else key.label
        if key.action == "leave_check":
            return "end it" if self.is_busy and self._report else key.label
        return key.label if key.room else ""

    @on(DataTable.RowSelected)
    def action_column_kind(self) -> None:
        """Ask what the column under the cursor is."""
        column = self._table.current
        if column is None or isinstance(self.app.screen, AskChoice):
            return
        if column.kind not in KINDS:
            self.notify(f"{printable(column.name)} is what is predicted.", timeout=4, markup=False)
            return
        kinds = dict(self._form.values["columns"])

        def take(answer: str | None) -> None:
            if answer is None:
                return
            kinds.pop(column.name, None)
            if answer != AS_IT_LOOKS:
                kinds[column.name] = answer
            if kinds != self._form.values["columns"]:
                self._form.values["columns"] = kinds
                self.show_all()
                self.notify("r checks again with this.", timeout=4)

        sentence = f"It is read as {column.kind} now; as in {column.example}." if column.example else ""
        choices = [(kind, Text(kind)) for kind in (AS_IT_LOOKS, *KINDS)]
        current = str(kinds.get(column.name, AS_IT_LOOKS))
        self.app.push_screen(
            AskChoice(f"Kind of {printable(column.name)}", printable(sentence), choices, current), take
        )

    def action_other_part(self) -> None:
        """From the story to the table and back."""
        if self._table.display and not self._table.has_focus:
            self.set_focus(self._table)  # at once: the next key is meant for it
        else:
            self.set_focus(self.query_one("#story"))

    def action_show_keys(self) -> None:
        """All keys."""
        from tui_trainer.ui.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_leave_check(self) -> None:
        """Back to the form; a check that runs over an older report only ends."""
        if self.is_busy and self._report:
            self.workers.cancel_node(self)
            self._phase = ""
            self.show_all()
        else:
            self.dismiss(None)

    async def action_press(self, name: str, _arguments: tuple[object, ...]) -> None:
        """A click on the footer: what the key does."""
        await self.run_action(name)
