"""Partial updates in as few bytes as they need: a dashboard is watched over bad lines.

Textual 8 repaints a changed span from the left edge of its widget and sets and resets every style in full; here only
the changed cells are sent, and of a style only what differs from the one before.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from rich.color import ColorSystem
from rich.console import Console
from rich.style import Style
from textual._compositor import ChopsUpdate  # no public name: pyproject.toml keeps Textual below 9
from textual.strip import Strip

RESET = "\x1b[0m"


class Codes(NamedTuple):
    """SGR parameters of a style."""

    attributes: str
    foreground: str
    background: str


PLAIN = Codes("", "", "")


@lru_cache(4096)
def codes_of(style: Style, system: ColorSystem) -> Codes:
    """What a style needs on a terminal with these colours."""
    bare = Style.combine([style.without_color, Style.null()])
    foreground = style.color.downgrade(system).get_ansi_codes() if style.color else ()
    background = style.bgcolor.downgrade(system).get_ansi_codes(False) if style.bgcolor else ()
    return Codes(Strip.render_ansi(bare, system), ";".join(foreground), ";".join(background))


def change(before: Codes, now: Codes) -> str:
    """The escape sequence that leads from one style to another; "" where they are the same."""
    if before == now:
        return ""
    is_additive = before.attributes == now.attributes
    is_additive &= bool(now.foreground or not before.foreground) and bool(now.background or not before.background)
    if is_additive:
        new = [part for part, old in zip(now, before, strict=True) if part != old]
        return f"\x1b[{';'.join(new)}m"
    return f"\x1b[{';'.join(filter(None, ('0', *now)))}m"


class LeanUpdate(ChopsUpdate):
    """As Textual's, cropped on both sides."""

    def render_segments(self, console: Console) -> str:
        """The update as text for the terminal; it begins and ends with no style set."""
        system = console._color_system or ColorSystem.TRUECOLOR
        out: list[str] = []
        style = PLAIN
        for y, first, past in self.spans:
            at = -1  # where the terminal's cursor is on this line
            for end, (x, strip) in zip(self.chop_ends[y], self.chops[y].items(), strict=False):
                left, right = max(x, first), min(end, past)
                if strip is None or left >= right:
                    continue
                if left != at:
                    out.append(f"\x1b[{y + 1};{left + 1}H")
                for text, segment_style, _ in strip.crop(left - x, right - x):
                    now = codes_of(segment_style, system) if segment_style else PLAIN
                    out.append(change(style, now))
                    out.append(text)
                    style = now
                at = right
        if style != PLAIN:
            out.append(RESET)
        return "".join(out)


def lean(update: object) -> object:
    """The same update, leaner, if it is one that can be."""
    if type(update) is ChopsUpdate:
        return LeanUpdate(update.chops, update.spans, update.chop_ends)
    return update
