"""Everything on screen in ASCII, for terminals and locales without UTF-8: one filter over every line painted."""

from __future__ import annotations

from functools import lru_cache

from rich.cells import cell_len
from rich.segment import Segment
from textual.color import Color
from textual.filter import LineFilter

STAND_INS = {
    **dict.fromkeys("─━╌┄╴╶╸╺⎯▔╍", "-"),
    **dict.fromkeys("│┃┊┆▏▕▎▍▌▐", "|"),
    **dict.fromkeys("┌┐└┘├┤┬┴┼╭╮╯╰╋┏┓┗┛┠┨┯┷", "+"),
    **dict(zip("▁▂▃▄▅▆▇█", ".,:-=+*#", strict=True)),  # bars: the higher, the more ink
    **dict.fromkeys("·•∙", "."),
    **dict.fromkeys("▾▼", "v"),
    **dict.fromkeys("▸►▶", ">"),
    **dict.fromkeys("◂◀", "<"),
    **dict.fromkeys("●◉◆★✓✔", "*"),
    **dict.fromkeys("■▪", "#"),
    **dict.fromkeys("○◌◇", "o"),
    "↑": "^", "↓": "v", "←": "<", "→": ">", "…": "~", "²": "2", "±": "~", "°": " ", "␣": "_",
    "—": "-", "“": '"', "”": '"', "✗": "x", "‖": "=", "🔎": "> ",
}  # fmt: skip


@lru_cache(4096)
def ascii_only(text: str) -> str:
    """The text with stand-ins of the same width; braille becomes dots, what has none becomes `?`."""
    return text if text.isascii() else "".join(mark if mark.isascii() else _stand_in(mark) for mark in text)


def _stand_in(mark: str) -> str:
    if known := STAND_INS.get(mark):
        return known
    if "\u2800" <= mark <= "\u28ff":
        return "." if mark != "\u2800" else " "
    return "?" * cell_len(mark)


class AsciiFilter(LineFilter):
    """Applies `ascii_only` to every segment that is painted."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """As LineFilter."""
        return [Segment(ascii_only(text), style, control) for text, style, control in segments]
