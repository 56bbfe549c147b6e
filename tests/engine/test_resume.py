"""A run stopped anywhere and resumed ends with the same bits as one never stopped."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.small import At, resumed, run, same_bits, session, the_end
from tui_trainer.engine import checkpoint
from tui_trainer.errors import InputError
from tui_trainer.events import EpochEnded

STOP = ['{"command":"stop"}']
EVERYTHING: dict[str, Any] = {
    "hidden": "32,16", "dropout": 0.3, "input_dropout": 0.1, "normalization": "batch", "patience": 50,
    "schedule": "cosine", "warmup": 0.5, "clip_norm": 1.0, "label_smoothing": 0.1, "max_norm": 2.0, "l1": 1e-5,
}  # fmt: skip


def stopped_and_resumed(folder: Path, stops: list[int], **values: Any) -> Any:
    """A session that was stopped after so many steps of each process, ended in the last one."""
    made = session(**values)
    for steps in stops:
        end = the_end(run(made, folder, At({steps: STOP}), every_step=True))
        if end.reason != "stopped":
            return made
        made = resumed(folder, **values)
    run(made, folder)
    return made


@pytest.mark.parametrize(
    "values",
    [
        {}, EVERYTHING, {"optimizer": "sgd", "momentum": 0.9, "dropout": 0.5},
        {"optimizer": "rmsprop", "drop_last": True},
        {"optimizer": "adamw", "weight_decay": 0.1, "shuffle": False}, {"batch_size": "full", "epochs": 9},
        {"data": "diabetes", "loss": "mse", "dropout": 0.2}, {"validation": 0, "precision": "bf16"},
        {"schedule": "one_cycle", "optimizer": "adam", "weight_decay": 0.1, "weight_decay_mode": "decoupled"},
        {"ema": 0.95, "mixup": 0.3, "normalization": "batch", "hidden": "64,32", "dropout": (0.1, 0.4)},
        {"optimizer": "sgd", "momentum_epochs": 2, "final_momentum": 0.9, "max_norm": (1.0, 0.0), "ema": 0.9,
         "schedule": "linear", "schedule_every": "epoch", "schedule_epochs": 5},
    ],
    ids=lambda values: ",".join(values)[:40] or "defaults",
)  # fmt: skip
def test_every_option_survives_a_stop_in_the_middle(tmp_path: Path, values: dict[str, Any]) -> None:
    whole = session(**values)
    events = run(whole)
    pieces = stopped_and_resumed(tmp_path, [7], **values)
    assert same_bits(whole, pieces)
    assert pieces.record == whole.record
    assert the_end(events).reason == "completed"


@pytest.mark.slow
@settings(max_examples=25)
@given(stops=st.lists(st.integers(1, 40), min_size=1, max_size=3))
def test_whatever_the_steps_at_which_it_stops(tmp_path_factory: pytest.TempPathFactory, stops: list[int]) -> None:
    whole = session(**EVERYTHING)
    run(whole)
    assert same_bits(whole, stopped_and_resumed(tmp_path_factory.mktemp("run"), stops, **EVERYTHING))


def test_the_epoch_that_was_cut_reports_the_loss_of_the_whole_epoch(tmp_path: Path) -> None:
    whole = [event.train_loss for event in run(session()) if isinstance(event, EpochEnded)]
    run(session(), tmp_path, At({30: STOP}), every_step=True)
    rest = [event.train_loss for event in run(resumed(tmp_path)) if isinstance(event, EpochEnded)]
    assert rest == whole[1:]


def test_early_stopping_counts_on_where_it_stood(tmp_path: Path) -> None:
    values = {"epochs": 200, "patience": 4, "lr": 0.01, "dropout": 0.2}
    whole, steps = session(**values), 21 * 9 + 3
    end = the_end(run(whole))
    assert end.epochs_done > 10
    run(session(**values), tmp_path, At({steps: STOP}), every_step=True)
    again = the_end(run(resumed(tmp_path, **values)))
    assert (again.reason, again.epochs_done, again.best_epoch) == ("early_stopped", end.epochs_done, end.best_epoch)
    assert again.test_loss == end.test_loss


def test_a_finished_run_can_be_given_more_epochs(tmp_path: Path) -> None:
    run(session(epochs=2), tmp_path)
    more = resumed(tmp_path, epochs=4)
    run(more)
    whole = session(epochs=4)
    run(whole)
    assert same_bits(whole, more)


def test_live_changes_are_part_of_the_checkpoint(tmp_path: Path) -> None:
    run(session(), tmp_path, At({3: ['{"command":"set","lr":0.5}'], 5: STOP}), every_step=True)
    found = checkpoint.find(tmp_path)
    assert found.last is not None
    assert found.last.facts["config"]["lr"] == 0.5


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"data": "wine"}, "trained with data digits, but config.toml and the data give wine"),
        ({"hidden": "64"}, r"trained with hidden \[128\]"),
        ({"seed": 1}, "not the one this run was trained on"),
    ],
)
def test_another_net_or_other_data_are_refused(tmp_path: Path, values: dict[str, Any], said: str) -> None:
    run(session(), tmp_path)
    with pytest.raises(InputError, match=said):
        resumed(tmp_path, **values)


@pytest.mark.parametrize("file", ["model.safetensors", "training.safetensors", "checkpoint.json"])
@pytest.mark.parametrize("damage", ["flip", "cut", "remove", "empty"])
def test_a_damaged_checkpoint_is_named_and_the_one_before_is_used(tmp_path: Path, file: str, damage: str) -> None:
    whole = session()
    run(whole)
    run(session(), tmp_path, At({10: ['{"command":"save"}'], 30: ['{"command":"save"}'], 31: STOP}), every_step=True)
    path = tmp_path / "last" / file
    data = bytearray(path.read_bytes())
    if damage == "remove":
        path.unlink()
    else:
        data[len(data) // 2] ^= 1
        path.write_bytes({"flip": bytes(data), "cut": bytes(data[:-1]), "empty": b""}[damage])
    found = checkpoint.find(tmp_path)
    assert found.last is not None
    assert (found.last.folder, found.last.facts["step"]) == ("last.previous", 29)
    assert str(path) in found.warnings[0]
    made = resumed(tmp_path)
    run(made)
    assert same_bits(whole, made)


FILES = ["checkpoint.json", "model.safetensors", "training.safetensors"]


@given(st.sampled_from(FILES), st.integers(0, 10**9), st.integers(0, 7))
@settings(max_examples=60)
def test_no_flipped_bit_goes_unnoticed(
    tmp_path_factory: pytest.TempPathFactory, name: str, position: int, bit: int
) -> None:
    folder = tmp_path_factory.mktemp("checkpoint")
    run(session(epochs=1, hidden="2"), folder)
    file = folder / "last" / name
    content = bytearray(file.read_bytes())
    content[position % len(content)] ^= 1 << bit
    file.write_bytes(content)
    with pytest.raises(InputError):
        checkpoint.read(folder / "last")


def test_the_best_checkpoint_that_the_last_one_knew_is_found_even_if_a_newer_one_was_written(tmp_path: Path) -> None:
    made = session(epochs=4)
    run(made, tmp_path)
    best = checkpoint.read(tmp_path / "best")
    newer = checkpoint.Checkpoint("best", {**best.facts, "epochs_done": 99}, best.weights)
    checkpoint.write(tmp_path, newer)  # as a worker killed before it wrote the `last` that belongs to it
    found = checkpoint.find(tmp_path)
    assert found.best is not None
    assert found.best.facts["epochs_done"] == made.record.best_epoch
    assert found.warnings == []


def test_loading_executes_nothing(tmp_path: Path) -> None:
    run(session(epochs=1), tmp_path)
    names = {path.suffix for path in tmp_path.rglob("*") if path.is_file()}
    assert names == {".safetensors", ".json"}  # no pickle anywhere
    assert torch.equal(
        checkpoint.read(tmp_path / "last").weights["output.bias"], resumed(tmp_path).model.get_parameter("output.bias")
    )
