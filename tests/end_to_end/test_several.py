"""A run of several real processes: steered, signalled, killed, restarted, moved, and started by others."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest
import torch

from tests.conftest import wait_until
from tests.end_to_end.runs import events_of, written
from tui_trainer import launch, runs_folder
from tui_trainer.commands import Stop
from tui_trainer.knobs import build
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import state_of

Spawn = Callable[..., "subprocess.Popen[str]"]
RUN = Path("runs/it")
TWO = ("--device", "cpu", "--processes", "2", "--threads", "1", "--name", "it", "--no-ui", "--json")
ENDLESS = (*TWO, "--epochs", "1000000")


def names() -> list[str]:
    return [event["event"] for event in written(RUN)]


def tell_and_hear(line: str, answer: str) -> None:
    before = names().count(answer)
    with (RUN / "commands.jsonl").open("a") as file:
        file.write(line + "\n")
    wait_until(lambda: names().count(answer) > before)


def rank(number: int) -> psutil.Process:
    """One of the training processes that descend from this one."""
    for process in psutil.Process().children(recursive=True):
        try:
            if process.environ().get("RANK") == str(number):
                return process
        except psutil.Error:
            continue
    raise AssertionError(f"no process {number}")


def losses(run: Path) -> dict[int, float]:
    """By epoch; of one that was trained twice, the later."""
    return {event["epoch"]: event["train_loss"] for event in written(run) if event["event"] == "epoch_ended"}


def test_two_processes_are_steered_and_stopped_like_one(spawn: Spawn) -> None:
    process = spawn(*ENDLESS)
    wait_until(lambda: "progress" in names())
    for line, answer in [
        ('{"command":"pause"}', "paused"),
        ('{"command":"evaluate"}', "evaluated"),
        ('{"command":"set","lr":0.25}', "hyperparameters_changed"),
        ("{nonsense", "command_rejected"),
        ('{"command":"resume"}', "continued"),
        ('{"command":"save","id":"mine"}', "checkpoint_saved"),
    ]:
        tell_and_hear(line, answer)
    wait_until(lambda: any(event.get("lr") == 0.25 for event in written(RUN)))
    process.send_signal(signal.SIGTERM)
    out, err = process.communicate(timeout=60)
    end = events_of(out)[-1]
    assert (process.returncode, err) == (143, "")
    assert (end["reason"], end["signal"]) == ("stopped", "SIGTERM")
    facts = json.loads((RUN / "checkpoints/last/checkpoint.json").read_text())
    assert (facts["step"], facts["config"]["lr"]) == (end["step"], 0.25)
    assert written(RUN)[0]["devices"] == ["cpu", "cpu"]
    assert not RunDir(RUN).is_alive()


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_process_that_is_killed_ends_the_run_with_a_sentence_and_it_can_go_on(spawn: Spawn, number: int) -> None:
    process = spawn(*ENDLESS)
    wait_until(lambda: any(event.get("kind") == "last" for event in written(RUN)))
    rank(number).kill()
    out, err = process.communicate(timeout=60)
    end = written(RUN)[-1]
    assert process.returncode == 1
    assert (end["event"], end["reason"]) == ("run_ended", "failed")
    assert f"process {number} (cpu) was killed by SIGKILL" in end["message"]
    assert "is intact. To go on: tui-trainer resume it" in end["message"]
    assert events_of(out)[-1] == end
    assert err == f"tui-trainer: {end['message']}\n"
    if number == 0:
        done = [event["epoch"] for event in written(RUN) if event["event"] == "epoch_ended"][-1]
        again = spawn("resume", "it", "--no-ui", "--json", "--processes", "1", "--epochs", str(done + 1))
        said = events_of(again.communicate(timeout=60)[0])
        assert (again.returncode, said[0]["event"], said[0]["checkpoint"]) == (0, "run_resumed", "last")
        assert "devices" not in said[0]


@pytest.mark.slow
@pytest.mark.parametrize("number", [0, 1])
def test_a_killed_process_is_started_again_from_the_checkpoint(spawn: Spawn, number: int) -> None:
    process = spawn(*TWO, "--epochs", "400", "--max-restarts", "1")
    wait_until(lambda: any(event.get("kind") == "last" for event in written(RUN)))
    rank(number).kill()
    out, err = process.communicate(timeout=120)
    assert (process.returncode, err) == (0, "")
    said = events_of(out)
    again = next(place for place, event in enumerate(said) if event["event"] == "run_resumed")
    assert said[again + 1]["event"] == "warned"
    assert f"process {number} (cpu) was killed by SIGKILL" in said[again + 1]["message"]
    assert "restart 1 of 1" in said[again + 1]["message"]
    assert said[-1]["reason"] == "completed"


@pytest.mark.slow
def test_a_run_moves_between_one_and_two_processes(spawn: Spawn) -> None:
    options = ("--device", "cpu", "--threads", "1", "--no-ui", "--json", "--dropout", "0.2", "--epochs", "6")
    assert spawn(*options, "--name", "whole", stdout=subprocess.DEVNULL).wait(timeout=60) == 0
    assert spawn(*options[:-1], "2", "--name", "it", stdout=subprocess.DEVNULL).wait(timeout=60) == 0
    for processes, epochs in ((2, 4), (1, 6)):
        more = ("--no-ui", "--processes", str(processes), "--epochs", str(epochs), "--json")
        assert spawn("resume", "it", *more, stdout=subprocess.DEVNULL).wait(timeout=60) == 0
    assert losses(RUN) == pytest.approx(losses(Path("runs/whole")), rel=1e-5, abs=1e-5)
    assert [event.get("devices") for event in written(RUN) if event["event"] == "run_resumed"] == [["cpu"] * 2, None]


@pytest.mark.slow
@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGHUP, 129)])
def test_a_signal_saves_and_ends_with_its_code(spawn: Spawn, number: signal.Signals, code: int) -> None:
    process = spawn(*ENDLESS)
    wait_until(lambda: "progress" in names())
    process.send_signal(number)
    assert events_of(process.communicate(timeout=60)[0])[-1]["signal"] == number.name
    assert process.returncode == code


@pytest.mark.slow
def test_a_signal_before_the_first_step_leaves_nothing(spawn: Spawn) -> None:
    process = spawn(*ENDLESS)
    wait_until(lambda: [child for child in psutil.Process(process.pid).children() if child.is_running()])
    process.send_signal(signal.SIGINT)
    _, err = process.communicate(timeout=60)
    assert process.returncode == 130
    assert err == "tui-trainer: interrupted before training began; nothing was written\n"
    assert not RUN.exists()


@pytest.mark.slow
def test_bad_data_are_one_sentence_and_leave_no_folder(spawn: Spawn) -> None:
    process = spawn(*ENDLESS, "--data", "cifar10", "--data-dir", "nowhere")
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out, err.count("\n")) == (2, "", 1)
    assert "which works offline" in err
    assert not RUN.exists()


@pytest.mark.slow
def test_a_diverged_run_is_not_started_again(spawn: Spawn) -> None:
    wild = ("--optimizer", "sgd", "--momentum", "0.9", "--lr", "1000", "--loss", "mse", "--max-restarts", "3")
    process = spawn(*ENDLESS, *wild)
    out, _ = process.communicate(timeout=60)
    assert process.returncode == 3
    assert [event["event"] for event in events_of(out)].count("run_ended") == 1


@pytest.mark.slow
def test_processes_end_with_an_agent_that_is_killed(spawn: Spawn) -> None:
    process = spawn(*ENDLESS)
    wait_until(lambda: "progress" in names())
    left = [rank(0), rank(1)]
    process.kill()
    process.wait()
    wait_until(lambda: not any(one.is_running() and one.status() != psutil.STATUS_ZOMBIE for one in left))
    assert not RunDir(RUN).is_alive()


@pytest.mark.slow
def test_the_dashboards_worker_is_the_agent_of_several() -> None:
    config = build({"epochs": "1000000", "threads": "1", "device": "cpu", "processes": "2"})
    run = launch.start(config, Path("runs"), "it", "digits")
    try:
        assert run.is_alive()
        wait_until(lambda: state_of(run).step)
        started = state_of(run).started
        assert started
        assert started.devices == ["cpu", "cpu"]
        assert os.getsid(started.pid) != os.getsid(0)
        os.kill(started.pid, signal.SIGKILL)
        wait_until(lambda: not run.is_alive())
        ended = state_of(run).ended
        assert ended
        assert "process 0 (cpu) was killed by SIGKILL" in ended.message
        launch.launch(run, {"processes": 2})
        wait_until(lambda: state_of(run).status == "training")
        run.send(Stop())
        wait_until(lambda: not run.is_alive())
        assert state_of(run).status == "stopped"
        assert wait_until(lambda: launch.exit_of(run)).code == 0
    finally:
        if run.is_alive() and (pid := run.holder_pid()):
            os.kill(pid, signal.SIGKILL)
            wait_until(lambda: not run.is_alive())
        runs_folder.delete(run)


@pytest.mark.gpu
@pytest.mark.slow
def test_two_gpus_give_the_losses_of_one(spawn: Spawn) -> None:
    if torch.cuda.device_count() < 2:
        pytest.skip("needs two GPUs")
    options = ("--no-ui", "--json", "--epochs", "3", "--device")
    assert spawn(*options, "cuda:0", "--name", "one", stdout=subprocess.DEVNULL).wait(timeout=120) == 0
    assert spawn(*options, "cuda:0,cuda:1", "--name", "it", stdout=subprocess.DEVNULL).wait(timeout=120) == 0
    assert written(RUN)[0]["devices"] == ["cuda:0", "cuda:1"]
    assert losses(RUN) == pytest.approx(losses(Path("runs/one")), rel=1e-4, abs=1e-4)


OUTSIDE = ("-m", "tui_trainer", "--no-ui", "--json", "--name", "it", "--threads", "1", "--device", "cpu")


def torchrun(*arguments: str) -> subprocess.Popen[str]:
    """The launcher as a user calls it."""
    command = [sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", *arguments]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


@pytest.mark.slow
def test_torchrun_starts_a_run(spawn: Spawn) -> None:
    started = torchrun(*OUTSIDE, "--epochs", "3")
    out, err = started.communicate(timeout=120)
    assert started.returncode == 0, err
    events = events_of(out)
    assert events == written(RUN)  # one process speaks
    assert (events[0]["devices"], events[-1]["reason"]) == (["cpu", "cpu"], "completed")
    alone = ("--no-ui", "--json", "--name", "alone", "--threads", "1", "--epochs", "3")
    assert spawn(*alone, stdout=subprocess.DEVNULL).wait(timeout=60) == 0
    assert losses(RUN) == pytest.approx(losses(Path("runs/alone")), rel=1e-5, abs=1e-5)


@pytest.mark.slow
def test_torchrun_starts_a_killed_run_again_where_it_was() -> None:
    started = torchrun("--max-restarts", "1", *OUTSIDE, "--epochs", "400")
    try:
        wait_until(lambda: any(event.get("kind") == "last" for event in written(RUN)))
        rank(1).kill()
        started.communicate(timeout=120)
        assert started.returncode == 0
        assert [path.name for path in Path("runs").iterdir()] == ["it"]
        assert "run_resumed" in names()
        assert written(RUN)[-1]["reason"] == "completed"
    finally:
        started.kill()
        started.communicate()


@pytest.mark.slow
def test_torchrun_without_no_ui_is_refused() -> None:
    started = torchrun("-m", "tui_trainer")
    _, err = started.communicate(timeout=60)
    assert "torchrun started this, which gives no process a terminal; add --no-ui" in err


@pytest.mark.slow
def test_srun_starts_a_run() -> None:
    common = {"SLURM_STEP_NUM_TASKS": "2", "SLURM_STEP_NODELIST": "node7", "SLURM_JOB_ID": str(os.getpid())}

    def task(number: int) -> subprocess.Popen[str]:
        own: dict[str, Any] = {**os.environ, **common, "SLURM_PROCID": str(number), "SLURM_LOCALID": str(number)}
        return subprocess.Popen([sys.executable, *OUTSIDE, "--epochs", "2"], stdout=subprocess.PIPE, text=True, env=own)

    tasks = [task(number) for number in range(2)]
    said = [one.communicate(timeout=60)[0] for one in tasks]
    assert [one.returncode for one in tasks] == [0, 0]
    assert (events_of(said[0])[-1]["reason"], said[1]) == ("completed", "")
    assert written(RUN)[0]["devices"] == ["cpu", "cpu"]
