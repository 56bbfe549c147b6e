"""All keys, from their declarations."""

from __future__ import annotations

from typing import ClassVar

from rich.table import Table
from rich.text import Text
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import VerticalScroll
from textual.screen import ModalScreen
from textual.widgets import Static

from tui_trainer.ui.keys import table_rows

INTRODUCTION = (
    "A run trains in a process of its own. Leaving the dashboard, closing the terminal or losing the line never harms "
    "it; `tui-trainer attach` brings this screen back. Keys only ask: what is shown changes when the run has answered."
)


class HelpScreen(ModalScreen[None]):
    """Scrolls with the arrow keys."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,question_mark,f1,q,enter", "dismiss(None)", "back", show=False)
    ]

    def compose(self) -> ComposeResult:
        """A text and a table."""
        with VerticalScroll(classes="box help"):
            yield Static(Text.assemble(("Keys", "bold"), "\n", (INTRODUCTION, "dim")))
            yield Static(self._table())
            yield Static(Text("\nesc closes this", "dim"))

    def _table(self) -> Table:
        table = Table.grid(padding=(0, 2))
        table.add_column(no_wrap=True, style="bold")
        table.add_column()
        before = ""
        for where, keys, sentence in table_rows():
            if where != before:
                table.add_row("", "")
                table.add_row(where if where == "everywhere" else f"in {where}", "")
                before = where
            table.add_row(f"  {keys}", sentence)
        return table
