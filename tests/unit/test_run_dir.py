"""The folder's primitives: whole lines, whole files, one worker."""

import os
import resource
import stat
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.conftest import wait_until
from tui_trainer import commands, events, run_dir, runs_folder
from tui_trainer.errors import InputError, RunBusyError, StorageError
from tui_trainer.run_dir import EventFile, RunDir, Tail


def test_runs_are_numbered_and_private(tmp_path: Path) -> None:
    first, second = (runs_folder.create(tmp_path / "runs", None, "digits") for _ in range(2))
    assert (first.name, second.name) == ("digits-1", "digits-2")
    assert stat.S_IMODE(first.path.stat().st_mode) == 0o700


def test_a_given_name_that_exists_is_refused(tmp_path: Path) -> None:
    runs_folder.create(tmp_path, "mine", "x")
    with pytest.raises(InputError, match="exists; choose another name"):
        runs_folder.create(tmp_path, "mine", "x")


@given(st.text(max_size=30))
def test_a_name_never_leaves_its_folder(name: str) -> None:
    try:
        runs_folder.check_new(Path("runs"), name)
    except InputError:
        return
    assert Path(name).name == name
    assert not name.startswith(".")


@given(st.lists(st.binary(max_size=8)))
def test_a_tail_gives_whole_lines_once_however_they_arrive(
    tmp_path_factory: pytest.TempPathFactory, pieces: list[bytes]
) -> None:
    path = tmp_path_factory.mktemp("tail") / "lines"
    tail, got = Tail(path), []
    for piece in pieces:
        with path.open("ab") as file:
            file.write(piece)
        got += tail.new_lines()
    *whole, _rest = b"".join(pieces).split(b"\n")
    assert got == [text for line in whole if (text := line.decode("utf-8", "replace").strip())]
    assert tail.new_lines() == []


def test_a_torn_event_is_cut_before_the_next_is_written(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.events.write_text('{"event":"paused","time":1.0,"step":1}\n{"event":"paus')
    file = EventFile(run.events)
    file.append(events.Continued(time=2.0, step=1).to_line())
    file.close()
    assert [event.event for event in run.read_events()] == ["paused", "continued"]


def test_damaged_lines_between_good_ones_are_passed_over(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.events.write_bytes(
        b'{"event":"paused","time":1.0,"step":1}\n\xff\x00\n{"event":"paused","time":1.0,"step":2}\n'
    )
    assert len(list(run.read_events())) == 2


def test_a_command_after_a_torn_one_stands_on_its_own_line(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.commands.write_text('{"command": "pau')
    run.send(commands.Stop())
    assert Tail(run.commands).new_lines()[-1] == '{"command":"stop"}'


def test_a_file_that_cannot_be_replaced_stays_as_it_was(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_text("old")

    def fail(_file: object) -> None:
        raise OSError(28, "No space left on device")

    with pytest.raises(StorageError, match="No space left on device"):
        run_dir.replace_file(path, fail)
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_an_event_that_does_not_fit_leaves_no_half_line(tmp_path: Path) -> None:
    path = tmp_path / "events.jsonl"
    file = EventFile(path)
    file.append("a" * 99 + "\n")
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (150, before[1]))
    try:
        with pytest.raises(StorageError, match=r"events\.jsonl"):
            file.append("b" * 99 + "\n")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert path.read_text() == "a" * 99 + "\n"


def test_one_worker_holds_a_run_and_its_death_frees_it(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    code = (
        "import sys,pathlib;from tui_trainer.run_dir import RunDir\n"
        "with RunDir(pathlib.Path(sys.argv[1])).take_lock(): print('held', flush=True); sys.stdin.read()"
    )
    with subprocess.Popen(
        [sys.executable, "-c", code, str(tmp_path)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        assert run.is_alive()
        with pytest.raises(RunBusyError, match=f"process {holder.pid}"), run.take_lock():
            pass
        holder.kill()
        holder.wait()
    wait_until(lambda: not run.is_alive())
    with run.take_lock():
        assert run.is_alive()
    assert not run.is_alive()


def test_a_moments_hold_leaves_the_workers_name_in_the_lock(tmp_path: Path) -> None:
    run = RunDir(tmp_path)
    run.lock.write_text("process 4711 on gpu-box\n")
    with run.take_lock(None):
        assert run.is_alive()
    assert run.holder_pid() == 4711
    run.take_lock().close()
    assert run.holder_pid() == os.getpid()


def test_a_run_is_found_by_name_or_path_and_otherwise_named_nearly(tmp_path: Path) -> None:
    run = runs_folder.create(tmp_path, None, "digits")
    run.config.touch()
    assert runs_folder.find(tmp_path, "digits-1").path == run.path
    assert runs_folder.find(Path("elsewhere"), str(run.path)).path == run.path
    for name in ("digits-2", "\x00", "a" * 5000):
        with pytest.raises(InputError, match="no run"):
            runs_folder.find(tmp_path, name)


def test_a_runs_folder_without_rights_is_refused_before_any_work(tmp_path: Path) -> None:
    if os.geteuid() == 0:
        pytest.skip("root may write everywhere")
    tmp_path.chmod(0o500)
    with pytest.raises(InputError, match="cannot be written"):
        runs_folder.check_new(tmp_path / "runs", None)
    tmp_path.chmod(0o700)
