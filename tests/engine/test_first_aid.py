"""First aid: each alert is provoked by a real training, and a healthy one has none."""

from __future__ import annotations

import json
import math
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import CPU, At, run, same_bits, session, the_end
from tests.engine.task_data import session_of
from tui_trainer.commands import Command, Stop
from tui_trainer.engine import checkpoint
from tui_trainer.engine.data.feed import StagedFeed
from tui_trainer.engine.inside import Inside
from tui_trainer.engine.inside.affordable import Affordable
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.steering import Steering
from tui_trainer.engine.training import train
from tui_trainer.events import CommandRejected, Continued, EpochEnded, Event, HyperparametersChanged, Paused, Progress
from tui_trainer.inside_events import Alerted, AlertPassed, NetMeasured, RemedyApplied, WentBack
from tui_trainer.knobs import changed
from tui_trainer.run_state import RunState, advance

DEEP = ",".join(["40"] * 10)
PROVOKED: dict[str, dict[str, Any]] = {
    "non_finite_loss": {"data": "diabetes", "optimizer": "sgd", "lr": 100.0},
    "divergence": {"data": "diabetes", "hidden": "", "optimizer": "sgd", "lr": 2.2, "batch_size": "full", "epochs": 4},
    "plateau": {"data": "diabetes", "hidden": "", "optimizer": "sgd", "lr": 0.05, "epochs": 40},
    "overfitting": {"data": "diabetes", "hidden": "256,256", "epochs": 60},
    "dead_units": {"optimizer": "sgd", "lr": 100.0, "epochs": 2},
    "saturated_units": {"activation": "tanh", "normalize": "none", "init": "normal", "init_scale": 1.0},
    "vanishing_gradients": {"hidden": DEEP, "activation": "sigmoid", "optimizer": "sgd", "lr": 0.1},
    "exploding_gradients": {"hidden": DEEP, "init": "normal", "init_scale": 1.0},
    "lr_too_low": {"lr": 1e-8, "epochs": 5},
    "lr_too_high": {"lr": 10.0},
}
DIVERGING = PROVOKED["divergence"]
SAVE = '{"command": "save"}'


def trained(
    made: Session, folder: Path | None = None, asked: Sequence[str | Command] = (), when: str = "alert"
) -> list[Event]:
    """With a look inside after each epoch. Each event of this name is answered by the next of these commands.

    What waits with nobody left to answer is stopped.
    """
    waiting: list[str | Command] = []
    events: list[Event] = []
    left = list(asked)
    inbox = lambda: [waiting.pop() for _ in waiting[:1]]  # noqa: E731
    for event in train(made, Saver(folder), inbox, 0.0, Inside(made, Affordable(1e9))):
        events.append(event)
        if event.event == when and left:
            waiting.append(left.pop(0))
        elif isinstance(event, Paused | CommandRejected):
            waiting.append('{"command": "stop"}')
    return events


def of(events: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def apply(alert: str, remedy: int = 1) -> str:
    return json.dumps({"command": "apply", "alert": alert, "remedy": remedy, "id": "me"})


@pytest.mark.parametrize("kind", PROVOKED)
def test_an_alert_is_provoked_by_a_real_training(kind: str) -> None:
    made = session(**PROVOKED[kind])
    events = trained(made)
    alerts = [alert for alert in of(events, Alerted) if alert.kind == kind]
    assert [alert.alert for alert in alerts] == [f"{kind}-1"]  # said once
    alert = alerts[0]
    assert any(mark.isdigit() for mark in alert.evidence)
    assert 2 <= len(alert.remedies) <= 3
    for remedy in alert.remedies:
        changed(made.config, remedy.values)  # allowed
        assert (remedy.where == "advice") != bool(remedy.values or remedy.stops)
    line = json.loads(alert.to_line())
    assert line["event"] == "alert"
    assert the_end(events).reason == ("diverged" if kind == "non_finite_loss" else "completed")


class Slow(StagedFeed):
    """From a disk that takes its time."""

    def __init__(self, made: Session) -> None:
        super().__init__(made.data.train, CPU, bytes_ahead=1)
        gather = self._gather_rows

        def late(rows: Any, out: Any) -> None:
            for _ in range(40):  # work in place of a sleep
                torch.randperm(20_000, generator=torch.Generator())
            gather(rows, out)

        self._gather_rows = late


def test_training_that_waits_for_its_samples_says_so() -> None:
    plain = session(hidden="8", epochs=4)
    feed = Slow(plain)
    made = Session(plain.config, plain.data, CPU, feed=feed)
    events = run(made)
    feed.close()
    alerts = of(events, Alerted)
    assert [alert.kind for alert in alerts] == ["data_starvation"]
    assert alerts[0].epoch == 3
    assert all(epoch.seconds_waiting <= epoch.seconds for epoch in of(events, EpochEnded))
    assert of(run(plain), EpochEnded)[0].seconds_waiting is None


@pytest.mark.parametrize(
    "values",
    [
        {"epochs": 30},
        {"epochs": 12, "hidden": "64,64", "activation": "tanh", "dropout": 0.2, "schedule": "cosine"},
        {"epochs": 12, "optimizer": "sgd", "lr": 0.1, "momentum": 0.9, "normalization": "batch"},
        {"data": "diabetes", "epochs": 12, "patience": 5},
        {"table": "labels", "embedded": True, "epochs": 15},
    ],
    ids=str,
)
def test_a_healthy_training_has_none(values: dict[str, Any]) -> None:
    others = {name: value for name, value in values.items() if name != "table"}
    made = session_of(values["table"], **others) if "table" in values else session(**others)
    assert [alert.cause for alert in of(trained(made), Alerted)] == []


def test_a_remedy_that_goes_back_restores_the_checkpoint_and_goes_on_with_its_values(tmp_path: Path) -> None:
    made = session(**DIVERGING | {"lr": 0.05, "epochs": 8})
    asked = [*[SAVE] * 3, '{"command": "set", "lr": 2.2}', SAVE, apply("divergence-1", 3)]
    events = trained(made, tmp_path, asked, when="epoch_ended")
    applied, went, changed_to = (of(events, kind) for kind in (RemedyApplied, WentBack, HyperparametersChanged))
    assert [(event.id, event.alert) for event in applied] == [("me", "divergence-1")]
    assert [(event.step, event.epochs_done) for event in went] == [(4, 4)]  # before the rate was raised
    assert changed_to[-1].values == {"lr": 0.22}
    assert the_end(events).reason == "completed"
    assert of(events, EpochEnded)[-1].train_loss < 1
    state = RunState()
    for event in events:
        state = advance(state, event)
    assert (state.epochs_done, state.changed["lr"]) == (8, 0.22)
    last = checkpoint.find(tmp_path).last
    assert last is not None
    assert last.facts["config"]["lr"] == 0.22


def test_going_back_to_the_beginning_is_the_beginning() -> None:
    made, fresh = session(**DIVERGING), session(**DIVERGING)
    saver = Saver(None)
    fresh.start_epoch()
    list(train(made, saver, At({3: ['{"command":"stop"}']}), 0.0))
    assert made.step > 0
    went = saver.go_back(made, 0)
    assert (went.step, went.epochs_done) == (0, 0)
    torch.set_rng_state(fresh.capture().training["random.cpu"])
    assert same_bits(made, fresh)


@pytest.mark.parametrize("values", [{}, {"ema": 0.9}, {"optimizer": "sgd", "momentum": 0.5, "dropout": 0.2}], ids=str)
def test_going_back_leads_to_the_same_bits_as_having_never_gone_on(values: dict[str, Any], tmp_path: Path) -> None:
    straight = session(epochs=4, **values)
    run(straight)
    end = straight.capture()
    made = session(epochs=2, **values)
    run(made, tmp_path)  # the end of it is saved
    made.change(changed(made.config, {"epochs": 4}))
    for _ in range(2):
        made.start_epoch()
        for _ in range(30):
            made.take_steps()
        Saver(tmp_path).go_back(made, None)
    assert (made.epochs_done, made.position) == (2, 0)
    run(made)
    again = made.capture()
    assert all(torch.equal(end.weights[name], again.weights[name]) for name in end.weights)
    assert all(torch.equal(end.training[name], again.training[name]) for name in end.training)


def test_what_was_saved_too_late_is_passed_over_for_the_best_epoch(tmp_path: Path) -> None:
    made = session(epochs=3)
    run(made, tmp_path)
    best, step = made.best_weights, made.best_step
    made.best_step = step - 1
    assert best is not None
    went = Saver(tmp_path).go_back(made, step - 1)  # `last` is of the third epoch's end
    assert (went.step, made.record.best_epoch, made.record.epochs_since) == (step - 1, went.epochs_done, 0)
    assert all(torch.equal(best[name], weight) for name, weight in made.model.state_dict().items())


@pytest.mark.parametrize(
    ("command", "why"),
    [
        (apply("plateau-7"), "no alert plateau-7 is open; these are: divergence-1"),
        (apply("divergence-1", 9), "divergence-1 has 3 remedies"),
    ],
)
def test_a_remedy_that_there_is_not_is_refused_in_a_sentence(command: str, why: str) -> None:
    rejected = of(trained(session(**DIVERGING), None, [command]), CommandRejected)
    assert [event.id for event in rejected] == ["me"]
    assert why in rejected[0].why


def test_a_remedy_for_a_new_run_is_refused_in_a_sentence() -> None:
    rejected = of(
        trained(session(**PROVOKED["vanishing_gradients"]), None, [apply("vanishing_gradients-1")]), CommandRejected
    )
    assert "only a new run can have this: Start a new run with --activation relu" in rejected[0].why


def test_an_alert_pauses_where_that_is_asked_for_and_a_remedy_goes_on() -> None:
    events = trained(session(**DIVERGING, on_alert="pause"), None, [apply("divergence-1", 3)], when="paused")
    names = [
        event.event
        for event in events
        if event.event in ("alert", "paused", "remedy_applied", "went_back", "continued")
    ]
    assert names == ["alert", "paused", "remedy_applied", "went_back", "continued"]
    assert min(event.seconds_left for event in of(events, Progress)) >= 0
    assert the_end(events).reason == "completed"


def test_two_alerts_at_once_pause_once() -> None:
    made = session(**DIVERGING, on_alert="pause")
    steering = Steering(made, Saver(None))
    for name in ("divergence-1", "dead_units-1"):
        steering.alerted(Alerted(alert=name, kind="divergence", epoch=1, step=0, cause="", evidence=""))
    answers = []
    for answer in steering.obey():
        answers.append(answer.event)
        steering.own.append(Stop())
    assert answers == ["paused"]


class Rare(Inside):
    """Looks inside where epochs are too short for a look at each."""

    def look(self) -> Iterator[NetMeasured]:
        return super().look() if self._session.epochs_done == 5 else iter(())


def test_a_rate_that_killed_the_net_is_not_called_too_low() -> None:
    made = session(optimizer="sgd", lr=100.0, epochs=6)
    alerts = of(list(train(made, Saver(None), inside=Rare(made, Affordable(1e9)))), Alerted)
    assert "dead_units" in {alert.kind for alert in alerts}
    assert "lr_too_low" not in {alert.kind for alert in alerts}


def test_an_alert_stops_where_that_is_asked_for(tmp_path: Path) -> None:
    made = session(**DIVERGING, on_alert="stop")
    end = the_end(trained(made, tmp_path))
    assert (end.reason, end.alert, end.epochs_done) == ("stopped", "divergence-1", 0)  # before it began to diverge
    assert "by the alert divergence-1" in end.message
    last = checkpoint.find(tmp_path).last
    assert last is not None
    assert last.facts["step"] == 0


def test_a_loss_that_is_no_number_goes_back_and_waits_where_alerts_pause() -> None:
    made = session(**PROVOKED["non_finite_loss"], on_alert="pause", epochs=2)
    asked = ['{"command": "resume"}', apply("non_finite_loss-2", 2), apply("non_finite_loss-3"), '{"command":"stop"}']
    events = trained(made, None, asked, when="paused")
    names = [alert.alert for alert in of(events, Alerted) if alert.kind == "non_finite_loss"]
    assert names[:2] == ["non_finite_loss-1", "non_finite_loss-2"]  # going on as it was leads to the same
    assert all(went.step == 0 for went in of(events, WentBack))
    assert len(of(events, Paused)) >= 2
    assert len(of(events, Continued)) >= 2
    assert the_end(events).reason in ("completed", "stopped")
    assert all(math.isfinite(float(weight.sum())) for weight in made.model.state_dict().values())


def test_an_alert_is_over_when_what_it_warned_of_is() -> None:
    made = session(**DIVERGING | {"lr": 0.2, "epochs": 60})
    asked: list[str | Command] = ['{"command": "set", "lr": 2.2}', '{"command": "set", "lr": 0.2}']
    events: list[Event] = []
    waiting: list[str | Command] = []
    for event in train(
        made, Saver(None), lambda: [waiting.pop() for _ in waiting[:1]], 0.0, Inside(made, Affordable(-1))
    ):
        events.append(event)
        if (isinstance(event, EpochEnded) and event.epoch == 4) or isinstance(event, Alerted):
            waiting.append(asked.pop(0))
    assert [event.alert for event in events if isinstance(event, Alerted | AlertPassed)] == ["divergence-1"] * 2
