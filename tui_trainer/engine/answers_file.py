"""Where predictions go, batch by batch: a file that appears when it is complete, or standard output."""

from __future__ import annotations

import os
import queue
import re
import threading
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, Any, Protocol

from tui_trainer.errors import StorageError
from tui_trainer.predict_plan import Form
from tui_trainer.run_dir import flush_folder, guarded

if TYPE_CHECKING:
    import polars as pl


class Out(Protocol):
    """Takes frames of the same columns. `close` makes what was written stay, `drop` leaves nothing behind."""

    def write(self, frame: pl.DataFrame) -> None:
        """One more batch. Raises StorageError."""

    def close(self) -> None:
        """All is written. Raises StorageError."""

    def drop(self) -> None:
        """It will not be completed."""


class Lines:
    """CSV, TSV or JSON lines into an open stream, which gets each batch at once. Leaves errors of the stream as they
    are: what a closed pipe means, whoever opened it knows."""

    def __init__(self, stream: IO[bytes], form: Form) -> None:
        self._stream, self._form = stream, form
        self._has_head = False

    def write(self, frame: pl.DataFrame) -> None:
        """See Out."""
        if self._form == "jsonl":
            text = frame.write_ndjson()
        else:
            separator = "\t" if self._form == "tsv" else ","
            text = frame.write_csv(include_header=not self._has_head, separator=separator)
        self._has_head = True
        self._stream.write(text.encode())
        self._stream.flush()

    def close(self) -> None:
        """See Out."""

    def drop(self) -> None:
        """See Out: what a reader has, it has."""


class _File:
    """Written beside its place under another name, and renamed when it is complete: no half file is ever there."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._temporary = path.with_name(f".{path.name}.{os.getpid()}")

    def _keep(self) -> None:
        with guarded(self._path):
            with self._temporary.open("rb") as file:
                os.fsync(file.fileno())
            self._temporary.replace(self._path)
            flush_folder(self._path.parent)

    def _remove(self) -> None:
        with suppress(OSError):
            self._temporary.unlink(missing_ok=True)


class TextFile(_File):
    """CSV, TSV or JSON lines in a file."""

    def __init__(self, path: Path, form: Form) -> None:
        super().__init__(path)
        with guarded(path):
            self._stream = self._temporary.open("wb")
        self._lines = Lines(self._stream, form)

    def write(self, frame: pl.DataFrame) -> None:
        """See Out."""
        with guarded(self._path):
            self._lines.write(frame)

    def close(self) -> None:
        """See Out."""
        with guarded(self._path):
            self._stream.close()
        self._keep()

    def drop(self) -> None:
        """See Out."""
        with suppress(OSError):
            self._stream.close()
        self._remove()


class _Dropped(Exception):  # noqa: N818  # no error: it ends a writing thread
    pass


class TableFile(_File):
    """Parquet or Feather, whose writer is polars' own: it pulls frames in a thread of its own, two at most wait."""

    def __init__(self, path: Path, form: Form) -> None:
        super().__init__(path)
        self._form = form
        self._waiting: queue.Queue[pl.DataFrame | None] = queue.Queue(2)
        self._trouble: BaseException | None = None
        self._is_dropped = False
        self._thread: threading.Thread | None = None

    def write(self, frame: pl.DataFrame) -> None:
        """See Out."""
        if self._thread is None:
            self._thread = threading.Thread(target=self._sink, args=(dict(frame.schema),), daemon=True)
            self._thread.start()
        self._put(frame)

    def close(self) -> None:
        """See Out."""
        self._put(None)
        if self._thread:
            self._thread.join()
        self._check()
        self._keep()

    def drop(self) -> None:
        """See Out."""
        self._is_dropped = True
        if self._thread:
            with suppress(queue.Full):
                self._waiting.put_nowait(None)  # it may be waiting for one more
            self._thread.join()
        self._remove()

    def _put(self, frame: pl.DataFrame | None) -> None:
        while self._thread and self._thread.is_alive():
            with suppress(queue.Full):
                self._waiting.put(frame, timeout=0.1)  # so that a writer that died is noticed
                return
        self._check()

    def _check(self) -> None:
        if self._trouble is not None:
            text = str(self._trouble).splitlines()[0]
            of_system = re.search(r"([^:]+) \(os error \d+\)", text)  # polars hands the errno on in words alone
            reason = of_system[1].strip() if of_system else text
            raise StorageError(f"{self._path}: cannot be written: {reason}") from None

    def _frames(self) -> Iterator[pl.DataFrame]:
        while (frame := self._waiting.get()) is not None and not self._is_dropped:
            yield frame
        if self._is_dropped:
            raise _Dropped

    def _sink(self, schema: dict[str, Any]) -> None:
        from polars.io.plugins import register_io_source

        def source(columns: list[str] | None, *_hints: object) -> Iterator[pl.DataFrame]:
            return (frame if columns is None else frame.select(columns) for frame in self._frames())

        try:
            frames = register_io_source(source, schema=schema)
            with self._temporary.open("wb") as file:  # by its name polars may make it anew after a Ctrl-C
                if self._form == "parquet":
                    frames.sink_parquet(file, row_group_size=ROWS_OF_A_GROUP)
                else:
                    frames.sink_ipc(file)
        except BaseException as error:  # also what polars makes of a Ctrl-C
            self._trouble = error


ROWS_OF_A_GROUP = 131_072  # what a reader of the Parquet file has in memory at once


def opened(path: Path | None, form: Form, stdout: IO[bytes]) -> Out:
    """The writer of a form; None is standard output. Raises StorageError."""
    if path is None:
        return Lines(stdout, form)
    return TextFile(path, form) if form in ("csv", "tsv", "jsonl") else TableFile(path, form)
