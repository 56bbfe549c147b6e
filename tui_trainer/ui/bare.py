"""The smallest Textual app that has a header and a footer: what `bench --ui` compares the dashboard with."""

from __future__ import annotations

from typing import ClassVar

from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.widgets import Footer, Header


class BareApp(App[None]):
    """`d` changes one word of the header: about the least a key can do."""

    TITLE = "bare"
    BINDINGS: ClassVar[list[BindingType]] = [("d", "change", "change"), ("q", "quit", "leave")]

    def compose(self) -> ComposeResult:
        """Top and bottom, nothing between."""
        yield Header()
        yield Footer()

    def action_change(self) -> None:
        """There and back."""
        self.sub_title = "" if self.sub_title else "changed"


if __name__ == "__main__":
    BareApp().run()
