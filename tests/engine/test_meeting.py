"""When the processes of a group look up from their steps: together, and seldom."""

from __future__ import annotations

import time
from typing import TypeVar

from tests.conftest import wait_until
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.meeting import looks
from tui_trainer.engine.pace import Every

T = TypeVar("T")


class Talkative(Group):
    """The first of two processes; what it says is kept."""

    size = 2

    def __init__(self) -> None:
        self.said: list[object] = []

    def agreed(self, value: T) -> T:
        self.said.append(value)
        return value


def test_fast_steps_are_not_slowed_by_messages() -> None:
    group, steps = Talkative(), 0
    meetings, end = looks(group, 0.02), time.monotonic() + 0.2
    while time.monotonic() < end:
        meetings.is_due()
        steps += 1
    assert steps > 10_000
    assert len(group.said) < 60  # it doubles its way up from every step, then meets some ten times


def test_two_processes_look_up_after_the_same_steps() -> None:
    first = Talkative()
    speaks = looks(first, 0.005)

    class Second(Talkative):
        rank = 1

        def agreed(self, value: T) -> T:
            self.said.append(value)
            return first.said[len(self.said) - 1]  # type: ignore[return-value]

    listens = looks(Second(), 3600.0)  # whatever its own clock says
    answers = [(speaks.is_due(), listens.is_due()) for _ in range(50_000)]
    assert all(one == other for one, other in answers)
    assert any(one for one, _ in answers)


def test_slow_steps_are_each_followed_by_a_look() -> None:
    group = Talkative()
    meetings = looks(group, 0.001)
    for step in range(5):
        passed = Every(0.003).is_due
        wait_until(passed)
        meetings.is_due()
        assert len(group.said) == step + 1


def test_a_process_alone_looks_at_its_own_clock() -> None:
    assert looks(ALONE, 0.0).is_due()
    assert not looks(ALONE, 3600.0).is_due()
