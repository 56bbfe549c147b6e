"""First aid where training leads nowhere, told events: losses at or far above a guess's, few looks, the words."""

from __future__ import annotations

from typing import Any

import pytest

from tests.unit.test_first_aid import epoch, look, names, said
from tui_trainer.config import RunConfig
from tui_trainer.events import Event, HyperparametersChanged
from tui_trainer.finder_words import words_of
from tui_trainer.first_aid import Case
from tui_trainer.first_aid.case import Symptom
from tui_trainer.first_aid.gradients import VanishingGradients
from tui_trainer.first_aid.losses import Divergence
from tui_trainer.first_aid.overfitting import Overfitting
from tui_trainer.first_aid.units import SaturatedUnits
from tui_trainer.inside_events import Alerted, LayerFacts, NetMeasured, WentBack
from tui_trainer.knobs import build
from tui_trainer.words import changes, describe

CASE = Case(RunConfig())  # ten classes: a guess loses 2.303


def only(events: list[Event], case: Case = CASE) -> Alerted:
    (alert,) = [event for event in said(events, case=case) if isinstance(event, Alerted)]
    return alert


def deep(number: int, saturated: float, gradients: tuple[float, ...]) -> NetMeasured:
    layers = [
        LayerFacts(name=f"linear{n}", units=9, parameters=100, flops=9, weight_norm=1.0, gradient_norm=gradient,
                   update_ratio=1e-3, saturated=saturated)
        for n, gradient in enumerate(gradients, 1)
    ]  # fmt: skip
    return NetMeasured(time=0.0, epoch=number, step=10 * number, layers=layers)


def test_what_loses_more_than_a_guess_knows_nothing_by_heart() -> None:
    rule = Overfitting()
    rows = [epoch(n, 2e6 / n**3, 100.0 + 50 * n, max(0.1, 0.5 - 0.02 * n)) for n in range(1, 40)]
    assert rows[-1].train_loss > 10
    assert not any(isinstance(rule.hear(row, CASE), Symptom) for row in rows)


@pytest.mark.parametrize("losses", [(2946696, 9842, 11518, 280, 99), (6612849, 14.6, 17.0, 17.1, 15.1)])
def test_losses_that_stay_far_above_a_guess_need_no_look_inside(losses: tuple[float, ...]) -> None:
    alert = only([epoch(n, loss, 9.0, 0.1) for n, loss in enumerate(losses, 1)], Case(build({"lr": 50.0})))
    assert (alert.kind, alert.epoch) == ("lr_too_high", 3)
    assert "at a learning rate of 50; the training loss is " in alert.evidence
    assert alert.remedies[0].sentence == "Go back to the beginning with a tenth of the learning rate (5)"


def test_a_start_far_above_a_guess_that_comes_down_is_not_a_rate_too_high() -> None:
    assert said([epoch(n, 50.0 * 0.9**n, 50.0 * 0.9**n, 0.1) for n in range(1, 60)]) == []


def test_large_starting_weights_are_named_where_they_may_be_the_cause() -> None:
    losses = (25.5, 24.2, 24.8, 24.9)
    case = Case(build({"init": "normal", "init_scale": 3.0, "activation": "tanh"}))
    alert = only([epoch(n, loss, 25.0, 0.1) for n, loss in enumerate(losses, 1)], case)
    assert alert.kind == "lr_too_high"
    assert "starting weights" in alert.cause
    assert alert.remedies[0].values == {"init": "glorot_uniform"}


@pytest.mark.parametrize("rule", [VanishingGradients, SaturatedUnits])
def test_one_look_will_do_where_three_epochs_led_nowhere(rule: Any) -> None:
    found = deep(7, 0.9, (1e-9, 1e-4, 1.0))
    quick = rule()
    assert quick.hear(found, CASE) is None  # a net may pass through it
    stuck = rule()
    for number in range(1, 7):
        stuck.hear(epoch(number, 2.31), CASE)
    assert isinstance(stuck.hear(found, CASE), Symptom)
    learning = rule()
    for number in range(1, 7):
        learning.hear(epoch(number, 2.0), CASE)
    assert learning.hear(found, CASE) is None


@pytest.mark.parametrize(("loss", "factor"), [(2.303, 10), (1.5, 0.1)])
def test_standing_still_is_answered_by_smaller_steps_only_where_something_was_learned(
    loss: float, factor: float
) -> None:
    alert = only([epoch(n, loss, loss, 0.1) for n in range(1, 35)], Case(build({"lr": 0.01})))
    assert alert.kind == "plateau"
    assert alert.remedies[0].values == {"lr": pytest.approx(0.01 * factor)}
    assert any("hidden" in remedy.values for remedy in alert.remedies) == (factor < 1)
    assert "(" not in alert.evidence.replace("(there is no validation split)", "")


def test_nothing_is_many_times_a_loss_of_0() -> None:
    rule = Divergence()
    for number, loss in enumerate((2.3, 0.0), 1):
        rule.hear(epoch(number, loss), CASE)
    verdict = rule.hear(epoch(3, 50.0), CASE)
    assert isinstance(verdict, Symptom)
    assert verdict.evidence == "50 in epoch 3, where the lowest is 0; it began at 2.3"


def test_the_beginning_is_called_so() -> None:
    assert describe(WentBack(epochs=9, epochs_done=0, step=0)) == "Went back to the beginning: epoch 1 of 9"
    assert describe(WentBack(epochs=9, epochs_done=1, step=8)) == "Went back to step 8: epoch 2 of 9"
    alert = only([look(1, 1.0)])
    assert alert.good_until == 0
    assert alert.remedies[0].sentence.startswith("Go back to the beginning with a tenth")
    assert names([alert]) == ["dead_units-1"]


def test_changes_are_written_as_their_flags_take_them() -> None:
    event = HyperparametersChanged(
        step=378, epoch=2, before={"dropout": 0.0, "lr": 50.0}, values={"dropout": (0.2, 0.5), "lr": 1e-05}
    )
    assert changes(event) == "dropout 0 -> 0.2,0.5, lr 50 -> 1e-05"
    assert words_of(None, {"lr": 50.0, "dropout": (0.2, 0.5)}) == ["--lr", "50", "--dropout", "0.2,0.5"]
    assert changes(event.model_copy(update={"values": {"dropout": [0.2]}})) == "dropout 0 -> 0.2"
