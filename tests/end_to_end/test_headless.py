"""`--no-ui` as a script sees it: what it prints, what it leaves, how it ends."""

from __future__ import annotations

import json
import stat
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Said
from tests.end_to_end.runs import events_of, written
from tests.engine.test_data import write_mnist

Cli = Callable[..., Said]
SHORT = ("--no-ui", "--threads", "1", "--epochs", "3")


def test_a_pipe_gets_one_line_an_epoch(cli: Cli) -> None:
    said = cli(*SHORT)
    lines = said.out.splitlines()
    assert said.code == 0
    assert said.err == ""
    epochs = [line for line in lines if line.startswith("Epoch")]
    assert [line.split("  ")[0] for line in epochs] == ["Epoch 1/3", "Epoch 2/3", "Epoch 3/3"]
    for word in ("loss", "val_loss", "val_acc", "lr 0.001", "samples/s"):
        assert word in epochs[0]
    assert lines[0].startswith("digits-1: digits, 64-128-10, 9,610 parameters, on cpu")
    assert lines[-1].startswith("runs/digits-1")


def test_json_is_the_event_lines_and_nothing_else(cli: Cli) -> None:
    said = cli(*SHORT, "--json")
    events = events_of(said.out)
    assert (said.code, said.err) == (0, "")
    assert (events[0]["event"], events[-1]["event"]) == ("run_started", "run_ended")
    assert events == written(Path("runs/digits-1"))
    named = {"epoch", "epochs", "step", "train_loss", "val_loss", "val_accuracy", "lr", "samples_per_second", "seconds"}
    epochs = [event for event in events if event["event"] == "epoch_ended"]
    assert all(named <= set(event) for event in epochs)
    end = events[-1]
    assert {"reason", "test_loss", "test_accuracy", "best_epoch", "run_dir", "seconds"} <= set(end)
    assert (end["reason"], Path(end["run_dir"]).is_dir()) == ("completed", True)


def test_a_regression_has_its_own_names(cli: Cli) -> None:
    events = events_of(cli(*SHORT, "--data", "diabetes", "--json").out)
    assert {"val_rmse", "val_r2"} <= set(next(event for event in events if event["event"] == "epoch_ended"))
    assert {"test_rmse", "test_r2", "test_loss"} <= set(events[-1])
    assert not {"test_accuracy", "val_accuracy"} & {name for event in events for name in event}


def test_the_folder_holds_what_the_design_says(cli: Cli) -> None:
    cli(*SHORT, "--name", "mine", "--lr", "0.005")
    run = Path("runs/mine")
    assert stat.S_IMODE(run.stat().st_mode) == 0o700
    assert {path.name for path in run.iterdir()} == {
        "config.toml", "events.jsonl", "commands.jsonl", "checkpoints", "worker.lock", "worker.log", "environment.json",
    }  # fmt: skip
    assert {path.name for path in (run / "checkpoints").iterdir()} >= {"last", "best"}
    process = json.loads((run / "environment.json").read_text())["processes"][0]
    assert process["packages"]["torch"]
    assert process["device"] == "cpu"
    again = cli(str(run / "config.toml"), "--no-ui", "--json")
    first = written(run)
    repeated = events_of(again.out)
    losses = [[event["train_loss"] for event in run if event["event"] == "epoch_ended"] for run in (first, repeated)]
    assert losses[0] == losses[1]  # the config is enough to repeat the run


def test_names_are_refused_or_numbered_and_the_runs_folder_is_found_by_flag_and_variable(
    cli: Cli, monkeypatch: pytest.MonkeyPatch
) -> None:
    short = ("--no-ui", "--epochs", "1", "--threads", "1")
    assert cli(*short, "--name", "a").code == 0
    refused = cli(*short, "--name", "a")
    assert (refused.code, "exists; choose another name" in refused.err) == (2, True)
    monkeypatch.setenv("TUI_TRAINER_RUNS", "elsewhere")
    cli(*short)
    cli(*short)
    assert sorted(path.name for path in Path("elsewhere").iterdir()) == ["digits-1", "digits-2"]
    cli(*short, "--runs-dir", "third")
    assert [run["run"] for run in json.loads(cli("runs", "--json", "--runs-dir", "third").out)] == ["digits-1"]
    assert "completed" in cli("runs").out


@pytest.mark.parametrize(
    ("arguments", "said_words"),
    [
        (["--data", "mnist", "--data-dir", "cut"], "truncated"),
        (["--data", "cifar10", "--data-dir", "nowhere"], "which works offline"),
        (["--data", "iris", "--validation", "0.001"], "--validation 0.001 cannot split"),
        (["--batch-size", "1292", "--normalization", "batch"], "add --drop-last"),
        (["--batch-size", "2000", "--drop-last"], "leaves no batch"),
        (["--hidden", "65536,65536,65536"], "choose smaller layers"),
        (["--device", "cuda:77"], "--device cuda:77"),
        (["--device", "cuda:77,cuda:78"], "--device cuda:77"),
        (["--processes", "2", "--device", "cuda:0"], "would take turns on one GPU"),
        (["--runs-dir", "/proc/runs"], "--runs-dir /proc/runs"),
    ],
)
def test_bad_input_is_a_sentence_and_leaves_no_folder(cli: Cli, arguments: list[str], said_words: str) -> None:
    write_mnist(Path("cut"))
    images = Path("cut/MNIST/raw/train-images-idx3-ubyte")
    images.write_bytes(images.read_bytes()[:1000])
    said = cli("--no-ui", "--json", *arguments)
    assert said.code == 2
    assert said.out == ""
    assert said_words in said.err
    assert said.err.count("\n") == 1
    assert not Path("runs").exists()


def test_a_diverged_run_ends_with_3_and_a_remedy(cli: Cli) -> None:
    said = cli(
        "--no-ui",
        "--threads",
        "1",
        "--optimizer",
        "sgd",
        "--momentum",
        "0.9",
        "--lr",
        "1000",
        "--loss",
        "mse",
        "--json",
    )
    end = events_of(said.out)[-1]
    assert (said.code, end["reason"]) == (3, "diverged")
    assert "Try --lr 100" in end["message"]
    assert "at step" in end["message"]
    assert not list(Path("runs").rglob("*.safetensors"))


def resumed(cli: Cli, *arguments: str) -> list[dict[str, Any]]:
    said = cli("resume", *arguments, "--json")
    assert said.code == 0, said.err
    return events_of(said.out)


def test_resume_gives_a_finished_run_more_epochs(cli: Cli) -> None:
    cli(*SHORT, "--name", "a")
    events = resumed(cli, "a", "--epochs", "5", "--lr", "0.01")
    assert (events[0]["event"], events[0]["epochs_done"], events[0]["checkpoint"]) == ("run_resumed", 3, "last")
    assert [event["epoch"] for event in events if event["event"] == "epoch_ended"] == [4, 5]
    assert events[-1]["epochs_done"] == 5
    assert len(json.loads(Path("runs/a/environment.json").read_text())["processes"]) == 2
    assert json.loads(cli("runs", "--json").out)[0]["status"] == "completed"


@pytest.mark.parametrize(
    ("prepare", "arguments", "said_words"),
    [
        ([], [], "is complete (3 of 3 epochs); give it more with --epochs 6"),
        (["--patience", "1", "--monitor", "val_loss", "--min-change", "9"], [], "stopped early after epoch 2"),
        ([], ["--epochs", "0"], "--epochs"),
        ([], ["--patience", "x"], "patience"),
    ],
)
def test_resume_of_what_is_finished_says_how_to_go_on(
    cli: Cli, prepare: list[str], arguments: list[str], said_words: str
) -> None:
    cli(*SHORT, "--name", "a", *prepare)
    said = cli("resume", "a", "--no-ui", *arguments)
    assert said.code == 2
    assert said_words in said.err


def test_resume_refuses_an_edited_net_and_a_run_without_a_good_checkpoint(cli: Cli) -> None:
    cli(*SHORT, "--name", "a")
    config = Path("runs/a/config.toml")
    text = config.read_text()
    config.write_text(text.replace("hidden = [128]", "hidden = [64]"))
    assert (
        "model.hidden is 64, but the checkpoint was trained with 128"
        in cli("resume", "a", "--no-ui", "--epochs", "5").err
    )
    config.write_text(text.replace("[data]", "[data"))
    assert "config.toml: not valid TOML" in cli("resume", "a", "--no-ui", "--epochs", "5").err
    config.write_text(text)
    for path in Path("runs/a/checkpoints").glob("last*/checkpoint.json"):
        path.write_text("{}")
    said = cli("resume", "a", "--no-ui", "--epochs", "5")
    assert (said.code, "has no good checkpoint left" in said.err) == (2, True)


def test_resume_falls_back_from_a_damaged_checkpoint_and_says_so(cli: Cli) -> None:
    cli(*SHORT, "--name", "a")
    resumed(cli, "a", "--epochs", "4")
    Path("runs/a/checkpoints/last/model.safetensors").write_bytes(b"damaged")
    events = resumed(cli, "a", "--epochs", "6")
    assert events[0]["checkpoint"] == "last.previous"
    assert events[1]["event"] == "warned"
    assert "going back to the checkpoint before it" in events[1]["message"]
    assert events[-1]["epochs_done"] == 6
