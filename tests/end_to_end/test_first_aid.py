"""First aid in a terminal and in a pipe: what is printed, how a run goes on, and the exit codes."""

from __future__ import annotations

import io
import json
from collections.abc import Callable
from pathlib import Path

import pytest
from rich.console import Console

from tests.conftest import Said
from tests.end_to_end.runs import events_of
from tui_trainer.events import Paused, RunStarted, parse
from tui_trainer.headless.terminal import TerminalPrinter
from tui_trainer.inside_events import Alerted

Cli = Callable[..., Said]
DIVERGING = (
    "--no-ui", "--data", "diabetes", "--hidden", "", "--optimizer", "sgd", "--lr", "2.2", "--batch-size", "full",
    "--threads", "1", "--epochs", "6",
)  # fmt: skip


def test_an_alert_that_stops_a_run_has_an_exit_code_and_says_how_to_go_on(cli: Cli) -> None:
    said = cli(*DIVERGING, "--on-alert", "stop")
    assert said.code == 4
    lines = said.out.splitlines()
    assert len([line for line in lines if line.startswith("Alert: the training loss diverges")]) == 1
    assert "Stopped: by the alert divergence-1 in epoch 1 of 6; saved" in lines
    assert lines[-1] == "To go on: tui-trainer resume diabetes-1 --apply divergence-1 --no-ui"
    again = cli("resume", "diabetes-1", "--lr", "0.2", "--no-ui", "--json")
    assert again.code == 0
    assert [event["epoch"] for event in events_of(again.out) if event["event"] == "epoch_ended"] == [1, 2, 3, 4, 5, 6]


def test_a_loss_that_is_no_number_is_an_alert_before_the_end(cli: Cli) -> None:
    said = cli("--no-ui", "--data", "diabetes", "--optimizer", "sgd", "--lr", "100", "--threads", "1")
    assert said.code == 3
    alert, end, _, way = said.out.splitlines()[2:]
    assert alert.startswith("Alert: the loss is no finite number")
    assert end.startswith("Diverged: ")
    assert way == "To go on: tui-trainer resume diabetes-1 --apply non_finite_loss-1 --no-ui"


def test_alerts_of_a_run_that_goes_on_are_counted_on(cli: Cli) -> None:
    for count in (1, 2, 3):
        start = (*DIVERGING, "--on-alert", "stop") if count == 1 else ("resume", "diabetes-1", "--no-ui")
        said = cli(*start, "--json")
        told = [event["alert"] for event in events_of(said.out) if event["event"] == "alert"]
        assert told == [f"divergence-{count}"]


def test_a_terminal_shows_cause_evidence_remedies_and_the_command(cli: Cli) -> None:
    said = cli(*DIVERGING, "--on-alert", "stop", "--json")
    page = io.StringIO()
    printer = TerminalPrinter(Console(file=page, width=80, force_terminal=False))
    for line in said.out.splitlines():
        event = parse(line)
        if isinstance(event, RunStarted | Alerted):
            printer.show(event)
    printer.show(Paused(step=2))
    printer.close()
    shown = page.getvalue().splitlines()
    assert "! the training loss diverges: it has lost what it had gained" in shown
    assert "  1. Go back to the last good checkpoint with half the learning rate (1.1)" in shown
    assert any("""echo '{"command":"apply","alert":"divergence-1","remedy":1}' >>""" in line for line in shown)
    assert any(line.startswith("To go on: tui-trainer attach diabetes-1") for line in shown)
    assert all(len(line) <= 80 for line in shown)


def test_a_run_that_diverged_unheeded_goes_back_to_where_all_was_well(cli: Cli) -> None:
    """It ends, and saves, with finite weights that are worth nothing; a checkpoint from before is there."""
    assert cli(*DIVERGING, "--lr", "0.2", "--epochs", "4").code == 0
    diverged = cli("resume", "diabetes-1", "--lr", "2.2", "--epochs", "10", "--no-ui").out.splitlines()
    assert any(line.startswith("Completed: 10 of 10 epochs") for line in diverged)
    way_on = "To go on from before it diverged: tui-trainer resume diabetes-1 --apply divergence-1 --no-ui"
    assert diverged[-1] == way_on
    said = cli("resume", "diabetes-1", "--apply", "divergence-1:3", "--no-ui", "--json")
    assert said.code == 0, said.err
    events = events_of(said.out)
    assert [event["event"] for event in events][:3] == ["run_resumed", "remedy_applied", "hyperparameters_changed"]
    assert (events[0]["step"], events[0]["epochs_done"], events[0]["live"]["lr"]) == (4, 4, 0.22)
    losses = [event["train_loss"] for event in events if event["event"] == "epoch_ended"]
    assert len(losses) == 6
    assert max(losses) < 1
    last = Path("runs/diabetes-1/checkpoints/last/checkpoint.json")
    assert json.loads(last.read_text())["step"] == 10


def test_a_run_that_ended_with_dead_units_goes_on_from_before_they_died(cli: Cli) -> None:
    dead = ("--no-ui", "--data", "digits", "--optimizer", "sgd", "--lr", "100", "--threads", "1", "--epochs", "3")
    assert cli(*dead).code == 0  # its last checkpoint and its best one are of dead weights
    said = cli("resume", "digits-1", "--apply", "dead_units-1", "--lr", "0.1", "--no-ui", "--json")
    assert said.code == 0, said.err
    events = events_of(said.out)
    assert (events[0]["event"], events[0]["step"], events[0]["checkpoint"]) == ("run_resumed", 0, "")
    assert [event["val_accuracy"] for event in events if event["event"] == "epoch_ended"][-1] > 0.8


@pytest.mark.parametrize(
    ("asked_for", "why"),
    [
        ("plateau-1", "no alert plateau-1 is open; these are: divergence-1"),
        ("divergence-1:9", "divergence-1 has 3 remedies, and 9 is none of them"),
        ("divergence-1:x", "expected an alert's name and a number, as in divergence-1:2"),
    ],
)
def test_a_remedy_that_there_is_not_changes_nothing(cli: Cli, asked_for: str, why: str) -> None:
    assert cli(*DIVERGING, "--on-alert", "stop").code == 4
    before = Path("runs/diabetes-1/events.jsonl").read_text()
    said = cli("resume", "diabetes-1", "--apply", asked_for, "--no-ui")
    assert said.code == 2
    assert why in said.err
    assert Path("runs/diabetes-1/events.jsonl").read_text() == before
