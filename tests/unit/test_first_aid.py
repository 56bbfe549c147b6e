"""The rules of first aid, told events: what is said once, what stays unsaid, and what a run that goes on remembers."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.config import RunConfig
from tui_trainer.events import EpochEnded, Event, Progress
from tui_trainer.first_aid import Case, FirstAid
from tui_trainer.inside_events import Alerted, AlertPassed, LayerFacts, NetMeasured, RemedyApplied, WentBack
from tui_trainer.knobs import build

CASE = Case(RunConfig())
KERAS = [  # (training loss, validation loss, accuracy) of the recipe keras-mnist-mlp by epoch: sure, and right
    (.251, .112, .9672), (.1034, .1078, .9662), (.0767, .0826, .9760), (.0608, .0811, .9790), (.0498, .0686, .9818),
    (.0438, .0844, .9789), (.0381, .0716, .9841), (.0325, .0822, .9823), (.0314, .1030, .9806), (.0278, .0880, .9817),
    (.0267, .1039, .9803), (.0253, .0803, .9832), (.0237, .1208, .9791), (.0218, .1114, .9822), (.0206, .1054, .9836),
    (.0192, .0995, .9845), (.0203, .1202, .9814), (.0184, .1137, .9842), (.0187, .1107, .9845), (.0198, .1161, .9845),
]  # fmt: skip


def epoch(number: int, loss: float, val_loss: float = 0.5, accuracy: float = 0.9, lr: float = 0.001) -> EpochEnded:
    return EpochEnded(
        time=0.0, epoch=number, epochs=100, step=10 * number, train_loss=loss, lr=lr, samples_per_second=1.0,
        seconds=1.0, is_best=False, val_loss=val_loss, val_accuracy=accuracy,
    )  # fmt: skip


def look(number: int, dead: float = 0.0, ratio: float = 1e-3, gradient: float = 1.0) -> NetMeasured:
    facts = {"units": 9, "parameters": 9, "flops": 9, "weight_norm": 1.0, "gradient_norm": gradient}
    layers = [
        LayerFacts(name=name, update_ratio=ratio, dead=dead if name != "output" else None, **facts)
        for name in ("linear1", "output")
    ]
    return NetMeasured(time=0.0, epoch=number, step=10 * number, layers=layers)


def said(events: list[Event], first_aid: FirstAid | None = None, case: Case = CASE) -> list[Event]:
    first_aid = first_aid or FirstAid()
    return [answer for event in events for answer in first_aid.hear(event, case)]


def names(events: list[Event]) -> list[str]:
    return [event.alert for event in events if isinstance(event, Alerted)]


def test_a_net_that_grows_too_sure_and_no_worse_is_not_ill() -> None:
    rows = [epoch(n, *row) for n, row in enumerate(KERAS, 1)]
    assert said(list(rows)) == []


def test_one_that_grows_worse_too_is_and_is_told_where_it_was_measured() -> None:
    rows = [epoch(n, train, val, accuracy - 0.003 * max(0, n - 5)) for n, (train, val, accuracy) in enumerate(KERAS, 1)]
    answers = said(list(rows), case=Case(RunConfig(), is_tested=True))
    assert names(answers) == ["overfitting-1"]
    assert isinstance(answers[0], Alerted)
    assert "on the test split (there is no validation split)" in answers[0].cause
    patient = Case(build({"patience": 5}))
    assert said(list(rows), case=patient) == []  # which ends by itself


def test_a_validation_loss_that_leaps_now_and_then_is_not_overfitting_at_each_leap() -> None:
    def row(number: int) -> EpochEnded:
        leaps = number > 10 and number % 15 == 0
        return epoch(number, 1 / number, 4.0 if leaps else 0.4, 0.75 if leaps else 0.93)

    assert said([row(number) for number in range(1, 100)]) == []


def test_overfitting_that_is_there_for_good_is_said_once_though_curves_leap_for_an_epoch() -> None:
    def row(number: int) -> EpochEnded:
        is_quiet = number in (40, 55)  # better, or thrown back in training, for an epoch
        return epoch(number, 3.0 if number == 55 else 1 / number, 0.2 + 0.02 * number, 0.95 if is_quiet else 0.8)

    early = [epoch(number, 1 / number, 0.3, 0.95) for number in range(1, 10)]
    answers = said([*early, *(row(number) for number in range(10, 80))])
    about = [event for event in answers if isinstance(event, Alerted | AlertPassed) and "overfitting" in event.alert]
    assert [event.event for event in about] == ["alert"]


@pytest.mark.parametrize("lr", [0.001, 0.0001])
def test_standing_still_at_a_lowered_rate_is_the_plan(lr: float) -> None:
    rows = [epoch(n, 1.5, 1.6, lr=0.001 if n < 10 else lr) for n in range(1, 60)]
    assert names(said(list(rows))) == (["plateau-1"] if lr == 0.001 else [])


def test_a_kind_comes_again_only_after_it_had_passed_or_was_answered() -> None:
    first_aid = FirstAid()
    looks: list[Event] = [look(n, dead) for n, dead in enumerate([1.0, 1.0, 0.1, 1.0], 1)]
    assert [event.event for event in said(looks, first_aid)] == ["alert", "alert_passed", "alert"]
    assert list(first_aid.open) == ["dead_units"]
    list(first_aid.hear(RemedyApplied(alert="dead_units-2", sentence="", step=40), CASE))
    assert first_aid.open == {}
    assert names(said([look(5, 1.0)], first_aid)) == ["dead_units-3"]


def test_going_back_takes_back_what_was_said_of_later_steps() -> None:
    first_aid = FirstAid()
    said([look(1), look(2, 1.0)], first_aid)
    alert = first_aid.open["dead_units"]
    assert alert.good_until == 10
    list(first_aid.hear(WentBack(epochs=9, epochs_done=1, step=10), CASE))
    assert first_aid.open == {}
    assert names(said([look(2, 1.0)], first_aid)) == ["dead_units-2"]


def test_a_run_that_goes_on_remembers_what_is_open_and_how_often_it_was() -> None:
    first_aid = FirstAid()
    past: list[Event] = []
    for event in (look(1), look(2, 1.0), look(3), look(4, 1.0)):
        past += [event, *first_aid.hear(event, CASE)]
    again = FirstAid(past, step=40)
    assert [alert.alert for alert in again.open.values()] == ["dead_units-2"]
    assert said([look(5, 1.0)], again) == []
    assert [event.event for event in said([look(6)], again)] == ["alert_passed"]
    void = FirstAid(past, step=30)
    assert names(said([look(4, 1.0)], void)) == ["dead_units-3"]


def test_one_cause_is_said_once() -> None:
    rows: list[Event] = [epoch(1, 1.0), epoch(2, 50.0), *(look(n, ratio=9.0, gradient=1e6) for n in range(2, 6))]
    assert names(said(rows)) == ["divergence-1"]


LOSSES = st.floats(0.0, 1e6)


@given(st.lists(st.one_of(
    st.builds(epoch, st.integers(1, 99), LOSSES, LOSSES, st.floats(0, 1)),
    st.builds(look, st.integers(1, 99), st.floats(0, 1), st.floats(0, 10), LOSSES),
    st.builds(lambda loss: Progress(time=0.0, epoch=1, epochs=9, step=5, epoch_fraction=0.5, loss=loss, lr=0.1,
                                    samples_per_second=1.0, seconds_left=1.0), LOSSES),
), max_size=80))  # fmt: skip
def test_whatever_happens_alerts_open_and_close_in_turn(events: list[Event]) -> None:
    first_aid = FirstAid()
    open_kinds: set[str] = set()
    for answer in said(events, first_aid):
        match answer:
            case Alerted():
                assert answer.kind not in open_kinds
                open_kinds.add(answer.kind)
                assert answer.remedies
            case AlertPassed():
                open_kinds.remove(answer.alert.rpartition("-")[0])
    assert set(first_aid.open) == open_kinds
