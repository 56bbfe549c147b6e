"""`lr-find` and `batch-find` as a script sees them."""

from __future__ import annotations

import signal
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Said, wait_until
from tests.end_to_end.runs import events_of

Cli = Callable[..., Said]


def test_a_range_test_in_a_pipe_prints_its_curve_and_the_command_and_leaves_nothing(cli: Cli) -> None:
    said = cli("lr-find", "digits", "--threads", "1", "--optimizer", "sgd", "--shuffle", "--lr", "5")
    assert (said.code, said.err) == (0, "")
    first, *curve, suggestion, command = said.out.splitlines()
    assert first.startswith("Learning rate: digits, sgd, ")
    assert len(curve) > 10
    assert all(line.startswith("lr ") and " smoothed " in line for line in curve)
    assert suggestion.startswith("Suggestion: --lr 0.")
    assert "(the settings say 5;" in suggestion
    rate = suggestion.split()[2]
    assert command == f"To train with it: tui-trainer digits --threads 1 --optimizer sgd --shuffle --lr {rate}"
    assert list(Path().iterdir()) == []


def test_json_has_every_step_and_the_result_last_and_the_same_again(cli: Cli) -> None:
    results = []
    for _ in range(2):
        said = cli("lr-find", "--data", "diabetes", "--threads", "1", "--steps", "60", "--to", "1", "--json")
        assert (said.code, said.err) == (0, "")
        events = events_of(said.out)
        assert events[0]["event"] == "phase_began"
        points = [point for event in events if event["event"] == "lr_tried" for point in event["points"]]
        assert events[-1]["event"] == "lr_found"
        assert events[-1]["points"] == points
        results.append({key: value for key, value in events[-1].items() if key not in ("time", "seconds")})
    assert results[0] == results[1]
    assert {"suggestion", "lowest", "steepest", "sentence", "end"} <= set(results[0])


def test_batch_sizes_are_a_table_with_a_knee_and_leave_nothing(cli: Cli) -> None:
    said = cli("batch-find", "digits", "--threads", "1", "--least", "200", "--rounds", "1")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0].startswith("Batch size: digits, adam on cpu")
    assert lines[1].split() == ["batch", "size", "samples/s", "ms/step", "steps/epoch"]  # the host's memory is none
    assert [line.split()[0] for line in lines[2:6]] == ["200", "400", "800", "1,293"]
    assert any(line.startswith("Knee: ") for line in lines)
    assert any("1,293 is the whole training split" in line for line in lines)
    assert any(line.startswith("To train with it: tui-trainer digits --threads 1 --batch-size ") for line in lines)
    assert list(Path().iterdir()) == []
    json = events_of(cli("batch-find", "--threads", "1", "--least", "800", "--rounds", "1", "--json").out)
    assert (json[-1]["event"], json[-1]["largest"], json[-1]["end"]) == ("batch_found", 1293, "samples")


def test_a_run_goes_on_from_its_checkpoint_and_stays_as_it_was(cli: Cli) -> None:
    assert cli("--no-ui", "--epochs", "2", "--threads", "1", "--name", "it").code == 0
    before = {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")}
    said = cli("lr-find", "--run", "it", "--json")
    assert said.code == 0
    trained = events_of(said.out)[-1]
    assert trained["points"][0][1] < 1.0  # it has learned; a fresh net begins at ln 10
    assert {path: path.stat().st_mtime_ns for path in Path("runs").rglob("*")} == before
    assert "To train with it: tui-trainer resume it --lr" in cli("lr-find", "--run", "it").out


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("lr-find", "digitz"), "did you mean"),
        (("lr-find", "--from", "0"), "--from 0 is not allowed"),
        (("lr-find", "--from", "nan"), "--from nan is not allowed"),
        (("lr-find", "--to", "lots"), "--to lots is not allowed"),
        (("lr-find", "--from", "1", "--to", "0.1"), "--from 1 --to 0.1: expected a factor of ten or more"),
        (("lr-find", "--steps", "3"), "--steps 3 is not allowed; expected a whole number from 20 to 100,000"),
        (("lr-find", "--steps", "9" * 5000), "is not allowed"),
        (("lr-find", "--run", "nobody"), "nobody"),
        (("lr-find", "--batch-size", "-1"), "--batch-size"),
        (("lr-find", "--data", "./people.csv"), "no such file or folder"),
        (("batch-find", "--most", "0"), "--most 0 is not allowed"),
        (("batch-find", "--least", "64", "--most", "8"), "--least 64 is more than --most 8"),
        (("batch-find", "--rounds", "many"), "--rounds many is not allowed"),
        (("batch-find", "--normalization", "batch", "--least", "1"), "batch normalisation needs at least 2 samples"),
    ],
    ids=lambda value: " ".join(value)[:60] if isinstance(value, tuple) else "",
)
def test_what_makes_no_sense_is_refused_in_a_sentence(cli: Cli, arguments: tuple[str, ...], sentence: str) -> None:
    said = cli(*arguments)
    assert said.code == 2
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1


def test_a_run_has_its_own_settings(cli: Cli) -> None:
    assert cli("--no-ui", "--epochs", "1", "--threads", "1", "--name", "it").code == 0
    for words, named in ((("--hidden", "3"), "leave --hidden out"), (("simplenet",), "leave simplenet out")):
        said = cli("lr-find", *words, "--run", "it")
        assert said.code == 2
        assert named in said.err


@pytest.mark.slow
def test_an_interrupted_finder_ends_with_the_signals_code_and_writes_nothing(spawn: Callable[..., Any]) -> None:
    process = spawn("batch-find", "digits", "--threads", "1", "--rounds", "100", "--json")
    assert process.stdout is not None
    wait_until(lambda: '"batch_tried"' in process.stdout.readline())
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=60)
    assert process.returncode == 130
    assert errors == "tui-trainer: ended by SIGINT; nothing was written\n"
    assert list(Path().iterdir()) == []
