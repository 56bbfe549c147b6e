"""Records for TensorBoard stay few and cheap, however long a run is."""

from __future__ import annotations

from itertools import pairwise

from tui_trainer.worker.board.pacing import FIRST_POINTS, LEAST_SECONDS, MOST_POINTS, Affordable, Spaced


def test_a_day_of_ten_reports_a_second_is_some_thousand_points() -> None:
    spaced = Spaced(0.0, MOST_POINTS, LEAST_SECONDS)
    written = [number / 10 for number in range(864_000) if spaced.is_due(number / 10)]
    assert written[:1000] == [number / 10 for number in range(1000)]  # all of the first minutes
    assert 8_000 < len(written) < 16_000
    gaps = [after - before for before, after in pairwise(written)]
    assert max(gaps) < 86_400 / MOST_POINTS + 0.2


def test_a_thousand_epochs_a_second_are_not_all_written() -> None:
    spaced = Spaced(0.0, MOST_POINTS, LEAST_SECONDS)
    assert 49 <= sum(spaced.is_due(number / 1000) for number in range(1000)) <= 51


def test_the_first_thousand_epochs_are_all_written_and_then_a_part() -> None:
    spaced = Spaced(0.0, MOST_POINTS, LEAST_SECONDS, FIRST_POINTS)
    due = [spaced.is_due(number / 1000) for number in range(2000)]
    assert all(due[:FIRST_POINTS])
    assert 49 <= sum(due[FIRST_POINTS:]) <= 51


def test_a_clock_that_is_set_back_silences_nothing() -> None:
    spaced = Spaced(0.0, MOST_POINTS)
    assert spaced.is_due(5_000.0)
    assert spaced.is_due(1_000.0)


def test_costly_work_stays_within_its_share_of_the_time() -> None:
    now = 0.0
    affordable = Affordable(0.02, lambda: now)
    spent = 0.0
    for _ in range(100_000):
        now += 0.01
        if affordable.is_so():
            with affordable.measured():
                now += 0.5
            spent += 0.5
    assert 0.018 <= spent / now <= 0.021
