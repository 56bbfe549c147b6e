"""The loop: the same numbers as a plain one, its events, its ends, and steering while it runs."""

from __future__ import annotations

import itertools
import json
import math
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn
from torch.nn import functional as F

from tests.engine.small import At, run, session, the_end
from tui_trainer.engine.meter import DeviceLossMeter
from tui_trainer.engine.order import epoch_order
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.events import (
    CommandRejected,
    EpochEnded,
    Evaluated,
    Event,
    HyperparametersChanged,
    Progress,
)


def of_kind(events: list[Event], kind: type[Any]) -> list[Any]:
    return [event for event in events if isinstance(event, kind)]


def plain_losses(inputs: torch.Tensor, targets: torch.Tensor, hidden: int, batch: int, epochs: int) -> list[float]:
    """The same program as anybody would write it, over the same batches: mean training loss by epoch."""
    torch.manual_seed(0)
    model = nn.Sequential(nn.Linear(inputs.shape[1], hidden), nn.ReLU(), nn.Linear(hidden, 10))
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)  # otherwise one last bit grows to 1e-4
    losses = []
    for epoch in range(1, epochs + 1):
        total = 0.0
        for rows in epoch_order(0, epoch, len(targets), shuffle=True).split(batch):
            loss = F.cross_entropy(model(inputs[rows]), targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            total += loss.item() * len(rows)
        losses.append(total / len(targets))
    return losses


def test_the_losses_are_those_of_a_plain_loop_over_the_same_batches() -> None:
    made = session(normalize="unit", epochs=4)
    plain = plain_losses(made.data.train.inputs.float() / 16, made.data.train.targets, 128, 64, 4)
    ours = [event.train_loss for event in of_kind(run(made), EpochEnded)]
    assert ours == pytest.approx(plain, abs=1e-5)


@pytest.mark.slow
def test_on_mnist_too(data_dir: Path) -> None:
    made = session(data="mnist", data_dir=str(data_dir), normalize="unit", validation=0, epochs=2)
    plain = plain_losses(made.data.train.inputs.float() / 255, made.data.train.targets, 128, 64, 2)
    ours = [event.train_loss for event in of_kind(run(made), EpochEnded)]
    assert ours == pytest.approx(plain, abs=1e-5)


def test_every_epoch_is_an_event_and_progress_stays_rare() -> None:
    events = run(session(epochs=30))
    epochs = of_kind(events, EpochEnded)
    assert [event.epoch for event in epochs] == list(range(1, 31))
    assert epochs[-1].train_loss < epochs[0].train_loss / 5
    times = [event.time for event in of_kind(events, Progress)]
    assert all(later - earlier > 0.09 for earlier, later in itertools.pairwise(times))
    end = the_end(events)
    assert (end.reason, end.epochs_done, end.tested_on) == ("completed", 30, "best")
    assert end.best_epoch == min(epochs, key=lambda event: event.val_loss).epoch


def test_the_report_of_the_loss_is_the_mean_since_the_last_one() -> None:
    made = session(epochs=1)
    events = run(made, every_step=True)
    losses = [event.loss for event in of_kind(events, Progress)]
    sizes = [64] * 20 + [1293 - 20 * 64]
    weighted = sum(loss * size for loss, size in zip(losses, sizes, strict=True)) / 1293
    assert weighted == pytest.approx(of_kind(events, EpochEnded)[0].train_loss, abs=1e-9)


def test_without_validation_the_test_split_is_measured_and_the_last_weights_count() -> None:
    events = run(session(validation=0, epochs=2))
    end, last = the_end(events), of_kind(events, EpochEnded)[-1]
    assert (end.tested_on, end.test_loss, end.test_accuracy) == ("last", last.val_loss, last.val_accuracy)


def test_a_regression_reports_errors_in_original_units() -> None:
    events = run(session(data="diabetes", epochs=40))
    end, line = the_end(events), json.loads(of_kind(events, EpochEnded)[-1].to_line())
    assert {"val_rmse", "val_r2"} <= set(line)
    assert "val_accuracy" not in line
    assert end.test_rmse is not None
    assert 40 < end.test_rmse < 65  # the mean alone gives 72
    assert '"test_accuracy"' not in end.to_line()


@pytest.mark.parametrize(
    ("values", "steps"),
    [
        ({}, 21),
        ({"drop_last": True}, 20),
        ({"batch_size": "full"}, 1),
        ({"batch_size": 5000}, 1),
        ({"shuffle": False}, 21),
    ],
)
def test_an_epoch_has_the_steps_its_batches_make(values: dict[str, Any], steps: int) -> None:
    assert the_end(run(session(epochs=1, **values))).step == steps


def test_early_stopping_waits_for_its_patience_and_keeps_the_best() -> None:
    events = run(session(epochs=200, patience=4, lr=0.01))
    end, epochs = the_end(events), of_kind(events, EpochEnded)
    assert end.reason == "early_stopped"
    assert end.best_epoch == end.epochs_done - 4
    assert end.best_value == min(event.val_loss for event in epochs)


@pytest.mark.parametrize(
    "values",
    [
        {"precision": "bf16"}, {"deterministic": True}, {"normalization": "layer"}, {"normalization": "batch"},
        {"loss": "mse", "lr": 0.01}, {"label_smoothing": 0.1}, {"schedule": "one_cycle", "lr": 0.01},
        {"optimizer": "rmsprop"}, {"monitor": "val_macro_f1"}, {"monitor": "train_loss"}, {"monitor": "val_accuracy"},
    ],
    ids=str,
)  # fmt: skip
def test_every_option_learns_the_digits(values: dict[str, Any]) -> None:
    end = the_end(run(session(epochs=12, **values)))
    torch.use_deterministic_algorithms(False)
    assert end.test_accuracy is not None
    assert end.test_accuracy > 0.85


def test_a_loss_that_is_no_number_ends_the_run_and_reaches_no_file(tmp_path: Path) -> None:
    made = session(optimizer="sgd", lr=1000, momentum=0.9, normalize="none", epochs=5, loss="mse")
    end = the_end(run(made, tmp_path / "checkpoints", every_step=True))
    assert end.reason == "diverged"
    assert f"at step {end.step:,}" in end.message
    assert "Try --lr 100" in end.message
    assert not list(tmp_path.rglob("*.safetensors"))


def poison(made: Session, row: int) -> int:
    """Make one sample's input infinite; returns the number of the step that meets it."""
    made.data.train.inputs[row] = math.inf
    order = epoch_order(0, 1, len(made.data.train), shuffle=True).tolist()
    return order.index(row) // 64 + 1


def test_the_step_before_the_bad_one_keeps_its_weights() -> None:
    clean, made = (session(data="breast_cancer", epochs=1, normalize="none") for _ in range(2))
    step = poison(made, 4)
    assert step > 1
    end = the_end(run(made))
    assert (end.reason, end.step) == ("diverged", step)
    clean.start_epoch()
    for _ in range(step - 1):
        clean.take_steps()
    for a, b in zip(made.model.parameters(), clean.model.parameters(), strict=True):
        assert torch.equal(a, b)  # not even one update more


@pytest.mark.parametrize("optimizer", ["adam", "sgd", "rmsprop"])
def test_the_way_of_the_gpu_keeps_the_weights_finite_and_finds_the_step_afterwards(optimizer: str) -> None:
    made = session(data="breast_cancer", epochs=1, normalize="none", optimizer=optimizer, lr=1e-4)
    made.meter = made.steps.step.meter = DeviceLossMeter(made.device)  # the one that never reads the loss
    step = poison(made, 4)
    end = the_end(run(made))
    assert (end.reason, end.step) == ("diverged", step)
    assert all(bool(torch.isfinite(p).all()) for p in made.model.parameters())


def test_weights_that_are_no_numbers_are_never_saved(tmp_path: Path) -> None:
    made = session(epochs=1)
    with torch.no_grad():
        next(made.model.parameters())[0, 0] = math.nan
    real = made.steps.step.criterion
    made.steps.step.criterion = lambda outputs, *rest: real(outputs.nan_to_num(), *rest)  # type: ignore[assignment]
    end = the_end(run(made, tmp_path, inbox=At({1: ['{"command":"save"}']}), every_step=True))
    assert end.reason == "diverged"
    assert not list(tmp_path.rglob("*.safetensors"))


def test_live_settings_take_effect_at_the_next_report() -> None:
    asked = {
        3: ['{"command":"set","lr":0.5,"id":"a"}'],
        4: ['{"command":"set","batch_size":10,"dropout":0.5,"input_dropout":0.1,"label_smoothing":0.2}'],
        5: ['{"command":"set","epochs":2,"patience":9,"min_change":0.1,"clip_norm":1,"weight_decay":0.1}'],
    }
    made = session(epochs=50)
    events = run(made, inbox=At(asked), every_step=True)
    changes = of_kind(events, HyperparametersChanged)
    assert [(change.step, change.id) for change in changes] == [(3, "a"), (4, None), (5, None)]
    assert (changes[0].before, changes[0].values) == ({"lr": 0.001}, {"lr": 0.5})
    rates = [event.lr for event in of_kind(events, Progress)]
    assert rates[:5] == [0.001, 0.001, 0.001, 0.5, 0.5]
    assert made.model.get_submodule("dropout1").p == 0.5
    assert made.steps.step.update.live["weight_decay"] == 0.1
    assert the_end(events).epochs_done == 2
    assert the_end(events).step == 4 + math.ceil((1293 - 4 * 64) / 10) + math.ceil(1293 / 10)


def test_momentum_can_be_switched_on_while_it_trains() -> None:
    made = session(optimizer="sgd", lr=0.01)
    run(made, inbox=At({2: ['{"command":"set","momentum":0.9}']}), every_step=True)
    assert any("momentum_buffer" in key for key in made.capture().training)


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("nonsense", "not JSON"),
        ('{"command":"set","lr":-3}', "lr: -3 is not allowed; expected a number above 0"),
        ('{"command":"set","seed":3}', "cannot change while a run trains"),
        ('{"command":"set","momentum":0.9}', "sgd or rmsprop only"),
        ('{"command":"set","batch_size":1292}', "batch normalisation"),
        ('{"command":"resume"}', "not paused"),
    ],
)
def test_a_command_that_cannot_be_obeyed_is_said_and_changes_nothing(line: str, why: str) -> None:
    made = session(epochs=1, normalization="batch")
    before = made.config
    events = run(made, inbox=At({2: [line]}), every_step=True)
    rejected = of_kind(events, CommandRejected)
    assert len(rejected) == 1
    assert why in rejected[0].why
    assert made.config == before
    assert the_end(events).reason == "completed"


def test_an_epoch_that_has_begun_cannot_be_taken_away() -> None:
    made = session(epochs=4)
    steps = made.epoch_end // made.batch_size + 3  # reports at every step: this is in the second epoch
    events = run(made, inbox=At({steps: ['{"command":"set","epochs":1}']}), every_step=True)
    assert "epoch 2 has begun already" in of_kind(events, CommandRejected)[0].why
    assert the_end(events).epochs_done == 4


def test_evaluate_answers_at_once_and_training_is_none_the_wiser() -> None:
    run(plain := session(epochs=1, dropout=0.5))
    asked = session(epochs=1, dropout=0.5)
    events = run(asked, inbox=At({2: ['{"command":"evaluate","id":"e"}']}), every_step=True)
    answer = of_kind(events, Evaluated)[0]
    assert (answer.step, answer.id) == (2, "e")
    assert answer.val_accuracy is not None
    assert all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), asked.model.parameters(), strict=True))


def test_a_pause_holds_until_it_is_resumed_and_does_not_count_as_training() -> None:
    made = session(epochs=1)
    looks = itertools.count()

    def inbox() -> list[str]:
        return {2: ['{"command":"pause"}'], 6: ['{"command":"pause"}'], 12: ['{"command":"resume"}']}.get(
            next(looks), []
        )

    events = list(train(made, Saver(None), inbox, 0.0))
    names = [event.event for event in events if event.event != "progress"]
    assert names == ["paused", "command_rejected", "continued", "epoch_ended", "net_measured", "run_ended"]
    paused, continued = (next(event for event in events if event.event == name) for name in ("paused", "continued"))
    assert the_end(events).seconds < events[-1].time - events[0].time - (continued.time - paused.time) + 0.1


def test_stop_while_paused_ends_the_run() -> None:
    events = run(session(epochs=1), inbox=At({2: ['{"command":"pause"}'], 5: ['{"command":"stop"}']}), every_step=True)
    assert the_end(events).reason == "stopped"
