"""`--check` as a script sees it, and what a run says of its data before it begins."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said
from tests.end_to_end.runs import events_of
from tui_trainer.report import Report

Cli = Callable[..., Said]


def test_a_check_in_a_pipe_tells_what_there_is_and_leaves_nothing(cli: Cli) -> None:
    said = cli("--check", "--data", "breast_cancer", "--threads", "1", "--hidden", "32,16")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    shape = "breast_cancer · 30-32-16-2 · 1,554 parameters · 409 train + 46 validation + 114 test rows"
    assert lines[0] == shape
    assert "✓ no column predicts the target alone" in lines
    assert "✓ 2 classes, 153 to 256 training rows each" in lines
    assert any(line.startswith("= less than a second for 30 epochs, until ") for line in lines)
    assert any(line.split() == ["benign", "256", "29", "72", "62.6%"] for line in lines)
    assert list(Path().iterdir()) == []


def test_json_has_phases_and_at_last_the_report(cli: Cli) -> None:
    said = cli("--check", "--json", "--data", "diabetes", "--threads", "1", "--epochs", "3")
    assert (said.code, said.err) == (0, "")
    *phases, last = events_of(said.out)
    assert [phase["event"] for phase in phases] == ["phase_began"] * 3
    assert last["event"] == "checked"
    report = Report.of_json(last)
    assert (report.task, report.train + report.validation + report.test) == ("values", 442)
    assert report.pace is not None
    assert (report.pace.epochs, report.pace.steps) == (3, 20)
    assert {"severity", "about", "sentence"} == set(last["findings"][0])
    assert not Path("runs").exists()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--data", "./people.csv"), "no such file or folder"),
        (("--data", "iris", "--batch-size", "1000", "--drop-last"), "leaves no batch"),
    ],
    ids=str,
)
def test_what_training_would_refuse_a_check_refuses(cli: Cli, arguments: tuple[str, ...], sentence: str) -> None:
    for more in ((), ("--json",)):
        said = cli("--check", *arguments, *more)
        assert said.code == 2
        assert sentence in said.err
        assert len(said.err.splitlines()) == 1


def test_of_a_series_of_folds_one_is_measured_and_all_are_counted(cli: Cli) -> None:
    report = Report.of_json(events_of(cli("--check", "--json", "--data", "iris", "--folds", "5").out)[-1])
    assert report.splits == 5
    assert report.disk is not None
    assert report.disk.needed == 5 * 2 * (report.disk.last + report.disk.best) + report.disk.last


def test_a_run_of_several_processes_is_checked_in_one(cli: Cli) -> None:
    said = cli("--check", "--data", "iris", "--processes", "2", "--device", "cpu")
    assert said.code == 0
    assert "in one process; 2 will share each batch" in said.out


def test_a_run_says_at_its_start_what_it_expects(cli: Cli) -> None:
    said = cli("--no-ui", "--json", "--threads", "1", "--epochs", "2")
    first, second = events_of(said.out)[:2]
    assert first["seconds_expected"] > 0
    assert second["event"] != "warned"  # the digits are fine
