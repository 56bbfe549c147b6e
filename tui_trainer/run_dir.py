"""The run's folder: create it, append to it, follow it, lock it, replace a file in it whole.

config.toml  events.jsonl  commands.jsonl  checkpoints/  worker.lock  worker.log  environment.json
"""

from __future__ import annotations

import fcntl
import os
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO

from tui_trainer import commands, events
from tui_trainer.errors import InputError, RunBusyError, StorageError, nearest

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


class RunDir:
    """Paths and primitives of one run. Only the worker that holds the lock writes anything but commands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.name = path.name
        self.config = path / "config.toml"
        self.events = path / "events.jsonl"
        self.commands = path / "commands.jsonl"
        self.checkpoints = path / "checkpoints"
        self.lock = path / "worker.lock"
        self.log = path / "worker.log"
        self.environment = path / "environment.json"

    def read_events(self) -> Iterator[events.Event]:
        """All events so far, oldest first; torn, damaged or unknown lines are passed over."""
        with suppress(OSError), self.events.open("rb") as file:
            for line in file:
                if line.endswith(b"\n") and (event := events.parse(line)):
                    yield event

    def send(self, command: commands.Command) -> None:
        """Append a command for the worker. One write, so that several senders never mix their lines."""
        with guarded(self.commands), self.commands.open("ab") as file:
            start = b"" if _ends_with_newline(self.commands) else b"\n"
            os.write(file.fileno(), start + commands.to_line(command).encode())

    def is_alive(self) -> bool:
        """Whether a worker holds the lock; the kernel releases it on any death."""
        try:
            with self.lock.open("rb") as file:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
        except BlockingIOError:
            return True
        except OSError:
            return False
        return False

    @contextmanager
    def locked(self) -> Iterator[None]:
        """Hold the run as its only worker. Raises RunBusyError naming the process that has it."""
        with guarded(self.lock):
            file = self.lock.open("a+")
        with file:
            try:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                file.seek(0)
                holder = file.read(200).strip() or "another process"
                raise RunBusyError(f"run {self.name!r} is being trained by {holder}; stop it there first") from None
            file.truncate(0)
            with suppress(OSError):  # the name is for people; the lock itself needs no byte
                file.write(f"process {os.getpid()} on {os.uname().nodename}\n")
                file.flush()
            yield


class Tail:
    """Whole lines appended to a file since the last look; a torn last line waits for its newline."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self._path = path
        self._rest = b""
        self._offset = path.stat().st_size if from_end and path.exists() else 0

    def new_lines(self) -> list[str]:
        """What was appended, without blank lines; bytes that are not UTF-8 are replaced."""
        try:
            if self._path.stat().st_size == self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read()
        except OSError:
            return []
        self._offset += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        return [text for line in lines if (text := line.decode("utf-8", "replace").strip())]


class EventFile:
    """The worker's end of events.jsonl."""

    def __init__(self, path: Path) -> None:
        self._path = path
        with guarded(path):
            self._file = path.open("ab", buffering=0)
            self._cut_torn_line()

    @property
    def size(self) -> int:
        """Bytes in the file."""
        return os.fstat(self._file.fileno()).st_size

    def append(self, line: str) -> None:
        """Append one line in one write. Raises StorageError, leaving no half line behind."""
        whole, data = self.size, line.encode()
        with guarded(self._path):
            try:
                while data:  # a full disk first takes a part, then says why it takes no more
                    data = data[self._file.write(data) :]
            except OSError:
                with suppress(OSError):
                    self._file.truncate(whole)
                raise

    def close(self) -> None:
        """Flush to the disk and close."""
        with suppress(OSError):
            os.fsync(self._file.fileno())
        self._file.close()

    def _cut_torn_line(self) -> None:
        """A worker killed in the middle of a line left a piece that no reader has counted."""
        data = self._path.read_bytes()
        if data and not data.endswith(b"\n"):
            os.truncate(self._path, data.rfind(b"\n") + 1)


@contextmanager
def guarded(path: Path) -> Iterator[None]:
    """Any failure to write becomes a StorageError that names the file and the reason."""
    try:
        yield
    except OSError as error:
        raise StorageError(f"{path}: cannot be written: {error.strerror or error}") from error


def replace_file(path: Path, write: Callable[[IO[bytes]], object]) -> None:
    """Write a file whole or not at all: temporary file in the same folder, flushed, renamed, folder flushed."""
    with guarded(path):
        temporary = path.with_name(f".{path.name}.{os.getpid()}")
        try:
            with temporary.open("wb") as file:
                write(file)
                file.flush()
                os.fsync(file.fileno())
            temporary.replace(path)
        except BaseException:
            temporary.unlink(missing_ok=True)
            raise
        flush_folder(path.parent)


def flush_folder(path: Path) -> None:
    """Make renames inside a folder survive a power loss."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def check_new(runs_dir: Path, name: str | None) -> None:
    """Raises InputError where a new run could not be made. Cheap, and leaves nothing behind."""
    there = runs_dir
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise InputError(f"--runs-dir {runs_dir}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"--runs-dir {runs_dir}: {there} cannot be written; name another folder or change its rights")
    if name is not None:
        if not NAME.fullmatch(name):
            said = ascii(name)[1:-1][:60]
            raise InputError(f"--name {said}: expected up to 100 letters, digits, dots, dashes or underscores")
        if (runs_dir / name).exists():
            raise _taken(runs_dir / name)


def create(runs_dir: Path, name: str | None, stem: str) -> RunDir:
    """Make the folder of a new run, readable by its owner alone (0700).

    A given name must be free; without one the first free `stem-N` is taken. Raises InputError.
    """
    check_new(runs_dir, name)
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = runs_dir / (name or f"{stem}-{number}")
            try:
                path.mkdir(mode=0o700)
                return RunDir(path)
            except FileExistsError:
                if name:
                    raise _taken(path) from None
                number += 1
    except OSError as error:
        raise InputError(f"--runs-dir {runs_dir}: cannot be written: {error.strerror or error}") from None


def _taken(path: Path) -> InputError:
    return InputError(f"--name {path.name}: {path} exists; choose another name, or `resume {path.name}`")


def find(runs_dir: Path, name: str) -> RunDir:
    """A run by its name, or by the path of its folder. Raises InputError listing near names."""
    for path in (runs_dir / name, Path(name)):
        with suppress(OSError, ValueError):
            if (path / "config.toml").is_file():
                return RunDir(path.resolve())
    names = [run.name for run in all_runs(runs_dir)]
    hint = nearest(name, names) or (f" (runs: {', '.join(names[:8])})" if names else " (no runs there yet)")
    raise InputError(f"no run {ascii(name)[1:-1][:60]!r} in {runs_dir}{hint}")


def all_runs(runs_dir: Path) -> list[RunDir]:
    """Every run in the folder, oldest first."""
    try:
        paths = [path for path in runs_dir.iterdir() if (path / "config.toml").is_file()]
    except OSError:
        return []
    return [
        RunDir(path) for path in sorted(paths, key=lambda path: ((path / "config.toml").stat().st_mtime, path.name))
    ]


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
