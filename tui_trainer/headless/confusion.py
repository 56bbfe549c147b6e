"""A confusion matrix on a terminal: heat by the share of its row, or the worst pairs where it is too wide."""

from __future__ import annotations

from rich.console import RenderableType
from rich.style import Style
from rich.table import Table
from rich.text import Text

MOST_PAIRS = 10
BLUE, ORANGE = (38, 98, 156), (176, 84, 20)  # hits and misses: told apart in every kind of colour blindness


def confusion_view(matrix: list[list[int]], names: list[str], width: int) -> RenderableType:
    """The whole matrix where it fits the width, otherwise the most frequent mistakes."""
    shown = [_short(name, 12) for name in names]
    cell = max(3, *(len(str(count)) for row in matrix for count in row)) + 1
    label = max(map(len, shown))
    if label + 1 + (cell + 1) * len(names) + 8 > width:
        return worst_pairs(matrix, names)
    lines = [
        Text(" " * (label + 1) + "".join(f"{_short(name, cell - 1):>{cell}}" for name in names) + "  recall", "dim")
    ]
    for number, row in enumerate(matrix):
        total = sum(row)
        line = Text(f"{shown[number]:>{label}} ")
        for column, count in enumerate(row):
            style = _heat(count / total if total else 0.0, is_hit=number == column)
            line.append(f"{count or '·':>{cell}}", style)
        line.append(f"  {row[number] / total:6.1%}" if total else "       -")
        lines.append(line)
    return Text("\n").join(lines)


def worst_pairs(matrix: list[list[int]], names: list[str]) -> Table:
    """The most frequent mistakes, one a line."""
    pairs = [
        (count, row, column)
        for row, counts in enumerate(matrix)
        for column, count in enumerate(counts)
        if row != column and count
    ]
    table = Table("true", "taken for", "times", "of", box=None, pad_edge=False, header_style="dim")
    for count, row, column in sorted(pairs, reverse=True)[:MOST_PAIRS]:
        table.add_row(_short(names[row], 24), _short(names[column], 24), f"{count:,}", f"{sum(matrix[row]):,}")
    return table


def _short(name: str, most: int) -> str:
    clean = "".join(mark if mark.isprintable() else "?" for mark in name)
    return clean if len(clean) <= most else clean[: max(1, most - 1)] + "…"


def _heat(share: float, *, is_hit: bool) -> Style:
    """A background that grows with the share; a rare mistake still shows."""
    if share == 0:
        return Style(dim=True)
    strength = 0.25 + 0.75 * share if is_hit else min(1.0, 0.35 + 2 * share)
    red, green, blue = (round(channel * strength) for channel in (BLUE if is_hit else ORANGE))
    return Style(color="white", bgcolor=f"rgb({red},{green},{blue})", bold=is_hit)
