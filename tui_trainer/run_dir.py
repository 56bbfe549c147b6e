"""The run's folder: create it, append to it, follow it, lock it, replace a file in it whole.

config.toml  events.jsonl  commands.jsonl  checkpoints/  worker.lock  worker.log  environment.json
"""

from __future__ import annotations

import fcntl
import os
import shutil
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager, suppress
from io import FileIO
from pathlib import Path
from typing import IO

from tui_trainer import commands, events
from tui_trainer.errors import RunBusyError, StorageError

FREQUENT = (
    b'{"event":"progress"', b'{"event":"epoch_ended"', b'{"event":"checkpoint_saved"', b'{"event":"net_measured"',
)  # fmt: skip
READ_AT_ONCE = 1 << 20  # bytes of a followed file


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
        self.exit = path / "worker_exit.json"
        self.environment = path / "environment.json"

    def read_events(self) -> Iterator[events.Event]:
        """All events so far, oldest first; torn, damaged or unknown lines are passed over."""
        with suppress(OSError), self.events.open("rb") as file:
            yield from _parsed(file)

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

    def take_lock(self, holder: str | None = "") -> IO[str]:
        """Hold the run as its only worker while the file is open. Raises RunBusyError naming who has it.

        The lock belongs to the open file: a child that inherits it holds the run too. `holder` is written into it;
        by default it is this process. None leaves what is written there: for a moment's hold that is no training.
        """
        with guarded(self.lock):
            file = self.lock.open("a+")
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            file.seek(0)
            said = file.read(200).strip() or "another process"
            file.close()
            raise RunBusyError(f"run {self.name!r} is being trained by {said}; stop it there first") from None
        if holder is None:
            return file
        with suppress(OSError):  # the name is for people; the lock itself needs no byte
            file.truncate(0)
            file.write(holder or f"process {os.getpid()} on {os.uname().nodename}\n")
            file.flush()
        return file

    def holder_pid(self) -> int | None:
        """The process that holds or last held the run, if it wrote its name."""
        with suppress(OSError, ValueError, IndexError):
            return int(self.lock.read_text().split()[1])
        return None

    def has_begun(self) -> bool:
        """Whether a worker ever got as far as its first step."""
        return any(isinstance(event, events.RunStarted) for event in self.read_milestones())

    def remove(self) -> None:
        """Delete the run's folder."""
        shutil.rmtree(self.path, ignore_errors=True)

    def read_milestones(self) -> Iterator[events.Event]:
        """The events that decide a run's state, without those that a later one makes stale: fast on a long run."""
        late: dict[bytes, bytes] = {}
        with suppress(OSError), self.events.open("rb") as file:
            for line in file:
                kind = next((kind for kind in FREQUENT if line.startswith(kind)), None)
                if kind and b'"is_best":true' not in line:
                    late.pop(kind, None)
                    late[kind] = line
                    continue
                yield from _parsed(late.values())
                late.clear()
                yield from _parsed([line])
        yield from _parsed(late.values())


def _parsed(lines: Iterable[bytes]) -> Iterator[events.Event]:
    for line in lines:
        if line.endswith(b"\n") and (event := events.parse(line)):
            yield event


class Tail:
    """Whole lines appended to a file since the last look; a torn last line waits for its newline."""

    def __init__(self, path: Path, *, from_end: bool = False) -> None:
        self._path = path
        self._rest = b""
        self._offset = path.stat().st_size if from_end and path.exists() else 0

    def has_shrunk(self) -> bool:
        """Whether the file is shorter than what was read of it."""
        try:
            return self._path.stat().st_size < self._offset
        except OSError:
            return False

    def next_lines(self, most: int = READ_AT_ONCE) -> list[tuple[int, bytes]]:
        """Some of what was appended, as (place in the file, line); empty when there is no whole line more."""
        try:
            if self._path.stat().st_size <= self._offset:
                return []
            with self._path.open("rb") as file:
                file.seek(self._offset)
                chunk = file.read(most)
        except OSError:
            return []
        place = self._offset - len(self._rest)
        self._offset += len(chunk)
        *lines, self._rest = (self._rest + chunk).split(b"\n")
        placed = []
        for line in lines:
            placed.append((place, line))
            place += len(line) + 1
        return placed or self.next_lines(most)

    def new_lines(self) -> list[str]:
        """What was appended, without blank lines; bytes that are not UTF-8 are replaced."""
        texts = []
        while lines := self.next_lines():
            texts += [text for _, line in lines if (text := line.decode("utf-8", "replace").strip())]
        return texts


def write_whole(file: FileIO, data: bytes, end: int) -> None:
    """Write behind the `end` bytes that an unbuffered file has. Raises OSError, leaving nothing of the data behind."""
    try:
        while data:  # a full disk first takes a part, then says why it takes no more
            data = data[file.write(data) :]
    except OSError:
        with suppress(OSError):
            file.truncate(end)
            file.seek(end)
        raise


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
        with guarded(self._path):
            write_whole(self._file, line.encode(), self.size)

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


def _ends_with_newline(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, os.SEEK_END) == 0:
            return True
        file.seek(-1, os.SEEK_END)
        return file.read(1) == b"\n"
