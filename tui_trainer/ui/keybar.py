"""The footer and the tabs: one line each, made from the declarations of the keys."""

from __future__ import annotations

from collections.abc import Callable
from itertools import groupby

from rich.style import Style
from rich.text import Text

from tui_trainer.ui.keys import Key, of_room
from tui_trainer.ui.painted import Painted

TITLES = {
    "hyperparameters": "Hyperparameters", "losses": "Losses", "confusion": "Confusion", "devices": "Devices",
    "log": "Log", "inside": "Inside",
}  # fmt: skip
PANELS = tuple(TITLES)


class KeyBar(Painted):
    """The keys that help most here; the least important is left out first. Neighbours that do the same share a word."""

    def __init__(self, label_of: Callable[[Key], str], *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._label_of = label_of
        self.room = ""

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        keys = [key for key in (*of_room(""), *of_room(self.room)) if key.rank < 9 and self._label_of(key)]
        groups = [list(group) for _, group in groupby(keys, key=lambda key: (self._label_of(key), key.rank))]
        chosen: list[list[Key]] = []
        used = 0
        for group in sorted(groups, key=lambda group: group[0].rank):
            size = sum(len(key.shown) + 1 for key in group) + len(self._label_of(group[0])) + 2
            if used + size <= width:
                used += size
                chosen.append(group)
        line = Text()
        for group in (group for group in groups if group in chosen):
            for key in group:
                label = f" {self._label_of(key)} " if key is group[-1] else ""
                call = f"screen.press('{key.action.partition('(')[0]}', {_arguments(key.action)})"
                style = Style.from_meta({"@click": call})
                line.append_text(Text.assemble((f" {key.shown}", f"bold {self.palette.accent}"), label, style=style))
        return [line]


def _arguments(action: str) -> str:
    """`matrix_epoch(-1)` -> `(-1,)`."""
    inside = action.partition("(")[2].removesuffix(")")
    return f"({inside},)" if inside else "()"


class TabBar(Painted):
    """On a small screen the panels take turns: their names, the present one marked."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.current = PANELS[0]

    def lines(self, width: int, height: int) -> list[Text]:
        """One line."""
        line = Text()
        for number, panel in enumerate(PANELS, 1):
            title = TITLES[panel] if width >= 70 else TITLES[panel][:8]
            style = "bold reverse" if panel == self.current else ""
            click = Style.from_meta({"@click": f"screen.press('panel', ({number},))"})
            line.append_text(Text.assemble((f" {number} {title} ", style), style=click))
        return [line]
