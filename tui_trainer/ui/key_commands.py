"""Every key's action in the command palette."""

from __future__ import annotations

from collections.abc import Iterable
from contextlib import suppress
from typing import Literal

from textual.command import CommandList, DiscoveryHit, Hit, Hits, Provider
from textual.content import Content
from textual.widgets import OptionList

from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.keybar import PANELS
from tui_trainer.ui.keys import KEYS, Key


def _move_page(self: CommandList, direction: Literal[-1, 1]) -> None:
    """Textual 8.2 looks up lines that a list just filled has not laid out yet: a KeyError, and the app is gone."""
    with suppress(KeyError):
        OptionList._move_page(self, direction)


CommandList._move_page = _move_page  # type: ignore[method-assign, assignment]


class KeyCommands(Provider):
    """Every key's action in the command palette."""

    def _entries(self) -> Iterable[tuple[str, str, str]]:
        rooms = ("", *PANELS) if isinstance(self.screen, Dashboard) else ()
        for key in KEYS:
            if key.room in rooms and key.action != "palette":
                yield self._title(key), key.action, key.room
        yield "choose a theme", "app.change_theme", ""

    @staticmethod
    def _title(key: Key) -> str:
        shown = {"[": "left bracket", "]": "right bracket"}.get(key.shown, key.shown)  # brackets would be markup
        return f"{key.sentence}  ({shown})"

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
            yield DiscoveryHit(Content(title), self._run(action, room), text=title)  # type: ignore[arg-type]

    async def search(self, query: str) -> Hits:
        """Those that match."""
        matcher = self.matcher(query)
        for title, action, room in self._entries():
            if (score := matcher.match(title)) > 0:
                yield Hit(score, matcher.highlight(title), self._run(action, room))  # type: ignore[arg-type]
