"""Charts as characters, checked by what they have to show."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.ui.charts import (
    BLOCKS,
    Curve,
    Picture,
    bar,
    drawn,
    log_ticks,
    moved,
    nearest_point,
    nice_ticks,
    round_up,
    smoothed,
    sparkline,
    thinned,
    tick_words,
)

BLUE, ORANGE = (86, 180, 233), (230, 159, 0)
numbers = st.floats(-1e9, 1e9)


def test_a_sparkline_rises_with_its_values() -> None:
    assert sparkline([0, 1, 2, 3, 4, 5, 6, 7], 8) == BLOCKS
    assert sparkline([5, 5, 5], 8) == BLOCKS[0] * 3
    assert sparkline([], 8) == ""
    assert sparkline([math.nan, 1.0, 2.0], 8) == BLOCKS[0] + BLOCKS[-1]


@given(st.lists(numbers, max_size=200), st.integers(0, 40))
def test_a_sparkline_never_outgrows_its_width(values: list[float], width: int) -> None:
    assert len(sparkline(values, width)) == min(width, len(values))


@given(st.floats(-1, 2), st.integers(1, 60))
def test_a_bar_is_as_wide_as_asked(share: float, width: int) -> None:
    assert bar(share, width, "").cell_len == width


def test_smoothing_starts_at_the_first_value_and_keeps_a_constant() -> None:
    assert smoothed([3.0] * 9, 0.9) == pytest.approx([3.0] * 9)
    assert smoothed([1.0, 0.0, 0.0], 0.0) == [1.0, 0.0, 0.0]
    once = smoothed([1.0, 0.0], 0.6)
    assert once == pytest.approx([1.0, 0.24 / 0.64])  # Kingma and Ba's correction, by hand


@given(st.lists(numbers, min_size=1, max_size=500), st.integers(2, 80))
def test_thinning_keeps_extremes_and_the_newest(values: list[float], most: int) -> None:
    points = [(float(n), value) for n, value in enumerate(values)]
    few = thinned(points, most)
    assert len(few) <= most + 2
    assert few == sorted(few)
    assert max(value for _, value in few) == max(values)
    assert min(value for _, value in few) == min(values)
    assert few[-1] == points[-1]


@given(numbers, numbers, st.integers(1, 12))
def test_ticks_lie_inside_and_are_few(one: float, other: float, most: int) -> None:
    low, high = sorted((one, other))
    ticks = nice_ticks(low, high, most)
    assert 1 <= len(ticks) <= most + 2
    span = max(abs(low), abs(high), 1e-300) * 1e-6
    assert all(low - span <= tick <= high + span for tick in ticks)


def test_ticks_are_round() -> None:
    assert nice_ticks(0.0, 1.0, 5) == pytest.approx([0, 0.2, 0.4, 0.6, 0.8, 1.0])
    assert log_ticks(0.001, 10) == pytest.approx([0.001, 0.01, 0.1, 1, 10])


@given(st.floats(1e-9, 1e9))
def test_rounding_up_leaves_little_room(value: float) -> None:
    assert value * 0.99999 <= round_up(value) <= value * 1.29


def test_a_plot_fills_its_room_and_shows_both_curves() -> None:
    falling = Curve(tuple((n / 10, math.exp(-n / 20)) for n in range(100)), BLUE, ".")
    rising = Curve(tuple((n / 10, n / 100) for n in range(100)), ORANGE, "o")
    rows = drawn(Picture((falling, rising), ((5.0, (140, 140, 140)),), is_plain=True, is_ascii=True), 70, 14)
    assert len(rows) == 14
    assert all(row.cell_len <= 70 for row in rows)
    text = "\n".join(row.plain for row in rows)
    assert text.count(".") > 20
    assert text.count("o") > 20
    assert rows[5].plain.find("│") >= 0


def test_a_logarithmic_plot_of_a_loss_that_reaches_zero_is_drawn_linearly() -> None:
    curve = Curve(((0.0, 1.0), (1.0, 0.0)), BLUE, ".")
    assert len(drawn(Picture((curve,), is_log=True), 40, 10)) == 10


def test_the_cursor_walks_along_the_points() -> None:
    points = [(0.5, 9.0), (1.0, 8.0), (2.0, 7.0)]
    assert moved(points, None, -1) == 1.0
    assert moved(points, 1.0, 1) == 2.0
    assert moved(points, 2.0, 5) == 2.0
    assert moved([], None, 1) is None
    assert nearest_point(points, 1.2) == (1.0, 8.0)


def test_ticks_that_are_close_have_as_many_digits_as_tell_them_apart() -> None:
    assert tick_words([2.312, 2.314]) == ["2.312", "2.314"]
    assert tick_words([0.5, 1, 1.5]) == ["0.5", "1", "1.5"]
