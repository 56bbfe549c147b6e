"""Sources with a file for each sample: pictures and recordings.

Files are only found when such a source is opened, and decoded when it is encoded: what a decoder needs to know of the
training files (the commonest sampling rate) is known only then.
"""

from __future__ import annotations

import os
from abc import ABC, abstractmethod
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from io import BytesIO
from pathlib import Path
from typing import ClassVar

import numpy as np
import torch
from torch import Tensor

from tui_trainer import devices
from tui_trainer.config import RunConfig
from tui_trainer.data_sets import Task
from tui_trainer.engine.data.class_folders import ClassFiles, Kind, files_below
from tui_trainer.engine.data.encoding import Encoding, NewRows
from tui_trainer.engine.data.long_work import counted
from tui_trainer.engine.data.opened import Encoded, Part, Parts
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.errors import InputError

Item = Path | bytes  # a file, or what stands in one
AT_ONCE = 256  # files handed to the threads in one go


class UnreadableError(Exception):
    """Why a file cannot serve, without its name."""


@dataclass(frozen=True)
class Decoded:
    """One sample (features,), and what had to be done to it, in words that can be counted over all samples."""

    values: np.ndarray
    remarks: tuple[str, ...] = ()


class FileEncoding(Encoding, ABC):
    """From one file to one row of inputs."""

    files: ClassVar[Kind]
    column: ClassVar[str]  # of a saved Hugging Face data set: the type of the column that holds the files
    dtype: ClassVar[torch.dtype]

    @property
    @abstractmethod
    def features(self) -> int:
        """Numbers of one sample."""

    @property
    def shape(self) -> PictureShape | None:
        """How a sample lies in its row, where it is a picture."""
        return None

    @abstractmethod
    def decode(self, item: Item) -> Decoded:
        """Raises UnreadableError, or whatever the library below it meets in a damaged file."""

    def batches(self, path: Path | None, size: int) -> Iterator[NewRows]:
        """The files of a folder at any depth, or a single file. Raises InputError naming a damaged one."""
        if path is None:
            raise InputError(f"- is rows of CSV, and this run learned from {self.files.many}; name a file or a folder")
        from tui_trainer.engine.data import hugging_face  # which itself makes sources of files

        paths: Sequence[Item]
        if hugging_face.is_saved(path):
            paths = hugging_face.new_items(path, self.column)
            names = [str(row + 1) for row in range(len(paths))]
        elif path.is_dir():
            files = files_below(path, self.files, [])
            paths, names = files, [_utf8(file.relative_to(path).as_posix()) for file in files]
        else:
            paths, names = [path], [_utf8(path.name)]
        if not paths:
            raise InputError(f"{path}: no {self.files.one} in it ({', '.join(self.files.suffixes)})")
        for start in range(0, len(paths), size):
            some = [paths[row] for row in range(start, min(len(paths), start + size))]
            inputs = room(len(some), self)
            fill(inputs, some, self, lambda row, some=some, start=start: _place(path, some[row], names[start + row]))  # type: ignore[misc]
            yield NewRows(inputs, names[start : start + size])


def _place(path: Path, item: Item, name: str) -> str:
    return str(item) if isinstance(item, Path) else f"{path}, row {name}"


def decoded(items: Sequence[Item], encoding: FileEncoding) -> Iterator[Decoded | str]:
    """Each file in its order, decoded on every core; for one that cannot be read, why."""

    def attempt(item: Item) -> Decoded | str:
        try:
            return encoding.decode(item)
        except MemoryError:
            raise
        except Exception as error:  # decoders raise whatever they meet: SyntaxError, struct.error, IndexError, ...
            return " ".join(str(error).split())[:200] or type(error).__name__

    with ThreadPoolExecutor(devices.usable_cores()) as pool:
        for start in range(0, len(items), AT_ONCE):
            yield from pool.map(attempt, [items[row] for row in range(start, min(start + AT_ONCE, len(items)))])


def fill(inputs: Tensor, items: Sequence[Item], encoding: FileEncoding, name: Callable[[int], str]) -> Counter[str]:
    """Decode one item into each row. Returns the remarks. Raises InputError that names and counts the damaged."""
    rows, remarks = inputs.numpy(), Counter[str]()
    damaged: list[str] = []
    for row, got in enumerate(counted(decoded(items, encoding), len(items), encoding.files.many)):
        if isinstance(got, Decoded):
            rows[row] = got.values
            remarks.update(got.remarks)
        else:
            damaged.append(f"{name(row)}: cannot be read as a {encoding.files.one}: {got}")
    if damaged:
        more = f", and so are {len(damaged) - 1:,} other files" if len(damaged) > 1 else ""
        raise InputError(f"{min(damaged)}{more}; copy them anew, or remove them")
    return remarks


def room(rows: int, encoding: FileEncoding) -> Tensor:
    """(rows, features) of memory. Raises InputError where there is not as much."""
    try:
        return torch.empty((rows, encoding.features), dtype=encoding.dtype)
    except RuntimeError:
        size = rows * encoding.features * encoding.dtype.itemsize / 2**30
        many = encoding.files.many
        raise InputError(
            f"{rows:,} {many} of {encoding.features:,} numbers take {size:,.1f} GiB of memory, more than there is; "
            f"make each smaller (--image-size, --speech-seconds), or use fewer {many}"
        ) from None


def _utf8(name: str) -> str:
    """What another system's letters cannot say in UTF-8 becomes a mark: names are written to tables."""
    return os.fsencode(name).decode("utf-8", "replace")


def opener(item: Item) -> Path | BytesIO:
    """What PIL and scipy read from."""
    return BytesIO(item) if isinstance(item, bytes) else item


@dataclass(frozen=True)
class MediaSource:
    """An `Opened` of files. `fit` makes the encoding from the training items, `scale` measures their inputs."""

    path: Path
    items: Sequence[Item]
    names: Sequence[str]
    targets: Tensor
    class_names: tuple[str, ...]
    given: Parts
    fit: Callable[[Sequence[Item]], FileEncoding]
    scale: Callable[[Tensor], tuple[Tensor, Tensor]]
    notes: tuple[str, ...] = ()
    task: Task = "classes"
    target_names: tuple[str, ...] = ()
    columns: dict[str, np.ndarray] = field(default_factory=dict)
    are_files: bool = True

    def column(self, name: str) -> np.ndarray:
        """Files have no columns; rows of a saved data set do."""
        if name not in self.columns:
            known = f"; its columns are {', '.join(self.columns)}" if self.columns else ": files have no columns"
            raise InputError(f"{self.path}: no column {name!r}{known}; split by --test-pattern or folders instead")
        return self.columns[name]

    def file_names(self) -> list[str]:
        """Each sample's file, relative to the folder."""
        if not self.are_files:
            raise InputError(f"{self.path}: its rows are not files, so that no pattern can match their names")
        return list(self.names)

    def place(self, row: int) -> str:
        """The file's path, or the row's."""
        item = self.items[row]
        return str(item) if isinstance(item, Path) else f"{self.path}, {self.names[row]}"

    def encode(self, parts: Parts) -> Encoded:
        """Decode every file. Raises InputError that names the first damaged one and counts them all."""
        rows = np.concatenate(list(parts.values()))
        encoding = self.fit([self.items[row] for row in parts["train"]])
        inputs = room(len(rows), encoding)
        items = _Picked(self.items, rows)
        remarks = fill(inputs, items, encoding, lambda row: self.place(int(rows[row])))
        sizes = [len(part) for part in parts.values()]
        split: dict[Part, Tensor] = dict(zip(parts, torch.split(inputs, sizes), strict=True))
        shift, spread = self.scale(split["train"])
        notes = tuple(
            f"{count:,} of {len(rows):,} {encoding.files.many} {remark}" for remark, count in sorted(remarks.items())
        )
        return Encoded(split, shift, spread, encoding, pictures=encoding.shape, notes=notes)


class _Picked(Sequence[Item]):
    """Some items of a sequence that makes each only when it is asked for."""

    def __init__(self, items: Sequence[Item], rows: np.ndarray) -> None:
        self._items, self._rows = items, rows

    def __len__(self) -> int:
        return len(self._rows)

    def __getitem__(self, at: int) -> Item:  # type: ignore[override]
        return self._items[int(self._rows[at])]


def source_of(
    path: Path,
    files: ClassFiles,
    fit: Callable[[Sequence[Item]], FileEncoding],
    scale: Callable[[Tensor], tuple[Tensor, Tensor]],
) -> MediaSource:
    """The files that were found, opened."""
    targets = torch.from_numpy(files.classes)
    return MediaSource(path, files.paths, files.names, targets, files.class_names, files.given, fit, scale, files.notes)


def check_task(path: Path, config: RunConfig) -> None:
    """Files have one class each. Raises InputError where values or labels are asked for."""
    if config.data.task in ("values", "labels"):
        raise InputError(f"--task {config.data.task}: the files of {path} have one class each; leave --task out")
    if config.data.normalize == "quantile":
        raise InputError(f"--normalize quantile is for tables; for {path} use standard, unit or none")
