"""The event files of a run in TensorBoard's format: one that grows, and one anew where the run goes back.

A record is 8 bytes of length, their checksum, a protocol buffer, its checksum. The newest file tells the whole story.
Where a run goes back, what still holds is copied into a new file, which begins as a restart from step 0 does. Both of
TensorBoard's readers then drop what they have shown and read it again: the fast one because steps go back, the other
one because of the restart. (With the records left in place and a restart from a later step, the fast one keeps
orphans until the same tag has a new value. It does so still with tags that have none any more, until it is started
anew.) The other one stays with a file that it is reading until that has no more to read: the old file is cut short
and not removed.
"""

from __future__ import annotations

import os
import platform
import struct
import time
from collections.abc import Iterator, Sequence
from contextlib import suppress
from pathlib import Path

from google.protobuf.message import DecodeError
from tensorboard.compat.proto.event_pb2 import Event, SessionLog
from tensorboard.compat.proto.summary_pb2 import Summary
from tensorboard.summary.writer.record_writer import RecordWriter

from tui_trainer.run_dir import write_whole

HEAD, TAIL = 12, 4  # bytes before and after the protocol buffer
OF_HYPERPARAMETERS = "_hparams_/"  # tags that a run writes anew whenever it goes on


class Records:
    """Appends to a run's newest event file. Steps of a tag only rise: what comes again or late is left out.

    Every method raises OSError where the disk refuses; the file then ends with its last whole record.
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        folder.mkdir(exist_ok=True)
        self._file: _Whole | None = None
        self._newest_step: dict[str, int] = {}
        self.is_new = not _event_files(folder)

    def go_on_from(self, step: int) -> None:
        """Begin a new file with everything up to this step, in place of the one before."""
        self.close()
        before = _event_files(self._folder)
        self._newest_step = {}
        path = self._folder / _next_name(before)
        hidden = self._folder / f".{path.name.replace('tfevents', 'copy')}"  # no event file until it is complete
        self._file = _Whole(hidden)
        self._append(Event(wall_time=time.time(), file_version="brain.Event:2"))
        self._append(Event(wall_time=time.time(), step=0, session_log=SessionLog(status=SessionLog.START)))
        for record, event in _read(before[-1]) if before else ():
            if event.step <= step and _still_holds(event):
                self._file.write(record)
                self._newest_step.update((value.tag, event.step) for value in event.summary.value)
        hidden.replace(path)
        for old in before[:-1]:
            old.unlink(missing_ok=True)
        if before:
            _cut_short(before[-1])

    def write(self, step: int, seconds: float, values: Sequence[Summary.Value]) -> None:
        """One record, of the moment `seconds` (Unix), flushed at once: whoever looks sees it with the next look."""
        new = [value for value in values if self._newest_step.get(value.tag, -1) < step]
        if new:
            self._append(Event(wall_time=seconds, step=step, summary=Summary(value=new)))
            self._newest_step.update((value.tag, step) for value in new)

    def close(self) -> None:
        """End the file; what comes afterwards needs `go_on_from`."""
        if self._file:
            self._file.close()
        self._file = None

    def _append(self, event: Event) -> None:
        assert self._file is not None  # noqa: S101  # go_on_from opened it
        RecordWriter(self._file).write(event.SerializeToString())


class _Whole:
    """A file that is only ever appended to by whole pieces."""

    def __init__(self, path: Path) -> None:
        self._file = path.open("wb", buffering=0)

    def write(self, data: bytes) -> None:
        """Raises OSError, leaving nothing of the piece behind."""
        write_whole(self._file, data, self._file.tell())

    def close(self) -> None:
        self._file.close()


def _event_files(folder: Path) -> list[Path]:
    """Oldest first, as TensorBoard orders them: by name."""
    return sorted(folder.glob("events.out.tfevents.*"))


def _next_name(before: Sequence[Path]) -> str:
    """Later in TensorBoard's order than those before, also where a clock went back or stood still."""
    number = int(time.time())
    for path in before:
        with suppress(ValueError, IndexError):
            number = max(number, int(path.name.split(".")[3]) + 1)
    return f"events.out.tfevents.{number:010d}.{platform.node()}"


def _read(path: Path) -> Iterator[tuple[bytes, Event]]:
    """Each whole record and what it says, up to a torn or damaged one."""
    left = path.stat().st_size
    with path.open("rb") as file:
        while len(head := file.read(HEAD)) == HEAD:
            length = struct.unpack("<Q", head[:8])[0] + TAIL
            left -= HEAD + length
            if left < 0:
                return
            rest = file.read(length)
            try:
                yield head + rest, Event.FromString(rest[:-TAIL])
            except DecodeError:
                return


def _still_holds(event: Event) -> bool:
    return event.HasField("summary") and not event.summary.value[0].tag.startswith(OF_HYPERPARAMETERS)


def _cut_short(path: Path) -> None:
    """Leave its first record alone, which says the format's version."""
    first = next(_read(path), None)
    os.truncate(path, len(first[0]) if first else 0)
