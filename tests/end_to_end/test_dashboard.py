"""The dashboard as people use it: a real program on a real terminal, a real worker behind it."""

from __future__ import annotations

import os
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.conftest import wait_until
from tests.end_to_end.runs import written
from tests.end_to_end.terminal import Terminal
from tui_trainer.run_dir import RunDir

ENDLESS = ("--epochs", "1000000", "--threads", "1", "--name", "it")


@pytest.fixture(autouse=True)
def run() -> Iterator[RunDir]:
    """The run that these tests make; its worker ends with the test."""
    run = RunDir(Path("runs/it").resolve())
    yield run
    if run.is_alive() and (pid := wait_until(run.holder_pid)):
        os.kill(pid, signal.SIGKILL)
        wait_until(lambda: not run.is_alive())


def events_named(run: RunDir, name: str) -> list[dict[str, object]]:
    return [event for event in written(run.path) if event["event"] == name]


def started(*arguments: str, columns: int = 120, rows: int = 40) -> Terminal:
    """The dashboard with a run that trains."""
    terminal = Terminal([*ENDLESS, *arguments], columns, rows)
    terminal.wait_for("Press space to train it")
    terminal.press(" ")
    terminal.wait_for("● training")
    return terminal


def test_train_pause_change_the_rate_leave_come_back_and_stop(run: RunDir) -> None:
    with started() as terminal:
        terminal.wait_for("samples/s")
        terminal.press(" ")
        terminal.wait_for("‖ paused")
        assert events_named(run, "paused")
        terminal.press(" ")
        terminal.wait_for("● training")
        terminal.press("e")
        terminal.press("\x1b[C\x1b[C")  # right, right: 0.001 -> 0.002 -> 0.005
        terminal.wait_for("0.001 → 0.005")
        terminal.press("\r")
        terminal.wait_for("lr 0.001 -> 0.005")  # the mark, in words below the plot
        changed = events_named(run, "hyperparameters_changed")[0]
        assert changed["values"] == {"lr": 0.005}
        wait_until(lambda: events_named(run, "epoch_ended")[-1]["lr"] == 0.005)  # and its effect
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert "it goes on (epoch" in terminal.tail_output
        assert "tui-trainer attach it" in terminal.tail_output
    assert run.is_alive()
    with Terminal(["attach"], 80, 24) as other:
        other.wait_for("● training")
        other.press("s")
        other.wait_for("■ stopped")
        other.wait_for("space resumes")
        other.press("q")
        assert other.wait_exit() == 0
    assert written(run.path)[-1]["reason"] == "stopped"
    with Terminal(["attach", "it"]) as again:
        again.wait_for("■ stopped")
        again.wait_for("lr 0.001 -> 0.005")
        again.wait_for("test split")


def test_the_first_run_needs_one_key_and_ends_with_its_results() -> None:
    with Terminal(["--threads", "1"], 120, 40) as terminal:
        terminal.wait_for("Press space to train it")
        terminal.press(" ")
        terminal.wait_for("✔ completed")
        terminal.wait_for("test accuracy")
        terminal.press("q")
        assert terminal.wait_exit() == 0
        assert "digits-1: completed" in terminal.tail_output


@pytest.mark.slow
def test_a_killed_worker_is_told_and_resumed(run: RunDir) -> None:
    with started() as terminal:
        terminal.press("w")
        wait_until(lambda: [event for event in events_named(run, "checkpoint_saved") if "id" in event])
        os.kill(wait_until(run.holder_pid), signal.SIGKILL)
        terminal.wait_for("was killed by SIGKILL", seconds=2.5)  # two seconds, and one look of the test
        terminal.wait_for("space resumes from it")
        terminal.press(" ")
        terminal.wait_for("● training")
        assert events_named(run, "run_resumed")


@pytest.mark.slow
def test_a_run_that_blew_up_is_resumed_by_the_first_remedy_of_its_alert(run: RunDir) -> None:
    blown_up = ("--data", "diabetes", "--optimizer", "sgd", "--activation", "elu", "--lr", "30")
    with Terminal([*ENDLESS, *blown_up], 120, 40) as terminal:
        terminal.wait_for("Press space to train it")
        terminal.press(" ")
        terminal.wait_for("✗ diverged")
        terminal.wait_for("! The loss is no finite number")
        terminal.press("a")
        terminal.wait_for("resumes from the beginning with learning rate 3")
        terminal.press("1")
        wait_until(lambda: events_named(run, "run_resumed"))
        changed = wait_until(lambda: events_named(run, "hyperparameters_changed"))[0]
        assert changed["values"] == {"lr": 3.0}


def test_a_terminal_that_is_hung_up_does_not_harm_the_run(run: RunDir) -> None:
    terminal = Terminal(["--epochs", "1000", "--threads", "1", "--name", "it"])
    terminal.wait_for("Press space to train it")
    terminal.press(" ")
    terminal.wait_for("● training")
    terminal.hang_up()
    terminal.wait_exit()
    wait_until(lambda: not run.is_alive())
    assert written(run.path)[-1]["reason"] == "completed"


@pytest.mark.slow
def test_a_headless_run_is_attached_to_and_steered_by_two_viewers(run: RunDir, spawn: object) -> None:
    process = spawn("--no-ui", *ENDLESS, stdout=-3)  # type: ignore[operator]
    wait_until(run.is_alive)
    with Terminal(["attach"]) as one, Terminal(["attach", "it", "--readonly"], 80, 24) as other:
        one.wait_for("● training")
        other.wait_for("read-only")
        other.press(" ")
        other.wait_for("Opened read-only")
        one.press(" ")
        one.wait_for("‖ paused")
        other.wait_for("‖ paused")
        one.press("s")
        other.wait_for("■ stopped")
    assert process.wait(timeout=60) == 0
    assert not events_named(run, "command_rejected")


@pytest.mark.slow
def test_settings_that_no_worker_takes_come_back_to_the_form() -> None:
    with Terminal(["--batch-size", "5000", "--drop-last", "--name", "it"]) as terminal:
        terminal.wait_for("Press space to train it")
        terminal.press(" ")
        terminal.wait_for("leaves no batch of")
        terminal.wait_for("○ ready")
    assert not Path("runs/it").exists()


@pytest.mark.parametrize("arguments", [["attach"], ["attach", "nothing"], ["resume", "nothing"], ["--name", "a/b"]])
def test_a_mistake_is_a_sentence_before_anything_is_drawn(arguments: list[str]) -> None:
    with Terminal(arguments) as terminal:
        assert terminal.wait_exit() == 2
        assert "tui-trainer: " in terminal.text()


def test_without_a_terminal_it_says_what_to_do(cli: object) -> None:
    said = cli("--epochs", "3")  # type: ignore[operator]
    assert (said.code, said.out) == (2, "")
    assert "--no-ui" in said.err


@pytest.mark.slow
def test_resizing_never_breaks_it() -> None:
    with started() as terminal:
        for columns, rows in ((80, 24), (200, 60), (40, 10), (20, 5), (120, 40)):
            terminal.resize(columns, rows)
            terminal.wait_until(lambda: "it" in terminal.text())
        terminal.wait_for("Confusion matrix")
        terminal.wait_for("● training")


def test_a_terminal_without_unicode_gets_ascii() -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0"}
    with Terminal(["--threads", "1"], 120, 40, **plain) as terminal:
        terminal.wait_for("Press space to train it")
        assert "+- Hyperparameters" in terminal.text()
        assert terminal.text().isascii()
