"""The application around the dashboard: themes, ASCII, the command palette, and leaving cleanly."""

from __future__ import annotations

import signal
from collections.abc import Iterable
from typing import ClassVar

from textual.app import App
from textual.binding import Binding, BindingType
from textual.command import DiscoveryHit, Hit, Hits, Provider

from tui_trainer.ui.ascii import AsciiFilter
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk
from tui_trainer.ui.keys import KEYS, Key
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.palette import THEMES
from tui_trainer.ui.style import CSS


class KeyCommands(Provider):
    """Every key's action in the command palette."""

    def _entries(self) -> Iterable[tuple[str, str, str]]:
        for key in KEYS:
            if key.action not in ("palette",):
                yield self._title(key), key.action, key.room
        yield "choose a theme", "app.change_theme", ""

    @staticmethod
    def _title(key: Key) -> str:
        return f"{key.sentence}  [{key.shown}]"

    def _run(self, action: str, room: str) -> object:
        async def call() -> None:
            screen = self.app.screen
            if room and isinstance(screen, Dashboard):
                screen.go_to_panel(room)
                await screen.panel(room).run_action(action)
            else:
                await screen.run_action(action)

        return call

    async def discover(self) -> Hits:
        """All, before anything is typed."""
        for title, action, room in self._entries():
            yield DiscoveryHit(title, self._run(action, room))  # type: ignore[arg-type]

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, action, room in self._entries():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), self._run(action, room))  # type: ignore[arg-type]


class TrainerApp(App[None]):
    """One dashboard, and the screens that come and go over it."""

    CSS = CSS
    TITLE = "tui-trainer"
    COMMANDS: ClassVar[set[type[Provider]]] = {KeyCommands}  # type: ignore[assignment]
    BINDINGS: ClassVar[list[BindingType]] = [Binding("ctrl+c", "leave_hint", show=False, priority=True)]

    def __init__(self, desk: Desk, *, refresh: float = 4.0, is_ascii: bool = False) -> None:
        super().__init__()
        self.desk, self.is_ascii, self._refresh_rate = desk, is_ascii, refresh
        for theme in THEMES:
            self.register_theme(theme)
        self.theme = "ansi-dark" if self.no_color else "trainer-dark"
        if is_ascii:
            self._filters.append(AsciiFilter())

    def get_default_screen(self) -> Dashboard:
        """The dashboard."""
        return Dashboard(self.desk, self._refresh_rate)

    def on_mount(self) -> None:
        """A polite end on SIGTERM; a change of theme reaches every painted widget."""
        import asyncio

        loop = asyncio.get_running_loop()
        loop.add_signal_handler(signal.SIGTERM, self.exit)
        self.theme_changed_signal.subscribe(self, lambda _theme: self.repaint_all())

    def repaint_all(self) -> None:
        """Colours are baked into the lines."""
        for screen in self.screen_stack:
            for widget in screen.query(Painted):
                widget.repaint_all()

    def action_leave_hint(self) -> None:
        """Ctrl-C is a habit; here it must not stop anything."""
        self.notify("q leaves (a run goes on), s stops the run.", timeout=4)
