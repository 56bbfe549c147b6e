"""Curves in bounded memory: nothing of the run's shape is lost, and a resume takes back what it made void."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_run_state import epoch, progress, resumed
from tui_trainer.events import HyperparametersChanged
from tui_trainer.history import History, Point, Series

values = st.lists(st.floats(-1e6, 1e6), max_size=300)


def series_of(numbers: list[float], capacity: int = 16, recent: int = 8) -> Series:
    series = Series(capacity, recent)
    for step, value in enumerate(numbers, 1):
        series.add(Point(step, step / 10, value))
    return series


@given(values)
def test_a_series_stays_small_and_in_order_and_ends_with_the_newest(numbers: list[float]) -> None:
    series = series_of(numbers)
    whole = series.whole()
    assert len(whole) <= 17
    assert len(series.recent) <= 8
    assert [point.step for point in whole] == sorted({point.step for point in whole})
    if numbers:
        assert whole[-1] == Point(len(numbers), len(numbers) / 10, numbers[-1])
        assert min(numbers) - 1e-6 <= min(point.value for point in whole)
        assert max(point.value for point in whole) <= max(numbers) + 1e-6


@given(values, st.integers(0, 300))
def test_after_a_cut_nothing_later_is_left(numbers: list[float], step: int) -> None:
    series = series_of(numbers)
    series.cut_after(step)
    assert all(point.step <= step for point in [*series.whole(), *series.recent])
    series.add(Point(step + 1, 0.0, 1.0))
    assert series.whole()[-1].step == step + 1


def test_thinning_keeps_the_mean() -> None:
    series = series_of([float(n) for n in range(64)], capacity=16)
    kept = [point.value for point in series.whole()]
    assert kept[:3] == pytest.approx([3.5, 11.5, 19.5])  # eight raw points each


def test_the_history_of_a_run_with_a_change_and_a_resume() -> None:
    history = History()
    for event in (progress(1), epoch(1), progress(2), epoch(2)):
        history.add(event)
    change = HyperparametersChanged(step=epoch(2).step, epoch=3, values={"lr": 0.1}, before={"lr": 0.01})
    history.add(change)
    assert [mark.text for mark in history.marks] == ["lr 0.01 -> 0.1"]
    assert history.marks[0].at == pytest.approx(2.0)
    assert [point.at for point in history.by_epoch["val_loss"].whole()] == [1.0, 2.0]
    before = history.version
    history.add(resumed(1).model_copy(update={"step": epoch(1).step}))
    assert history.version > before
    assert [point.at for point in history.by_epoch["val_loss"].whole()] == [1.0]
    assert not history.marks
