"""The curve of a range test as characters: the rate's logarithm across, the loss upwards, the suggestion as a line.

Braille has two by four dots in a cell; in ASCII a cell is a dot.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Literal

from tui_trainer.finder_events import Point

Role = Literal["axis", "curve", "mark", ""]
Line = list[tuple[str, Role]]
DOTS = ((0x01, 0x08), (0x02, 0x10), (0x04, 0x20), (0x40, 0x80))  # of a braille cell, [row][column]
BRAILLE = 0x2800
MARGIN = 9  # columns of the loss's figures
ROOM_ABOVE = 1.15  # of the loss at the start: what rises beyond it leaves the picture
LEAST = (MARGIN + 12, 5)


def plotted(
    points: Sequence[Point], mark: float | None, span: tuple[float, float], width: int, height: int, *,
    is_ascii: bool = False,
) -> list[Line]:  # fmt: skip
    """So many columns and rows, axes among them; nothing where there is no room or no curve. `span`: of the rates."""
    if width < LEAST[0] or height < LEAST[1] or len(points) < 2:
        return []
    columns, rows = width - MARGIN - 1, height - 2
    across, down = (1, 1) if is_ascii else (2, 4)
    low, high = _range(points)
    left, right = math.log10(span[0]), math.log10(span[1])
    curve = [
        ((math.log10(lr) - left) / (right - left) * (columns * across - 1), smoothed) for lr, _, smoothed in points
    ]
    cells = _cells(curve, (low, high), columns, rows, (across, down))
    at = None if mark is None else round((math.log10(mark) - left) / (right - left) * (columns - 1))
    lines = [_row(cells, row, rows, (low, high), columns, at, is_ascii=is_ascii) for row in range(rows)]
    corner, flat, tick = ("+", "-", "+") if is_ascii else ("└", "─", "┬")
    places = {round((power - left) / (right - left) * (columns - 1)): power for power in _powers(left, right, columns)}
    axis = "".join(tick if column in places else flat for column in range(columns))
    return [*lines, [(" " * MARGIN + corner + axis, "axis")], [(_names(places, columns), "axis")]]


def _range(points: Sequence[Point]) -> tuple[float, float]:
    smoothed = [point[2] for point in points]
    low, start = min(smoothed), smoothed[0]
    high = min(max(smoothed), low + ROOM_ABOVE * (start - low)) if start > low else max(smoothed)
    around = max(0.5, abs(low) * 1e-3)  # a half more or less is nothing to a number of 1e16
    return (low, high) if high > low else (low - around, low + around)


def _cells(
    curve: Sequence[tuple[float, float]], span: tuple[float, float], columns: int, rows: int, dots: tuple[int, int]
) -> dict[tuple[int, int], int]:
    """{(column, row): bits} of a line through the points; what lies above the picture is left out."""
    cells: dict[tuple[int, int], int] = {}
    (low, high), (across, down) = span, dots
    last = rows * down - 1
    before: int | None = None
    for x, value in _by_column(curve, columns * across):
        y = round((high - value) / (high - low) * last)
        if y < 0:
            before = None
            continue
        for dot in range(min(y, before if before is not None else y), max(y, before if before is not None else y) + 1):
            key = (x // across, min(dot, last) // down)
            bit = DOTS[min(dot, last) % down][x % across] if down > 1 else 1
            cells[key] = cells.get(key, 0) | bit
        before = y
    return cells


def _by_column(curve: Sequence[tuple[float, float]], count: int) -> Iterator[tuple[int, float]]:
    """(column, value) of each column from the first point to the last, between points by a straight line."""
    number = 0
    for x in range(max(0, math.ceil(curve[0][0])), min(count - 1, math.floor(curve[-1][0] + 1e-6)) + 1):
        while number + 2 < len(curve) and curve[number + 1][0] < x:
            number += 1
        (x0, y0), (x1, y1) = curve[number], curve[number + 1]
        share = min(1.0, max(0.0, (x - x0) / (x1 - x0))) if x1 > x0 else 1.0
        yield x, y0 + (y1 - y0) * share


def _row(
    cells: dict[tuple[int, int], int], row: int, rows: int, span: tuple[float, float], columns: int, mark: int | None,
    *, is_ascii: bool,
) -> Line:  # fmt: skip
    value = span[1] - (span[1] - span[0]) * row / max(1, rows - 1)
    figure = _short(value) if row in (0, rows // 2, rows - 1) else ""
    wall = ("|" if is_ascii else "┤") if figure else "|" if is_ascii else "│"
    line: Line = [(f"{figure:>{MARGIN - 1}} {wall}", "axis")]
    for column in range(columns):
        bits = cells.get((column, row), 0)
        if bits:
            line.append(("*" if is_ascii else chr(BRAILLE + bits), "curve"))
        elif column == mark:
            line.append((":" if is_ascii else "┊", "mark"))
        else:
            line.append((" ", ""))
    return line


def _short(value: float) -> str:
    """`2.54`, `1.01e3`, `-2e-122`: at most eight characters."""
    for digits in (3, 1):
        number, e, power = f"{value:.{digits}g}".partition("e")
        text = f"{number}e{int(power)}" if e else number
        if len(text) < MARGIN:
            break
    return text


def _powers(left: float, right: float, columns: int) -> list[int]:
    """Powers of ten inside; of many every second, third ..., so that their names have room."""
    powers = list(range(math.ceil(left - 1e-9), math.floor(right + 1e-9) + 1))
    every = max(1, math.ceil(len(powers) * 7 / columns))
    return powers[::every]


def _names(places: dict[int, int], columns: int) -> str:
    line = [" "] * (MARGIN + 1 + columns)
    for column, power in places.items():
        name = f"1e{power}"
        start = min(len(line) - len(name), max(0, MARGIN + 1 + column - len(name) // 2))
        line[start : start + len(name)] = name
    return "".join(line).rstrip()
