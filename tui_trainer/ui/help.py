"""All keys, from their declarations."""

from __future__ import annotations

from typing import ClassVar

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
        """One text."""
        with VerticalScroll(classes="box help"):
            yield Static(self._text())

    def _text(self) -> Text:
        text = Text.assemble(("Keys", "bold"), "\n", (INTRODUCTION, "dim"), "\n")
        before = ""
        for where, keys, sentence in table_rows():
            if where != before:
                text.append(f"\n{where}\n" if where == "everywhere" else f"\nin {where}\n", "bold")
                before = where
            text.append(f"  {keys:17} ", "bold")
            text.append(f"{sentence}\n")
        text.append("\nesc closes this", "dim")
        return text
