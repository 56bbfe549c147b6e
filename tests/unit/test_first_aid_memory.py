"""First aid over runs of any length: what its rules keep is bounded, and they say what they would say with all kept."""

from __future__ import annotations

import math
from collections import deque
from statistics import fmean
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.unit.test_first_aid import CASE, epoch, look
from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import FirstAid
from tui_trainer.first_aid.case import Symptom, Verdict
from tui_trainer.first_aid.losses import Plateau
from tui_trainer.first_aid.overfitting import Overfitting
from tui_trainer.first_aid.rates import RateTooLow

LOSS = st.floats(0.01, 3.0)
EPOCHS = st.lists(st.tuples(LOSS, LOSS, st.floats(0, 1)), max_size=40)
FALLING_AND_RISING = st.builds(
    lambda fall, rise, worse, noise: [
        (math.exp(-fall * n), 0.3 + rise * abs(n - 6) + wobble, min(1.0, max(0.0, 0.9 - worse * max(0, n - 6))))
        for n, wobble in enumerate(noise)
    ],
    st.floats(0, 0.5), st.floats(0, 0.1), st.floats(0, 0.05), st.lists(st.floats(0, 0.1), max_size=40),
)  # fmt: skip


def in_words(verdict: Verdict) -> str | None:
    return verdict.evidence if isinstance(verdict, Symptom) else verdict


def all_medians(values: list[float]) -> list[float]:
    return [sorted(values[n : n + 5])[2] for n in range(len(values) - 4)]


def overfits(epochs: list[EpochEnded]) -> bool | None:
    """By all of a run's epochs; None between the two bounds."""
    losses = all_medians([event.val_loss or 0.0 for event in epochs])
    errors = all_medians([1 - (event.val_accuracy or 0.0) for event in epochs])
    train = all_medians([event.train_loss for event in epochs])
    best = losses.index(min(losses))
    is_worse = errors[-1] > 1.1 * min(errors) and errors[-1] - min(errors) > 0.01
    if losses[-1] > 1.2 * losses[best] and train[-1] < 0.8 * train[best] and is_worse:
        return True
    return False if losses[-1] <= 1.1 * losses[best] or errors[-1] <= 1.05 * min(errors) else None


def has_overfitted(epochs: list[EpochEnded]) -> bool | None:
    """The same five epochs in a row; None where they differ, or as long as there are too few."""
    if len(epochs) < 14:
        return None
    last = {overfits(epochs[: len(epochs) - ago]) for ago in range(5)}
    return last.pop() if len(last) == 1 else None


@given(st.one_of(EPOCHS, FALLING_AND_RISING))
def test_overfitting_is_told_as_if_every_epoch_were_kept(rows: list[tuple[float, float, float]]) -> None:
    rule, past = Overfitting(), []
    for number, (train, val, accuracy) in enumerate(rows, 1):
        past.append(epoch(number, train, val, accuracy))
        verdict, expected = rule.hear(past[-1], CASE), has_overfitted(past)
        assert (None if verdict is None else isinstance(verdict, Symptom)) == expected


def test_overfitting_names_the_epoch_and_the_figures_of_the_lowest_median() -> None:
    rows = [(1 / n, 0.3 + 0.05 * abs(n - 6), 0.9 - 0.02 * max(0, n - 6)) for n in range(1, 21)]
    rule = Overfitting()
    verdicts = [rule.hear(epoch(n, *row), CASE) for n, row in enumerate(rows, 1)]
    said = next(verdict for verdict in verdicts if isinstance(verdict, Symptom))
    assert said.evidence.startswith("since epoch 5 the training loss fell from 0.2 to ")
    assert "(0.35 to " in said.evidence


def stands_still(epochs: list[EpochEnded]) -> bool | None:
    """By all of a run's epochs, in windows of ten; None as long as there are too few, or between the two bounds."""
    if len(epochs) < 21:
        return None
    columns = [[event.train_loss for event in epochs], [event.val_loss or 0.0 for event in epochs]]
    moved = max(abs(fmean(column[-10:]) / fmean(column[-20:-10]) - 1) for column in columns)
    if fmean(columns[0][-10:]) < 0.1 * math.log(10) or moved > 0.02:
        return False
    return None if moved > 0.005 else True


@given(st.floats(0.1, 2.0), st.lists(st.floats(0, 0.04), max_size=60))
def test_a_plateau_is_told_as_if_every_epoch_were_kept(level: float, noise: list[float]) -> None:
    rule, past = Plateau(), []
    for number, wobble in enumerate(noise, 1):
        event = epoch(number, level + wobble, level + wobble / 2)
        past.append(event.model_copy(update={"epochs": 60}))
        verdict, expected = rule.hear(past[-1], CASE), stands_still(past)
        assert (None if verdict is None else isinstance(verdict, Symptom)) == expected


def test_a_plateau_of_a_long_run_is_told_a_window_of_it_later() -> None:
    rule, said = Plateau(), []
    for number in range(1, 31_001):
        event = epoch(number, 2.0 - min(0.5, 0.0001 * number), 1.5).model_copy(update={"epochs": 50_000})
        if isinstance(verdict := rule.hear(event, CASE), Symptom):
            said.append((number, verdict.evidence))
    number, evidence = said[0]
    passed = math.sqrt(2 * 0.005 * 1.5 * 7_500 / 0.0001)  # epochs of the slope: they move a mean by half a percent
    assert 0 <= number - (5_000 + 2 * 7_500 - passed) <= 150  # judged once a block
    assert "(means of 7,500 epochs each)" in evidence


def things_kept(value: Any) -> int:
    """How many, all in all."""
    if isinstance(value, list | tuple | deque | set | frozenset):
        return 1 + sum(map(things_kept, value))
    if isinstance(value, dict):
        return 1 + sum(map(things_kept, value.values()))
    return 1 + (things_kept(vars(value)) if hasattr(value, "__dict__") else 0)


@pytest.mark.parametrize(
    ("asked_for", "epochs"),
    [(100, 20_000), (1_000_000, 20_000), pytest.param(1_000_000, 200_000, marks=pytest.mark.slow)],
)
def test_what_is_kept_does_not_grow_with_the_run(asked_for: int, epochs: int) -> None:
    first_aid, inside = FirstAid(), look(1)
    events: list[Event] = [
        EpochEnded(**{**epoch(n, 0.5 + 1 / n, 0.5 + 1 / n).model_dump(), "epochs": asked_for}) for n in range(1, 1_001)
    ]
    kept = []
    for number in range(1, epochs + 1):
        list(first_aid.hear(events[number % 1000], CASE))
        if number % 1000 == 0:
            list(first_aid.hear(inside, CASE))
        if number in (2_000, epochs):
            kept.append(things_kept(vars(first_aid)))
    assert kept[1] <= kept[0] + 300  # the blocks of a window
    assert kept[1] < 1_000


@pytest.mark.parametrize(
    ("losses", "dead", "is_told"),
    [([2.3] * 5, 0.0, True), ([2.5e10] * 5, 0.0, False), ([2.3] * 5, 1.0, False), ([4.7] * 5, 0.0, False)],
)
def test_small_steps_of_a_net_that_blew_up_or_died_are_no_low_learning_rate(
    losses: list[float], dead: float, is_told: bool
) -> None:
    rule = RateTooLow()
    for number, loss in enumerate(losses, 1):
        rule.hear(epoch(number, loss), CASE)
    verdict = rule.hear(look(5, dead=dead, ratio=0.0), CASE)
    assert isinstance(verdict, Symptom) == is_told


def test_what_explains_another_is_asked_first() -> None:
    """Both come to light in the same look, where looks are rare."""
    first_aid = FirstAid()
    events: list[Event] = [*(epoch(n, 2.3) for n in range(1, 6)), look(5, dead=0.95, ratio=1e-6)]
    said = [answer.alert for event in events for answer in first_aid.hear(event, CASE)]
    assert said == ["dead_units-1"]
