"""The fold over events, and the budget that keeps their file small."""

import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.event_budget import BYTES_PER_DAY, EventBudget
from tui_trainer.events import (
    CheckpointSaved,
    Continued,
    EpochEnded,
    Event,
    HyperparametersChanged,
    Paused,
    Progress,
    RunEnded,
    RunResumed,
)
from tui_trainer.inside_events import (
    Alerted,
    AlertPassed,
    Histogram,
    LayerFacts,
    NetMeasured,
    RemedyApplied,
    WeightPicture,
    WentBack,
)
from tui_trainer.run_state import PASSED_ALERTS_KEPT, RunState, advance


def epoch(number: int, *, is_best: bool = True, at: float = 0.0, classes: int = 10) -> EpochEnded:
    return EpochEnded(
        time=at, epoch=number, epochs=9, step=number * 10, train_loss=0.123456789, lr=0.001, samples_per_second=100.0,
        seconds=1.0, is_best=is_best, val_loss=0.987654321, val_accuracy=0.5,
        confusion=[[1000] * classes] * classes, f1=[0.1234] * classes,
    )  # fmt: skip


def progress(step: int, at: float = 0.0) -> Progress:
    return Progress(
        time=at, epoch=1, epochs=9, step=step, epoch_fraction=0.5, loss=0.123456789012, lr=0.001,
        samples_per_second=91204.5, seconds_left=42.0,
    )  # fmt: skip


def inside(number: int, at: float) -> NetMeasured:
    """Of a net of four layers on pictures."""
    counts = Histogram(low=-0.12345, high=0.12345, counts=[12345] * 32)
    layer = LayerFacts(
        name="linear1", units=800, parameters=628_000, flops=1_254_400, weight_norm=12.345, gradient_norm=0.012345,
        update_ratio=0.0012345, dead=0.12345, activations=counts, weights=counts,
    )  # fmt: skip
    pictures = [WeightPicture(unit=unit, width=28, height=28, scale=0.12345, pixels="A" * 1048) for unit in range(12)]
    return NetMeasured(time=at, epoch=number, step=number * 10, layers=[layer] * 4, pictures=pictures)


def resumed(epochs_done: int) -> RunResumed:
    return RunResumed(
        epochs=20, epochs_done=epochs_done, step=epochs_done * 10, checkpoint="last", device="cpu", device_name="c",
        threads=1, pid=1, host="h",
    )  # fmt: skip


def folded(events: list[Event]) -> RunState:
    state = RunState()
    for event in events:
        state = advance(state, event)
    return state


def test_a_run_pauses_goes_on_and_ends() -> None:
    state = folded([progress(5), Paused(step=5)])
    assert state.status == "paused"
    state = advance(state, Continued(step=5))
    assert state.status == "training"
    state = advance(state, RunEnded(reason="stopped", message="", epochs_done=1, step=9))
    assert (state.status, state.step) == ("stopped", 9)


def test_a_resume_takes_back_what_was_said_of_later_epochs() -> None:
    state = folded([epoch(1), epoch(2), epoch(3), RunEnded(reason="failed", message="x"), resumed(2)])
    assert (state.status, state.epochs_done, state.epochs) == ("training", 2, 20)
    assert state.ended is None
    assert state.epoch is None  # epoch 3 is void
    state = advance(state, epoch(3, is_best=False))
    assert state.epoch is not None


def alert(name: str, step: int) -> Alerted:
    return Alerted(alert=name, kind="overfitting", epoch=1, step=step, cause="c", evidence="e")


def test_alerts_stay_until_they_pass_or_a_remedy_was_applied_or_they_are_void() -> None:
    state = folded([alert("overfitting-1", 5), alert("plateau-1", 6), AlertPassed(alert="plateau-1", epoch=1, step=7)])
    assert [open_.alert for open_ in state.alerts] == ["overfitting-1"]
    state = advance(state, RemedyApplied(alert="overfitting-1", sentence="s", step=8))
    assert state.alerts == ()
    state = folded([epoch(1), alert("overfitting-1", 10), epoch(2), alert("divergence-1", 25)])
    state = advance(state, WentBack(epochs=9, epochs_done=2, step=20, live={"lr": 0.1}))
    assert [open_.alert for open_ in state.alerts] == ["overfitting-1"]


def test_the_last_alerts_that_passed_or_were_answered_stay_to_be_read_even_when_the_answer_was_to_go_back() -> None:
    events: list[Event] = [epoch(1)]
    for number in range(1, 12):
        name = f"overfitting-{number}"
        events += [alert(name, 20 + number), AlertPassed(alert=name, epoch=2, step=21 + number)]
    state = folded([*events, alert("divergence-1", 35), RemedyApplied(alert="divergence-1", sentence="s", step=36)])
    state = advance(state, WentBack(epochs=9, epochs_done=1, step=10))
    assert state.alerts == ()
    names = [passed.alert for passed in state.passed_alerts]
    assert names == [*(f"overfitting-{number}" for number in range(5, 12)), "divergence-1"]
    assert len(names) == PASSED_ALERTS_KEPT


def test_going_back_voids_what_was_said_of_later_steps_and_leaves_the_run_training() -> None:
    seen = NetMeasured(epoch=3, step=30, layers=[])
    state = folded([resumed(0), epoch(1), epoch(2), epoch(3), seen])
    state = advance(state, WentBack(epochs=9, epochs_done=2, step=20, live={"lr": 0.1}))
    assert (state.status, state.epochs_done, state.step, state.changed) == ("training", 2, 20, {"lr": 0.1})
    assert (state.epoch, state.inside) == (None, None)


def test_changed_epochs_are_what_is_shown() -> None:
    assert folded([HyperparametersChanged(step=1, epoch=1, values={"epochs": 50}, before={"epochs": 9})]).epochs == 50


def test_a_silent_death_is_seen_from_outside_alone() -> None:
    state = folded([progress(5)])
    assert state.seen_from_outside(is_alive=True).status == "starting"
    assert state.seen_from_outside(is_alive=False).status == "lost"
    assert (
        advance(state, RunEnded(reason="completed", message="")).seen_from_outside(is_alive=False).status == "completed"
    )


some_event = st.one_of(
    st.integers(0, 99).map(progress), st.integers(1, 99).map(epoch), st.integers(0, 9).map(resumed),
    st.just(Paused(step=1)), st.just(Continued(step=1)), st.just(RunEnded(reason="completed", message="")),
)  # fmt: skip


@given(st.lists(some_event), st.lists(some_event))
def test_folding_in_two_parts_is_folding_at_once(first: list[Event], second: list[Event]) -> None:
    state = folded(first)
    for event in second:
        state = advance(state, event)
    assert state == folded(first + second)


@pytest.mark.slow
def test_a_day_of_the_fastest_run_stays_under_its_budget() -> None:
    budget, written, at, number = EventBudget(began=0.0), 0, 0.0, 0
    random.seed(0)
    while at < 86_400:
        at += random.choice([0.02, 0.5, 5.0])
        number += 1
        for event in (progress(number, at), epoch(number, at=at, classes=100), inside(number, at)):
            written += len(budget.line_for(event) or "")
    assert written < BYTES_PER_DAY
    assert written > BYTES_PER_DAY / 4  # and it is not bought with silence


def test_pictures_of_weights_come_less_often_than_the_figures_of_the_layers() -> None:
    budget = EventBudget(began=0.0)
    lines = [budget.line_for(inside(number, at=number * 0.5)) or "" for number in range(1, 101)]
    assert all(lines)
    assert sum('pictures":[' in line for line in lines) == 25


def test_restarts_get_no_new_budget() -> None:
    written = 0
    for restart in range(50):
        budget = EventBudget(began=0.0, already=written)
        for number in range(2000):
            written += len(budget.line_for(epoch(number, at=restart * 60.0)) or "")
    assert written < 5_000_000


def test_what_changes_the_state_is_written_whatever_the_budget() -> None:
    budget = EventBudget(began=0.0, already=10**9)
    for now_and_then in (progress(1), epoch(1)):  # so that a viewer sees the run move
        assert budget.line_for(now_and_then)
        assert budget.line_for(now_and_then.model_copy(update={"time": now_and_then.time + 9.9})) is None
        assert budget.line_for(now_and_then.model_copy(update={"time": now_and_then.time + 10.1}))
    saved = {"kind": "last", "epochs_done": 1, "step": 1, "bytes": 1, "seconds": 0.1}
    assert budget.line_for(CheckpointSaved(time=0.0, **saved))
    assert budget.line_for(CheckpointSaved(time=0.0, **saved)) is None
    assert budget.line_for(CheckpointSaved(time=0.0, id="asked", **saved))
    for event in (Paused(step=1), Continued(step=1), RunEnded(reason="completed", message=""), resumed(1)):
        assert budget.line_for(event.model_copy(update={"time": 0.0}))


def test_the_look_at_a_runs_end_is_written_whole_however_much_was_before() -> None:
    budget = EventBudget(began=0.0, already=10**9)
    assert budget.line_for(inside(1, 1.0)) is not None
    assert budget.line_for(inside(2, 2.0)) is None
    line = budget.line_for(inside(3, 3.0).model_copy(update={"is_last": True}))
    assert line is not None
    assert 'pictures":[' in line
