"""The time that a run tells of: pauses do not count, whatever happens in them."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tui_trainer.engine import pace as pace_module
from tui_trainer.engine.pace import Pace


class Clock:
    """Stands where it is put."""

    def __init__(self) -> None:
        self.now = 1000.0

    def monotonic(self) -> float:
        return self.now


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(pace_module, "time", clock)
    return clock


def saved(pace: Pace, clock: Clock) -> None:
    with pace.aside():
        clock.now += 5


@pytest.mark.parametrize(
    ("happens", "left"),
    [
        (lambda pace, clock: None, 20.0),  # 100 samples in 2 s before, 100 in 2 s after: 1,000 more take 20 s
        (saved, 20.0),
        (lambda pace, clock: pace.forget_rate(), 20.0),
    ],
)
def test_a_pause_counts_for_nothing_whatever_happens_in_it(
    clock: Clock, happens: Callable[[Pace, Clock], None], left: float
) -> None:
    pace = Pace()
    pace.start_epoch()
    clock.now += 2
    pace.count(100)
    assert pace.report() == 50
    with pace.stopped():
        clock.now += 60
        happens(pace, clock)
        clock.now += 600
    clock.now += 2
    pace.count(100)
    assert pace.seconds_left(1000) == pytest.approx(left)
    assert pace.seconds == pytest.approx(4)
    assert pace.epoch_seconds == pytest.approx(4)
    assert pace.epoch_rate() == pytest.approx(50)
    assert pace.report() == pytest.approx(50)


def test_an_epoch_that_begins_anew_in_a_pause_begins_at_its_end(clock: Clock) -> None:
    pace = Pace()
    pace.start_epoch()
    saved(pace, clock)
    with pace.stopped():
        clock.now += 60
        pace.forget_rate()
        pace.start_epoch()
        saved(pace, clock)
        clock.now += 60
    clock.now += 2
    pace.count(100)
    assert pace.epoch_seconds == pytest.approx(2)
    assert pace.epoch_rate() == pytest.approx(50)
    assert pace.seconds_left(1000) == pytest.approx(20)
