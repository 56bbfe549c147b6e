"""Workers in a session of their own: real processes, seen only through the run's folder."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import psutil
import pytest

from tests.conftest import ROOT, wait_until
from tui_trainer import commands, launch, runs_folder
from tui_trainer.errors import InputError, RunBusyError
from tui_trainer.events import HyperparametersChanged
from tui_trainer.knobs import build
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import RunState, advance

ENDLESS = build({"epochs": "1000000", "threads": "1"})


def state_of(run: RunDir) -> RunState:
    state = RunState()
    for event in run.read_milestones():
        state = advance(state, event)
    return state.seen_from_outside(run.is_alive())


def pid_of(run: RunDir) -> int:
    """The worker's own process."""
    return int(wait_until(run.holder_pid))


@pytest.fixture
def run() -> Iterator[RunDir]:
    """A run that trains for ever; what is left of it is ended with the test."""
    run = launch.start(ENDLESS, Path("runs"), None, "digits")
    yield run
    if run.is_alive():
        os.kill(pid_of(run), signal.SIGKILL)
        wait_until(lambda: not run.is_alive())


def test_a_run_is_alive_from_its_first_moment_and_steered_to_its_end(run: RunDir) -> None:
    assert run.is_alive()
    assert state_of(run).status == "starting"
    with pytest.raises(RunBusyError, match="is being trained by"):
        launch.launch(run)
    wait_until(lambda: state_of(run).status == "training")
    assert os.getsid(pid_of(run)) not in (os.getsid(0), pid_of(run))  # the watcher's own session
    run.send(commands.Stop())
    wait_until(lambda: not run.is_alive())
    assert state_of(run).status == "stopped"
    ended = wait_until(lambda: launch.exit_of(run))
    assert (ended.code, ended.last_words) == (0, ())


def test_a_stop_that_was_asked_while_it_loads_is_obeyed(run: RunDir) -> None:
    run.send(commands.Stop())
    wait_until(lambda: state_of(run).status == "stopped")


def test_a_kill_is_told_by_its_signal_and_the_run_goes_on_from_its_checkpoint(run: RunDir) -> None:
    wait_until(lambda: state_of(run).status == "training")
    run.send(commands.Save(id="mine"))
    wait_until(lambda: state_of(run).saved)
    watcher = psutil.Process(pid_of(run)).parent()
    os.kill(pid_of(run), signal.SIGKILL)
    wait_until(lambda: not run.is_alive())
    ended = wait_until(lambda: launch.exit_of(run))
    assert ended.code == -signal.SIGKILL
    assert "killed by SIGKILL" in ended.sentence
    assert state_of(run).status == "lost"
    assert watcher
    wait_until(lambda: not watcher.is_running() or watcher.status() == psutil.STATUS_ZOMBIE)
    launch.launch(run, {"lr": 0.5})
    assert launch.exit_of(run) is None  # it told of the worker before
    wait_until(lambda: any(event.event == "run_resumed" for event in run.read_milestones()))
    assert state_of(run).changed["lr"] == 0.5
    changes = wait_until(lambda: [e for e in run.read_milestones() if isinstance(e, HyperparametersChanged)])
    assert (changes[0].values, changes[0].before) == ({"lr": 0.5}, {"lr": 0.001})


def test_a_signal_to_the_watcher_reaches_the_worker(run: RunDir) -> None:
    wait_until(lambda: state_of(run).status == "training")
    watcher = psutil.Process(pid_of(run)).parent()
    assert watcher
    watcher.send_signal(signal.SIGTERM)
    wait_until(lambda: not run.is_alive())
    ended = state_of(run).ended
    assert ended
    assert (ended.reason, ended.signal) == ("stopped", "SIGTERM")


def test_a_worker_that_cannot_begin_says_why() -> None:
    run = launch.start(build({"batch_size": "5000", "drop_last": True}), Path("runs"), None, "digits")
    ended = wait_until(lambda: launch.exit_of(run))
    assert ended.code == 2
    assert "leaves no batch" in ended.last_words[-1]
    assert state_of(run).status == "failed"
    assert not run.has_begun()


@pytest.mark.slow
def test_a_resume_that_is_refused_leaves_the_run_as_it_was() -> None:
    run = launch.start(build({"epochs": "2", "threads": "1"}), Path("runs"), None, "digits")
    wait_until(lambda: state_of(run).status == "completed" and not run.is_alive())
    wait_until(lambda: launch.exit_of(run))
    before = run.events.read_bytes()
    launch.launch(run)
    ended = wait_until(lambda: launch.exit_of(run))
    assert ended.code == 2
    assert "is complete" in ended.last_words[-1]
    assert run.events.read_bytes() == before
    assert state_of(run).status == "completed"


def test_a_folder_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(InputError, match="is a file"):
        launch.start(ENDLESS, tmp_path / "file" / "runs", None, "digits")


@pytest.mark.slow
def test_the_newest_run_that_trains_is_found(run: RunDir) -> None:
    assert runs_folder.newest_living(Path("runs")).path == run.path
    run.send(commands.Stop())
    wait_until(lambda: not run.is_alive())
    with pytest.raises(InputError, match="tui-trainer attach digits-1"):
        runs_folder.newest_living(Path("runs"))


def test_a_living_run_is_neither_renamed_nor_deleted(run: RunDir) -> None:
    with pytest.raises(InputError, match="being trained"):
        runs_folder.rename(run, "other")
    with pytest.raises(InputError, match="being trained"):
        runs_folder.delete(run)
    assert run.config.exists()


def test_the_watcher_is_small() -> None:
    code = "import sys, tui_trainer.watcher; print(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    assert not {"pydantic", "rich", "torch", "psutil"} & set(told.stdout.split())
