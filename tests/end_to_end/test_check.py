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
    assert any(line.startswith("= ") and " for 30 epochs, until " in line for line in lines)
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
    assert report.pace.epochs == 3
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


def write_people(path: Path) -> None:
    """A table with a leak, a constant, missing values and a row that stands there twice."""
    lines = ["age,city,code,unit,score,outcome"]
    for number in range(400):
        outcome = "yes" if number * 7 % 11 < 5 else "no"
        city = ("Oslo", "Rome", "Bonn")[number * number % 3]
        score = "" if number % 4 == 0 else str(number * 37 % 101 / 10)
        lines.append(f"{20 + number * 37 % 400 / 8},{city},{'A7' if outcome == 'yes' else 'B3'},x,{score},{outcome}")
    lines[400] = lines[1]
    path.write_text("\n".join(lines) + "\n")


def test_a_table_is_told_column_by_column_and_rows_by_their_places(cli: Cli) -> None:
    write_people(Path("people.csv"))
    numbers = Path("test.txt")
    numbers.write_text("\n".join(str(number) for number in range(320, 400)) + "\n")
    arguments = ("--data", "people.csv", "--target", "outcome", "--test-rows", "test.txt", "--validation", "0")
    report = Report.of_json(events_of(cli("--check", "--json", *arguments).out)[-1])
    kinds = {column.name: (column.kind, column.missing, column.distinct) for column in report.columns}
    assert kinds["city"] == ("category", 0, 2)
    assert kinds["unit"] == ("constant", 0, 1)
    assert kinds["score"][:2] == ("number", 101)
    assert kinds["outcome"] == ("target", 0, 2)
    assert report.leaks is not None
    assert [leak.column for leak in report.leaks.found] == ["code"]
    assert report.repeats is not None
    assert report.repeats.examples == (("people.csv, row 400", "people.csv, row 1"),)
    said = cli("--check", *arguments, "--columns", "code=ignore")
    assert "predicts the target alone" in said.out
    assert "! column code" not in said.out
    assert any(line.split()[:2] == ["code", "ignore"] for line in said.out.splitlines())


def test_a_run_on_a_table_warns_of_its_leak_once_and_trains(cli: Cli) -> None:
    write_people(Path("people.csv"))
    said = cli("--no-ui", "--json", "--data", "people.csv", "--target", "outcome", "--epochs", "1", "--threads", "1")
    warned = [event["message"] for event in events_of(said.out) if event["event"] == "warned"]
    assert said.code == 0
    assert sum("column code predicts the target alone" in message for message in warned) == 1
    assert any("unit" in message for message in warned)


def test_published_splits_are_counted(cli: Cli) -> None:
    write_people(Path("people.csv"))
    Path("splits.txt").write_text("1 2 3 4\n5 6 7 8\n9 10 11 12\n")
    said = cli("--check", "--json", "--data", "people.csv", "--target", "outcome", "--test-rows", "splits.txt")
    assert Report.of_json(events_of(said.out)[-1]).splits == 3
