"""Arrays of somebody's own: rows of numbers as they are, or pictures of bytes."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.data_sets import Task
from tui_trainer.engine.data.array_files import Stored
from tui_trainer.engine.data.array_layout import Pair, inputs_in, pairs_in
from tui_trainer.engine.data.array_offsets import EXACT, offsets
from tui_trainer.engine.data.array_targets import Targets, understood
from tui_trainer.engine.data.encoding import Encoding, NewRows, Saved
from tui_trainer.engine.data.opened import Encoded, Opened, Part, Parts
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.data.scaling import input_scaling
from tui_trainer.errors import InputError

PIECE = 8192  # rows converted at once


@dataclass(frozen=True, eq=False)
class ArrayEncoding(Encoding):
    """Rows of so many numbers, as they stand in the file but for an offset; the net does the scaling.

    `holds` is `bytes`, `integers` or `floats`; `offset`, float64 (features,), is taken off before float32.
    """

    features: int
    holds: str = ""  # unknown in checkpoints from before it was kept
    offset: np.ndarray | None = None
    kind: ClassVar[str] = "array"
    _notes: list[str] = field(default_factory=list, repr=False)

    def saved(self) -> Saved:
        """Two facts, and the offset where there is one."""
        tensors = {} if self.offset is None else {"offset": torch.from_numpy(self.offset)}
        return Saved({"features": self.features, "holds": self.holds}, tensors)

    @classmethod
    def restored(cls, saved: Saved) -> Self:
        """From the same facts."""
        offset = saved.tensors.get("offset")
        return cls(**saved.facts, offset=None if offset is None else offset.numpy())

    def notes(self) -> tuple[str, ...]:
        """That new rows are of another type than the run's, where both can be meant."""
        return tuple(self._notes)

    def batches(self, path: Path | None, size: int) -> Iterator[NewRows]:
        """The inputs of a file of arrays, called by the rows' numbers."""
        if path is None:
            raise InputError("- is rows of CSV, and this run learned from arrays; name a file, such as a .npy")
        if path.suffix.lower() not in SUFFIXES:
            raise InputError(f"{path}: this run learned from arrays; expected a file as in {', '.join(SUFFIXES)}")
        inputs = inputs_in(path)
        if width(inputs) != self.features:
            raise InputError(f"{inputs}: {width(inputs):,} numbers a row; this run learned from {self.features:,}")
        start = 0
        for piece in inputs.pieces(size):
            place: Callable[[int], str] = lambda row, start=start: f"{inputs}, row {start + row + 1:,}"  # type: ignore[misc]  # noqa: E731
            self._check_type(piece, inputs, place)
            rows = numbers(piece, place, self.offset)
            yield NewRows(rows, [str(start + row + 1) for row in range(len(rows))])
            start += len(rows)

    def _check_type(self, piece: np.ndarray, inputs: Stored, place: Callable[[int], str]) -> None:
        """Raises InputError for what cannot be bytes, where the run learned from these: 0..1 is nearly black there."""
        holds = held(piece)
        if self.holds == "bytes" and holds != "bytes":
            if holds == "floats":
                raise InputError(
                    f"{inputs}: holds {piece.dtype}, and this run learned from bytes (0 to 255); save the same bytes "
                    "(uint8) again"
                )
            if ((piece < 0) | (piece > 255)).any():
                row = int(((piece < 0) | (piece > 255)).reshape(len(piece), -1).any(axis=1).argmax())
                raise InputError(f"{place(row)}: beyond 0 to 255, and this run learned from bytes; correct it")
        elif self.holds == "floats" and holds == "bytes" and not self._notes:
            self._notes.append(
                f"{inputs} holds bytes, and this run learned from floats: both have to mean the same by a number"
            )


SUFFIXES = (".npy", ".npz", ".pt", ".pth", ".safetensors")


def open_arrays(path: Path, test: Path | None, config: RunConfig) -> Opened:
    """Inputs (n, ...) and their targets; `test` is a second file of the same layout. Raises InputError."""
    if config.data.normalize == "quantile":
        raise InputError(f"--normalize quantile is for tables; for {path} use standard, unit or none")
    if len(config.data.target) > 1:
        names = ", ".join(config.data.target)
        raise InputError(f"--target {names}: arrays have one array of targets; put several targets into its columns")
    target = config.data.target[0] if config.data.target else ""
    pairs, arrays = pairs_in(path, target)
    if test is not None:
        if len(pairs) > 1:
            raise InputError(f"--test-data {test}: {path} tells training and test rows apart already; leave one out")
        others, _ = pairs_in(test, "" if (path.parent / target).is_file() else target)
        if len(others) > 1:
            raise InputError(f"--test-data {test}: has parts of its own; expected one x and one y")
        pairs = [Pair("train", pairs[0].inputs, pairs[0].targets), Pair("test", others[0].inputs, others[0].targets)]
    for pair in pairs:
        if width(pair.inputs) == 0:
            raise InputError(f"{pair.inputs}: no numbers in a row (its shape is {pair.inputs.shape}); expected inputs")
        if width(pair.inputs) != width(pairs[0].inputs):
            raise InputError(
                f"{pair.inputs}: {width(pair.inputs):,} numbers a row where {pairs[0].inputs} has "
                f"{width(pairs[0].inputs):,}; expected the same inputs"
            )
    return ArraySource(path, pairs, arrays, config)


def width(array: Stored) -> int:
    """Numbers of one row."""
    return int(np.prod(array.shape[1:], dtype=np.int64))


def _pictures(shape: tuple[int, ...]) -> PictureShape | None:
    """Of bytes (height, width), (height, width, 1), or (1 or 3, height, width); None for what lies otherwise."""
    match shape:
        case (height, width) | (1, height, width) | (height, width, 1):
            return PictureShape(1, height, width, 255)
        case (3, height, width):
            return PictureShape(3, height, width, 255)
    return None


def held(array: np.ndarray) -> str:
    """`bytes`, `integers` or `floats`."""
    if array.dtype in (np.bool_, np.uint8):
        return "bytes"
    return "floats" if array.dtype.kind == "f" else "integers"


def numbers(piece: np.ndarray, place: Callable[[int], str], offset: np.ndarray | None = None) -> Tensor:
    """(n, ...) of any numbers -> (n, features), bytes as uint8 and all others as float32. Raises InputError.

    `offset`, float64 (features,), is taken off before; then all are float32.
    """
    flat = piece.reshape(len(piece), -1)
    if flat.dtype.kind not in "biuf":
        raise InputError(f"{place(0)}: inputs of type {flat.dtype}; expected numbers")
    if flat.dtype in (np.bool_, np.uint8) and offset is None:
        return torch.from_numpy(flat.astype(np.uint8))
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
        floats = (flat if offset is None else flat.astype(np.float64) - offset).astype(np.float32)
    if not (is_good := np.isfinite(floats).all(axis=1)).all():
        row = int(np.argmin(is_good))
        column = int(np.argmin(np.isfinite(floats[row])))
        raise InputError(
            f"{place(row)}: number {column + 1:,} of the row is {flat[row, column]}, which is infinite, no number, or "
            "too large for float32; fill it in, or leave such rows out"
        )
    return torch.from_numpy(floats)


@dataclass(frozen=True)
class ArraySource:
    """An `Opened` of arrays: the rows of all parts, one after the other."""

    path: Path
    pairs: list[Pair]
    arrays: dict[str, Stored]
    config: RunConfig
    target_names: ClassVar[tuple[str, ...]] = ()

    @cached_property
    def _targets(self) -> Targets:
        raw = np.concatenate([pair.targets.whole() for pair in self.pairs])
        return understood(raw, self.config.data.task, str(self.pairs[0].targets), self._place_of_target)

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self._targets.task

    @property
    def targets(self) -> Tensor:
        """Of all rows, as in `Samples`."""
        return self._targets.values

    @property
    def class_names(self) -> tuple[str, ...]:
        """The classes' values, or the labels' numbers counted from 0."""
        return self._targets.class_names

    @property
    def notes(self) -> tuple[str, ...]:
        """How the targets were understood, where that is not plain."""
        return self._targets.notes

    @property
    def given(self) -> Parts:
        """The parts that the file tells apart."""
        ends = np.cumsum([len(pair.inputs) for pair in self.pairs])
        return {
            pair.part: np.arange(end - len(pair.inputs), end)
            for pair, end in zip(self.pairs, ends, strict=True)
            if pair.part is not None
        }

    def column(self, name: str) -> np.ndarray:
        """Another array of the file, with a value for each row."""
        array = self.arrays.get(name)
        if array is None or array.shape != (len(self.targets),):
            raise InputError(f"{self.path}: no array {name!r} with one value for each of {len(self.targets):,} rows")
        return array.whole()

    def file_names(self) -> list[str]:
        """Rows are not files: raises InputError."""
        raise InputError(f"{self.path}: its rows are not files, so that no pattern can match their names")

    def place(self, row: int) -> str:
        """`data.npz, array 'x', row 17`."""
        return self._place(row, lambda pair: pair.inputs)

    def _place_of_target(self, row: int) -> str:
        return self._place(row, lambda pair: pair.targets)

    def _place(self, row: int, of: Callable[[Pair], Stored]) -> str:
        for pair in self.pairs:
            if row < len(pair.inputs):
                return f"{of(pair)}, row {row + 1:,}"
            row -= len(pair.inputs)
        raise IndexError(row)

    def encode(self, parts: Parts) -> Encoded:
        """Convert all rows; measure the scaling on the training rows. Raises InputError naming a row."""
        offset = self._offset(parts["train"]) if self.config.data.normalize != "none" else None
        rows = self._rows(offset)
        inputs: dict[Part, Tensor] = {}
        for part, numbers_of_rows in parts.items():
            inputs[part] = rows.index_select(0, torch.from_numpy(numbers_of_rows))
        shape = self.pairs[0].inputs.shape[1:]
        are_pictures = rows.dtype == torch.uint8 and len(shape) >= 2
        channels = shape[0] if len(shape) == 3 and shape[0] in (1, 3) else 1
        shift, spread = input_scaling(
            self.config.data.normalize,
            inputs["train"],
            255 if are_pictures else None,
            channels if are_pictures else 0,
        )
        encoding = ArrayEncoding(rows.shape[1], self._held, offset)
        pictures = _pictures(shape) if are_pictures else None
        return Encoded(inputs, shift, spread, encoding, pictures=pictures)

    @property
    def _held(self) -> str:
        kinds = {held(pair.inputs.read(0, 1)) for pair in self.pairs}
        return kinds.pop() if len(kinds) == 1 else "floats" if "floats" in kinds else "integers"

    def _offset(self, train: np.ndarray) -> np.ndarray | None:
        if all(pair.inputs.read(0, 1).dtype.name in EXACT for pair in self.pairs):
            return None
        is_train = np.zeros(len(self.targets), dtype=np.bool_)
        is_train[train] = True

        def pieces() -> Iterator[np.ndarray]:
            end = 0
            for pair in self.pairs:
                for piece in pair.inputs.pieces(PIECE):
                    start, end = end, end + len(piece)
                    yield piece[is_train[start:end]]

        return offsets(pieces(), width(self.pairs[0].inputs))

    def _rows(self, offset: np.ndarray | None) -> Tensor:
        """All rows (n, features); bytes only where every array is of bytes."""
        are_bytes = self._held == "bytes"
        total = sum(len(pair.inputs) for pair in self.pairs)
        rows = torch.empty((total, width(self.pairs[0].inputs)), dtype=torch.uint8 if are_bytes else torch.float32)
        end = 0
        for pair in self.pairs:
            for piece in pair.inputs.pieces(PIECE):
                start, end = end, end + len(piece)
                place: Callable[[int], str] = lambda row, start=start: self.place(start + row)  # type: ignore[misc]  # noqa: E731
                rows[start:end] = numbers(piece, place, offset)
        return rows
