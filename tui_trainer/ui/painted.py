"""A widget made of lines that repaints only the cells that changed: on a bad line every byte counts."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from rich.segment import Segment
from rich.text import Text
from textual import events
from textual.geometry import Region
from textual.strip import Strip
from textual.widget import Widget

from tui_trainer.ui.palette import Palette, palette_of

if TYPE_CHECKING:
    from tui_trainer.ui.app import TrainerApp

GAP = 10  # unchanged cells that are cheaper to repaint than to jump over


class Painted(Widget):
    """Subclasses say their lines; `repaint` compares them with what is on screen."""

    def __init__(self, *, id: str | None = None, classes: str | None = None) -> None:  # noqa: A002
        super().__init__(id=id, classes=classes)
        self._strips: list[Strip] = []
        self._known: dict[tuple[object, ...], Strip] = {}  # lines that were rendered, by their text
        self._known_for: tuple[object, ...] = ()

    def lines(self, width: int, height: int) -> Sequence[Text]:
        """What to show in so many columns and rows."""
        raise NotImplementedError

    @property
    def trainer(self) -> TrainerApp:
        """The app, by its own type."""
        from tui_trainer.ui.app import TrainerApp

        assert isinstance(self.app, TrainerApp)  # noqa: S101
        return self.app

    @property
    def palette(self) -> Palette:
        """The colours of the theme in force."""
        return palette_of(self.app)

    def repaint(self) -> None:
        """Show the present lines, touching only cells that differ."""
        width, height = self.size
        if not width or not height or not self.is_attached:
            return
        fresh = self._fresh(width, height)
        old, self._strips = self._strips, fresh
        if len(old) != len(fresh) or old[0].cell_length != width:
            self.refresh()
            return
        changed = [
            Region(start, y, end - start, 1)
            for y, (before, now) in enumerate(zip(old, fresh, strict=True))
            for start, end in changed_spans(before, now)
        ]
        if changed:
            self.refresh(*changed)

    def _fresh(self, width: int, height: int) -> list[Strip]:
        """The present lines; one that is as it was is not rendered again."""
        style = self.rich_style
        if self._known_for != (width, style):
            self._known, self._known_for = {}, (width, style)
        known, self._known = self._known, {}
        strips = []
        for text in list(self.lines(width, height))[:height]:
            key = (text.plain, tuple(text.spans), text.style)
            strip = known.get(key) or self._strip(text, width).apply_style(style)
            self._known[key] = strip
            strips.append(strip)
        return strips + [Strip.blank(width, style)] * (height - len(strips))

    def _strip(self, text: Text, width: int) -> Strip:
        text.no_wrap = True
        text.end = ""
        if not text.spans:  # Rich renders such a text without its own style
            return Strip([Segment(text.plain, self.app.console.get_style(text.style))]).adjust_cell_length(width)
        return Strip(text.render(self.app.console)).adjust_cell_length(width).simplify()

    def render_line(self, y: int) -> Strip:
        """As Widget: one line, on the widget's own background. The first frame has its content already."""
        if not self._strips and self.size:
            self._strips = self._fresh(*self.size)
        return self._strips[y] if y < len(self._strips) else Strip.blank(self.size.width, self.rich_style)

    def on_resize(self, _event: events.Resize) -> None:
        """Lines depend on the size."""
        self.repaint()

    def repaint_all(self) -> None:
        """After a change of theme."""
        self._strips, self._known = [], {}
        self.repaint()


def changed_spans(before: Strip, now: Strip) -> Iterator[tuple[int, int]]:
    """(first, past the last) cells that differ; neighbours less than GAP apart are one span."""
    if list(before) == list(now):
        return
    old, new = list(_cells(before)), list(_cells(now))
    start = end = -1
    for x in range(max(len(old), len(new))):
        if x < len(old) and x < len(new) and old[x] == new[x]:
            continue
        if start >= 0 and x - end > GAP:
            yield start, end
            start = x
        start, end = (x if start < 0 else start), x + 1
    if start >= 0:
        yield start, end


def _cells(strip: Strip) -> Iterator[tuple[str, object]]:
    """(character, style) per cell; a wide character fills the cells it takes."""
    for text, style, _ in strip:
        if text.isascii():
            yield from ((mark, style) for mark in text)
        else:
            for mark in text:
                yield from [(mark, style)] * Segment(mark).cell_length
