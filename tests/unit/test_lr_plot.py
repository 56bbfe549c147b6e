"""A curve as characters."""

from __future__ import annotations

import math

from hypothesis import example, given
from hypothesis import strategies as st

from tui_trainer.finder_events import Point
from tui_trainer.lr_plot import plotted

SPAN = (1e-6, 10.0)


def text(points: list[Point], mark: float | None, width: int, height: int, *, is_ascii: bool = False) -> list[str]:
    lines = plotted(points, mark, SPAN, width, height, is_ascii=is_ascii)
    return ["".join(part for part, _ in line) for line in lines]


def falling(count: int = 50) -> list[Point]:
    rates = [10 ** (-6 + 7 * step / (count - 1)) for step in range(count)]
    return [(lr, 0.0, 2.0 - step / (count - 1)) for step, lr in enumerate(rates)]


def test_a_straight_fall_is_a_straight_line_from_corner_to_corner() -> None:
    lines = text(falling(), None, 10 + 20, 20 + 2, is_ascii=True)
    assert [line.index("*", 10) - 10 for line in lines[:20]] == [0, *range(1, 19), 19]
    assert lines[0].startswith("       2 |*")
    assert lines[19].startswith("       1 |")
    assert lines[21].split() == ["1e-6", "1e-3", "1e0"]


def test_the_mark_stands_at_its_rate() -> None:
    lines = text(falling(), 1e-6 * 10**3.5, 10 + 21, 12)
    assert all(line[10 + 10] == "┊" for line in lines[:2])


@example([4503599627370498.0] * 2, 21, 5, None, False)
@given(
    losses=st.lists(st.floats(-1e30, 1e30) | st.floats(0, 3), max_size=30),
    width=st.integers(0, 90),
    height=st.integers(0, 30),
    mark=st.none() | st.floats(1e-6, 10.0),
    is_ascii=st.booleans(),
)
def test_every_curve_fits_its_room(
    losses: list[float], width: int, height: int, mark: float | None, is_ascii: bool
) -> None:
    rates = [1e-6 * math.pow(1e7, step / 29) for step in range(len(losses))]
    points = [(lr, loss, loss) for lr, loss in zip(rates, losses, strict=True)]
    lines = text(points, mark, width, height, is_ascii=is_ascii)
    assert len(lines) in (0, height)
    assert all(len(line) <= width for line in lines)
    assert not is_ascii or all(line.isascii() for line in lines)
