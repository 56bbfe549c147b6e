"""Several splits with `--no-ui`: a run each, the figures over all of them, and going on with what is missing."""

from __future__ import annotations

import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.conftest import Said, wait_until
from tests.end_to_end.runs import events_of, weights, written
from tui_trainer import config_file

Cli = Callable[..., Said]
FOLDS = ("--no-ui", "--data", "iris", "--folds", "3", "--epochs", "2", "--threads", "1")
NAMES = [f"iris-1.fold-{number}" for number in (1, 2, 3)]


def folders() -> list[str]:
    return sorted(path.name for path in Path("runs").iterdir())


def ends_of(events: list[dict[str, Any]], figure: str) -> list[float]:
    return [event[figure] for event in events if event["event"] == "run_ended"]


def test_each_fold_is_a_run_and_the_last_event_has_mean_and_deviation(cli: Cli) -> None:
    said = cli(*FOLDS, "--json")
    events = events_of(said.out)
    assert (said.code, said.err) == (0, "")
    assert folders() == NAMES
    assert [event["number"] for event in events if event["event"] == "split_began"] == [1, 2, 3]
    end = events[-1]
    assert (end["event"], end["count"], end["done"], end["name"]) == ("splits_ended", 3, 3, "iris-1")
    assert end["runs"] == NAMES
    for figure in ("test_loss", "test_accuracy"):
        measured = ends_of(events, figure)
        assert len(measured) == 3
        assert end["figures"][figure]["mean"] == pytest.approx(np.mean(measured))
        assert end["figures"][figure]["std"] == pytest.approx(np.std(measured))
        assert end["figures"][figure]["standard_error"] == pytest.approx(np.std(measured, ddof=1) / np.sqrt(3))


def test_a_fold_of_the_series_is_the_run_that_its_config_describes(cli: Cli) -> None:
    cli(*FOLDS)
    config = Path("runs/iris-1.fold-2/config.toml")
    assert config_file.load(config).split.number == 2
    assert cli(str(config), "--no-ui", "--name", "alone").code == 0
    series, alone = weights(Path("runs/iris-1.fold-2")), weights(Path("runs/alone"))
    assert all(torch.equal(series[name], alone[name]) for name in series)
    other = weights(Path("runs/iris-1.fold-1"))
    assert not all(torch.equal(series[name], other[name]) for name in series)


def test_a_pipe_gets_two_lines_a_split_and_the_figures(cli: Cli) -> None:
    lines = cli(*FOLDS).out.splitlines()
    assert lines[0] == "Split 1 of 3: iris-1.fold-1"
    assert lines[1].startswith("iris: iris, 4-128-3")
    began = [line for line in lines if line.startswith("Split")]
    assert [line.split(":")[0].split(",")[0] for line in began] == ["Split 1 of 3", "Split 2 of 3", "Split 3 of 3"]
    assert " left: " in began[1]
    assert not [line for line in lines if line.startswith("Epoch")]
    assert "iris-1: 3 of 3 splits are done" in lines
    figures = [line.split()[0] for line in lines if " ± " in line][1:]
    assert lines[-1].startswith(f"  {figures[-1]} ")
    assert {"test_loss", "test_accuracy", "test_macro_f1"} <= set(figures)


def test_one_split_by_its_number_is_an_ordinary_run(cli: Cli) -> None:
    events = events_of(cli(*FOLDS, "--split-number", "2", "--json").out)
    assert events[-1]["event"] == "run_ended"
    assert folders() == ["iris-1"]


def test_the_next_series_has_another_name(cli: Cli) -> None:
    Path("runs/iris-2").mkdir(parents=True)
    Path("runs/iris-1.fold-1").mkdir()
    cli(*FOLDS)
    assert folders()[-3:] == ["iris-3.fold-1", "iris-3.fold-2", "iris-3.fold-3"]


def test_the_same_command_again_trains_what_is_missing(cli: Cli) -> None:
    named = (*FOLDS, "--name", "mine", "--json")
    first = events_of(cli(*named).out)[-1]
    subprocess.run(["rm", "-r", "runs/mine.fold-2"], check=True)
    kept = written(Path("runs/mine.fold-1"))
    again = events_of(cli(*named).out)
    assert [event["number"] for event in again if event["event"] == "split_began"] == [2]
    assert written(Path("runs/mine.fold-1")) == kept
    assert again[-1]["figures"] == first["figures"]
    done = events_of(cli(*named).out)
    assert [event["event"] for event in done] == ["splits_ended"]
    assert done[-1]["figures"] == first["figures"]


def test_the_same_name_with_other_settings_is_refused(cli: Cli) -> None:
    cli(*FOLDS, "--name", "mine")
    said = cli(*FOLDS, "--name", "mine", "--lr", "0.1")
    assert said.code == 2
    assert "mine.fold-1 was begun with lr 0.001, and 0.1 is asked for now" in said.err


@pytest.mark.slow
def test_a_stopped_series_says_how_to_go_on_and_goes_on(spawn: Callable[..., Any], cli: Cli) -> None:
    slow = ("--no-ui", "--data", "iris", "--folds", "2", "--threads", "1", "--json", "--epochs", "100000")
    process = spawn(*slow)
    run = Path("runs/iris-1.fold-1")
    wait_until(lambda: any(event["event"] == "epoch_ended" for event in written(run)))
    process.send_signal(signal.SIGINT)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, err) == (130, "")
    end = json.loads(out.splitlines()[-1])
    assert (end["event"], end["done"], end["figures"]) == ("splits_ended", 0, {})
    assert end["message"] == "0 of 2 splits are done. To go on: the same command with --name iris-1"
    assert folders() == ["iris-1.fold-1"]

    before = written(run)[-1]["step"]
    process = spawn(*slow, "--name", "iris-1")
    wait_until(lambda: [e for e in written(run) if e["event"] == "run_resumed" and e["step"] == before])
    wait_until(lambda: written(run)[-1]["event"] in ("progress", "epoch_ended"))
    (run / "commands.jsonl").open("a").write('{"command":"stop"}\n')
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 0  # as a run that is stopped by a command
    assert json.loads(out.splitlines()[-1])["message"].endswith("To go on: the same command again")
    assert folders() == ["iris-1.fold-1"]


def test_several_processes_take_one_split_alone(cli: Cli) -> None:
    said = cli(*FOLDS, "--processes", "2", "--device", "cpu")
    assert said.code == 2
    assert "3 splits are trained one after the other in one process" in said.err
    assert "--split-number 1..3" in said.err


def test_what_no_split_can_use_is_refused_before_anything_is_made(cli: Cli) -> None:
    said = cli("--no-ui", "--data", "iris", "--folds", "151")
    assert said.code == 2
    assert "--folds 151 cannot split 150 samples" in said.err
    assert not Path("runs").exists()
    said = cli("--no-ui", "--data", "./a.csv", "--test-rows", "missing.txt")
    assert said.code == 2
    assert "--test-rows missing.txt: no such file" in said.err
    said = cli(*FOLDS, "--name", "no/name")
    assert said.code == 2
    assert said.err.startswith("tui-trainer: --name no/name")


def test_groups_of_a_table_are_folded_each_run_on_its_own_rows(cli: Cli) -> None:
    rows = [f"p{row // 6},{row % 7},{'low' if row % 2 else 'high'}" for row in range(120)]
    Path("people.csv").write_text("\n".join(["patient,age,income", *rows]) + "\n")
    asked = ("--data", "people.csv", "--target", "income", "--split-group", "patient", "--folds", "4", "--epochs", "1")
    said = cli("--no-ui", "--json", "--threads", "1", *asked)
    events = events_of(said.out)
    started = [event for event in events if event["event"] == "run_started"]
    assert (said.code, events[-1]["done"], events[-1]["runs"][0]) == (0, 4, "people-1.fold-1")
    assert [event["test_samples"] for event in started] == [30, 30, 30, 30]  # five patients of six rows
    assert {event["train_samples"] + event["validation_samples"] for event in started} == {90}
    assert config_file.load(Path("runs/people-1.fold-1/config.toml")).data.name == str(Path("people.csv").absolute())
