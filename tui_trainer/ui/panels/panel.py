"""What all panels share: a view that comes down, repaints that are rationed while figures stream in."""

from __future__ import annotations

import time
from typing import ClassVar

from textual.binding import BindingType
from textual.reactive import reactive

from tui_trainer.ui.keys import of_room
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.view import View


def bindings(room: str) -> list[BindingType]:
    """The keys of a panel."""
    return [key.binding for key in of_room(room)]


class Panel(Painted, can_focus=True):
    """A region of the dashboard. It shows the view and asks for things by messages; it changes nothing itself."""

    heading: ClassVar[str] = ""
    seconds_between: ClassVar[float] = 0.0  # repaints while figures stream in come no closer than this
    view: reactive[View] = reactive(View, init=False, repaint=False)

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.border_title = self.heading
        self._painted_at = 0.0
        self._is_stale = False

    def watch_view(self, old: View, new: View) -> None:
        """A new view: shown at once where more than figures changed, otherwise when it is due."""
        is_news = (old.status, old.run, old.pending, old.exit) != (new.status, new.run, new.pending, new.exit)
        self._is_stale = True
        self.catch_up(is_urgent=is_news)

    def catch_up(self, *, is_urgent: bool = False) -> None:
        """Repaint if there is something new and enough time went by; called on every tick of the clock."""
        if not self._is_stale or not self.display:
            return
        now = time.monotonic()
        if is_urgent or now - self._painted_at >= self.seconds_between:
            self.repaint()

    def repaint(self) -> None:
        """As Painted; nothing is stale afterwards."""
        self._is_stale = False
        self._painted_at = time.monotonic()
        super().repaint()

    def on_show(self) -> None:
        """What went on while the panel was hidden."""
        self.repaint()

    def retitle(self, *parts: str) -> None:
        """The heading and what is chosen in the panel."""
        title = " · ".join([self.heading, *filter(None, parts)])
        if self.border_title != title:
            self.border_title = title
