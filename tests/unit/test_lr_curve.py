"""The rule that makes a suggestion of a curve of losses."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.lr_curve import Curve

STEPS = 200


def curve_of(losses: list[float], low: float = 1e-6, high: float = 10.0, steps: int = STEPS) -> Curve:
    curve = Curve(low, high, steps)
    curve.add(losses)
    return curve


def valley(lr: float, falls_at: float = 3e-3, rises_at: float = 0.3) -> float:
    """From 2.3 down to 0.5 around one rate, and up around another."""
    fallen = 1 / (1 + (lr / falls_at) ** -2)
    return 2.3 - 1.8 * fallen + 20 * (lr / rises_at) ** 2 * fallen


def test_the_rates_rise_by_one_factor_from_the_first_to_the_last() -> None:
    curve = Curve(1e-4, 1.0, 5)
    assert [curve.lr_at(step) for step in range(7)] == pytest.approx([1e-4, 1e-3, 1e-2, 0.1, 1.0, 1.0, 1.0])


def test_the_smoothed_loss_is_the_weighted_mean_of_all_losses_so_far() -> None:
    curve = curve_of([4.0, 2.0, 3.0], steps=8)  # a decade a step
    keep = math.exp(-1 / 0.6)
    for count, point in enumerate(curve.points, 1):
        weights = [keep ** (count - 1 - number) for number in range(count)]
        expected = sum(w * loss for w, loss in zip(weights, [4.0, 2.0, 3.0], strict=False)) / sum(weights)
        assert point[2] == pytest.approx(expected)


@pytest.mark.parametrize("steps", [100, 200, 1000])
def test_a_valley_is_suggested_between_its_steepest_place_and_its_ground(steps: int) -> None:
    curve = Curve(1e-6, 10.0, steps)
    curve.add(valley(curve.lr_at(step)) for step in range(steps))
    told = curve.suggestion()
    assert curve.end == "rose"
    assert told.lr is not None
    assert told.steepest == pytest.approx(6e-3, rel=0.6)  # the mean lags behind
    assert told.lowest is not None
    assert told.steepest is not None
    assert 0.99 * told.steepest <= told.lr <= told.lowest / 3  # two digits
    assert told.sentence == ""


def test_a_fall_just_before_the_rise_is_not_suggested_itself() -> None:
    curve = Curve(1e-6, 10.0, STEPS)
    curve.add(valley(curve.lr_at(step), falls_at=0.3, rises_at=0.5) for step in range(STEPS))
    told = curve.suggestion()
    assert told.lr is not None
    assert told.lowest is not None
    assert told.lr == pytest.approx(told.lowest / 3, rel=0.05)


@pytest.mark.parametrize("factor", [0.1, 3.0, 100.0])
def test_the_unit_of_the_loss_makes_no_difference(factor: float) -> None:
    rates = Curve(1e-6, 10.0, STEPS)
    losses = [valley(rates.lr_at(step)) for step in range(STEPS)]
    assert curve_of([factor * loss for loss in losses]).suggestion() == curve_of(losses).suggestion()


@pytest.mark.parametrize(
    ("losses", "words"),
    [
        ([2.3] * STEPS, "the loss never clearly fell"),
        ([0.0] * STEPS, "the loss never clearly fell"),
        ([1.0 + 0.5 * (step % 2) for step in range(STEPS)], "the loss never clearly fell"),
        ([1.0 + step for step in range(STEPS)], "the loss never clearly fell"),
        ([2.3, math.nan], "no number at learning rate 1.1e-06"),
        ([math.inf], "no number at learning rate 1e-06"),
    ],
)
def test_a_curve_that_does_not_fall_suggests_nothing_and_says_why(losses: list[float], words: str) -> None:
    told = curve_of(losses).suggestion()
    assert told.lr is None
    assert words in told.sentence
    assert "--check" in told.sentence


def test_a_loss_that_is_no_number_ends_the_test_and_what_was_before_counts() -> None:
    curve = Curve(1e-6, 10.0, STEPS)
    losses = [valley(curve.lr_at(step), rises_at=1e9) for step in range(150)]
    curve.add([*losses, math.nan, 0.0])
    assert (curve.end, len(curve.points)) == ("not_finite", 150)
    assert curve.suggestion().lr is not None


def test_a_loss_that_falls_to_the_end_says_so() -> None:
    curve = Curve(1e-6, 1e-2, STEPS)
    curve.add(valley(curve.lr_at(step)) for step in range(STEPS))
    assert "a --to above 0.01 would tell more" in curve.suggestion().sentence


@given(
    losses=st.lists(st.floats() | st.floats(0, 10) | st.just(1.0), max_size=60),
    low=st.floats(1e-9, 1.0),
    decades=st.floats(1.0, 12.0),
    steps=st.integers(20, 60),
)
def test_whatever_the_losses_the_suggestion_lies_in_the_range(
    losses: list[float], low: float, decades: float, steps: int
) -> None:
    curve = curve_of(losses, low, low * 10**decades, steps)
    told = curve.suggestion()
    assert all(math.isfinite(number) for point in curve.points for number in point)
    assert len(curve.points) <= steps
    for rate in (told.lr, told.lowest, told.steepest):
        assert rate is None or curve.low <= rate <= curve.high
    assert told.lr or told.sentence
