"""The application around the dashboard: themes, ASCII, the command palette, and leaving cleanly."""

from __future__ import annotations

import asyncio
import gc
import os
import signal
from typing import Any, ClassVar

from rich.console import RenderableType
from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import Provider
from textual.screen import Screen

from tui_trainer.ui.ascii import AsciiFilter
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk
from tui_trainer.ui.lean import lean
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.palette import THEMES
from tui_trainer.ui.style import CSS


def key_commands() -> type[Provider]:
    """Loaded when the palette is opened."""
    from tui_trainer.ui.key_commands import KeyCommands

    return KeyCommands


class TrainerApp(App[None]):
    """One dashboard, and the screens that come and go over it."""

    CSS = CSS
    TITLE = "tui-trainer"
    COMMANDS = {key_commands}  # noqa: RUF012  # as App declares it
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "leave_hint", show=False, priority=True)]

    def __init__(self, desk: Desk, *, refresh: float = 4.0, is_ascii: bool = False) -> None:
        super().__init__(ansi_color=True if "NO_COLOR" in os.environ else None)  # else Textual paints in greys
        self.desk, self.is_ascii, self._refresh_rate = desk, is_ascii, refresh
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "ansi-dark" if self.no_color else "trainer-dark"
        if is_ascii:
            self._filters.append(AsciiFilter())

    def notify(self, message: str, **options: Any) -> None:
        """As App, but not a second time while the same sentence is still on screen."""
        if not any(said.message == message and not said.has_expired for said in self._notifications):
            super().notify(message, **options)

    def _display(self, screen: Screen[object], renderable: RenderableType | None) -> None:
        """As App, in fewer bytes."""
        super()._display(screen, lean(renderable))  # type: ignore[arg-type]

    def get_default_screen(self) -> Dashboard:
        """The dashboard."""
        return Dashboard(self.desk, self._refresh_rate)

    def on_mount(self) -> None:
        """A polite end on SIGTERM; a change of theme reaches every painted widget."""
        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.exit)
        self.theme_changed_signal.subscribe(self, lambda _theme: self.repaint_all())
        self.call_after_refresh(self.collect_garbage)

    @staticmethod
    def collect_garbage() -> None:
        """From here on: without it the first paint comes a tenth sooner. What is there by now stays for good."""
        gc.collect()
        gc.freeze()  # or each collection would walk all modules again: 75 to 120 ms between a key and the screen
        gc.enable()

    def repaint_all(self) -> None:
        """Colours are baked into the lines."""
        for screen in self.screen_stack:
            for widget in screen.query(Painted):
                widget.repaint_all()

    def action_leave_hint(self) -> None:
        """Ctrl-C is a habit; here it must not stop anything."""
        self.notify("q leaves; the run goes on. s stops it." if self.desk.run else "q leaves.", timeout=4)
