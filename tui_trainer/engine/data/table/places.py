"""Where in a file a mistake stands, as a sentence names it."""

from __future__ import annotations

from collections.abc import Callable

from tui_trainer.errors import listed, printable

Where = Callable[[int], str]
"""From a row, counted from 0, to `people.csv, row 1 (line 2)`."""


def shown(value: object, longest: int = 60) -> str:
    """A name or a value in quotes, cut where it is long."""
    text = str(value)
    return f"'{printable(text if len(text) <= longest else text[: longest - 3] + '...')}'"


def named(names: list[str], most: int = 12) -> str:
    """`a, b, c and 5 more`, safe for a terminal."""
    return listed(map(printable, names), most)


def rows_of(where: str, before: int = 0) -> Where:
    """Of a file without lines, or of a part of it that begins after so many rows."""
    return lambda row: f"{where}, row {before + row + 1:,}"
