"""Real processes: signals, kills, full disks, closed pipes, commands from another process, a terminal."""

from __future__ import annotations

import json
import os
import pty
import resource
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pyte
import pytest
import torch

from tests.conftest import wait_until
from tests.end_to_end.runs import SLOW_ENOUGH, events_of, weights, written
from tui_trainer.run_dir import RunDir

Spawn = Callable[..., "subprocess.Popen[str]"]
RUN = Path("runs/it")


def names() -> list[str]:
    return [event["event"] for event in written(RUN)]


def tell(line: str) -> None:
    """What anybody may do: append a line."""
    with (RUN / "commands.jsonl").open("a") as file:
        file.write(line + "\n")


def tell_and_hear(line: str, answer: str) -> None:
    """A command, and the event that answers it."""
    before = names().count(answer)
    tell(line)
    wait_until(lambda: names().count(answer) > before)


@pytest.mark.parametrize(("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)])
def test_a_signal_saves_and_ends_with_its_code(spawn: Spawn, number: signal.Signals, code: int) -> None:
    process = spawn(*SLOW_ENOUGH, "--json")
    wait_until(lambda: "progress" in names())
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    end = events_of(out)[-1]
    assert (process.returncode, err) == (code, "")
    assert (end["event"], end["reason"], end["signal"]) == ("run_ended", "stopped", number.name)
    facts = json.loads((RUN / "checkpoints" / "last" / "checkpoint.json").read_text())
    assert facts["step"] == end["step"]


def test_a_signal_while_data_are_loaded_leaves_nothing(spawn: Spawn) -> None:
    process = spawn("--no-ui", "--epochs", "1")
    process.send_signal(signal.SIGINT)
    assert process.wait(timeout=60) in (130, -signal.SIGINT)
    assert not Path("runs").exists()


@pytest.mark.slow
def test_a_run_killed_anywhere_and_resumed_ends_like_one_never_killed(spawn: Spawn) -> None:
    short = ("--no-ui", "--threads", "1", "--epochs", "300", "--dropout", "0.3", "--json")
    whole = spawn(*short, "--name", "whole", stdout=subprocess.DEVNULL)
    assert whole.wait(timeout=120) == 0
    killed = spawn(*short, "--name", "it", stdout=subprocess.DEVNULL)
    wait_until(lambda: "epoch_ended" in names())
    tell('{"command":"save"}')
    wait_until(lambda: any(event.get("kind") == "last" for event in written(RUN)))
    killed.kill()
    killed.wait()
    assert not RunDir(RUN).is_alive()
    assert [run["status"] for run in json.loads(spawn("runs", "--json").communicate()[0])] == ["completed", "lost"]
    again = spawn("resume", "it", "--json")
    out, _ = again.communicate(timeout=120)
    assert again.returncode == 0
    assert events_of(out)[0]["epochs_done"] > 0
    for name, tensor in weights(Path("runs/whole")).items():
        assert torch.equal(tensor, weights(RUN)[name]), name
    ends = [written(run)[-1] for run in (Path("runs/whole"), RUN)]
    for fact in ("test_loss", "test_accuracy", "best_epoch", "step"):
        assert ends[0][fact] == ends[1][fact]


def test_commands_from_another_process_steer_the_run(spawn: Spawn) -> None:
    process = spawn(*SLOW_ENOUGH, stdout=subprocess.DEVNULL)
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
    tell('{"command":"stop"}')
    assert process.wait(timeout=60) == 0
    end = written(RUN)[-1]
    assert (end["reason"], "signal" in end) == ("stopped", False)
    assert end["test_accuracy"] is not None
    assert any(event.get("lr") == 0.25 for event in written(RUN))


@pytest.mark.slow
def test_two_processes_never_train_one_run(spawn: Spawn) -> None:
    first = spawn(*SLOW_ENOUGH)
    wait_until(lambda: "progress" in names())
    second = spawn("resume", "it", "--no-ui")
    _, err = second.communicate(timeout=60)
    assert second.returncode == 2
    assert f"is being trained by process {first.pid}" in err


def test_a_reader_that_goes_away_does_not_end_the_run(spawn: Spawn) -> None:
    process = spawn("--no-ui", "--threads", "1", "--epochs", "60", "--name", "it")
    assert process.stdout is not None
    process.stdout.readline()
    process.stdout.close()
    process.stdout = None
    assert process.wait(timeout=60) == 0
    assert written(RUN)[-1]["reason"] == "completed"


def limited(size: int) -> Callable[[], None]:
    """Makes files beyond a size impossible, as a quota does (EFBIG in place of ENOSPC)."""
    return lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))


@pytest.mark.slow
def test_a_disk_that_fills_while_it_trains_ends_the_run_and_keeps_the_good_checkpoint(spawn: Spawn) -> None:
    process = spawn(*SLOW_ENOUGH)
    wait_until(lambda: any(event.get("kind") == "last" for event in written(RUN)))
    size = RUN.joinpath("events.jsonl").stat().st_size + 100_000
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, size))
    out, err = process.communicate(timeout=120)
    assert process.returncode == 1
    assert "Failed: " in out
    assert "cannot be written: File too large" in err
    assert "tui-trainer resume it" in err
    assert "Traceback" not in err
    assert not list(RUN.rglob(".saving*"))
    done = [event["epoch"] for event in written(RUN) if event["event"] == "epoch_ended"][-1]
    again = spawn("resume", "it", "--epochs", str(done + 2), "--json")
    said, _ = again.communicate(timeout=60)
    assert (again.returncode, events_of(said)[0]["checkpoint"]) == (0, "last")


def test_a_disk_full_from_the_start_is_a_sentence_and_leaves_no_folder(spawn: Spawn) -> None:
    process = spawn(*SLOW_ENOUGH, "--json", preexec_fn=limited(100))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "cannot be written" in err
    assert "--runs-dir" in err
    assert err.count("\n") == 1
    assert not RUN.exists()


@pytest.mark.slow
def test_a_resume_that_cannot_write_is_a_sentence_and_changes_nothing(spawn: Spawn) -> None:
    assert spawn("--no-ui", "--epochs", "2", "--name", "it", stdout=subprocess.DEVNULL).wait(timeout=60) == 0
    config, events = (RUN / "config.toml").read_bytes(), (RUN / "events.jsonl").read_bytes()
    process = spawn("resume", "it", "--no-ui", "--epochs", "4", preexec_fn=limited(100))
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (2, "")
    assert "cannot be written" in err
    assert err.count("\n") == 1
    assert ((RUN / "config.toml").read_bytes(), (RUN / "events.jsonl").read_bytes()) == (config, events)


@pytest.mark.slow
def test_a_checkpoint_that_does_not_fit_leaves_the_one_before(spawn: Spawn, tmp_path: Path) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=1m", "tmpfs", str(disk)]
    if os.geteuid() != 0 or subprocess.run(mount, capture_output=True, check=False).returncode != 0:
        pytest.skip("needs the right to mount a small file system")
    try:
        process = spawn(*SLOW_ENOUGH, "--runs-dir", str(disk), "--hidden", "500")
        wait_until(lambda: (disk / "it" / "checkpoints" / "last").exists() or process.poll() is not None)
        (disk / "filler").write_bytes(bytes(1))
        with (disk / "filler").open("ab", buffering=0) as filler:
            while True:
                try:
                    if filler.write(bytes(4096)) < 4096:
                        break
                except OSError:
                    break
        _, err = process.communicate(timeout=60)
        assert process.returncode == 1
        assert "No space left on device" in err
        (disk / "filler").unlink()
        again = spawn("resume", "it", "--runs-dir", str(disk), "--epochs", "1000000", "--json")
        assert again.stdout is not None
        assert json.loads(again.stdout.readline())["checkpoint"].startswith("last")
        again.send_signal(signal.SIGTERM)
        again.communicate(timeout=60)
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def screen_of(arguments: list[str], columns: int, rows: int, **environment: str) -> pyte.Screen:
    """The last screen of a command on a real terminal."""
    screen = pyte.Screen(columns, rows)
    stream = pyte.ByteStream(screen)
    pid, terminal = pty.fork()
    if pid == 0:
        os.environ.update(
            TERM="xterm-256color", COLUMNS=str(columns), LINES=str(rows), OMP_NUM_THREADS="1", **environment
        )
        os.execv(sys.executable, [sys.executable, "-m", "tui_trainer", *arguments])
    while True:
        try:
            data = os.read(terminal, 65536)
        except OSError:
            break
        if not data:
            break
        stream.feed(data)
    assert os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1]) == 0
    return screen


@pytest.mark.parametrize(("columns", "rows"), [(80, 40), (160, 50)])
def test_a_terminal_shows_results_and_the_matrix_in_colour(columns: int, rows: int) -> None:
    screen = screen_of(["--no-ui", "--epochs", "12", "--threads", "1"], columns, rows)
    text = "\n".join(screen.display)
    for words in (
        "Epoch 12/12",
        "Completed",
        "validation, epoch",
        "test, epoch",
        "accuracy",
        "recall",
        "runs/digits-1",
    ):
        assert words in text
    row = next(number for number, line in enumerate(screen.display) if line.startswith("0 ") and "%" in line)
    assert any(screen.buffer[row][column].bg not in ("default", "000000") for column in range(columns))
    assert "First steps" not in text  # the live lines are gone


@pytest.mark.slow
def test_without_utf_8_and_colour_the_matrix_keeps_its_columns() -> None:
    plain = {"LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONCOERCECLOCALE": "0", "NO_COLOR": "1"}
    screen = screen_of(["--no-ui", "--epochs", "2", "--threads", "1"], 80, 40, **plain)
    rows = [line for line in screen.display if line.rstrip().endswith("%")]
    assert len(rows) == 10
    assert len({line.rstrip().rfind(".") for line in rows}) == 1
    assert all(line.isascii() for line in screen.display)
    assert all(cell.bg == "default" for line in screen.buffer.values() for cell in line.values())
