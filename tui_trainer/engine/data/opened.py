"""A source of somebody's own that was read: its targets are known, its rows are not yet split nor encoded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal, Protocol, runtime_checkable

import numpy as np
from torch import Tensor

from tui_trainer.data_sets import Task
from tui_trainer.engine.data.encoding import Encoding
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.report import ColumnFacts

Part = Literal["train", "validation", "test"]
Parts = Mapping[Part, np.ndarray]  # row numbers, int64


@dataclass(frozen=True)
class Encoded:
    """The rows as inputs, and what they were made by. Fields as in `DataSet`.

    `shift` and `spread` ((features,), or (1,) for all) are the scaling that the net does itself: (input - shift) /
    spread. Inputs that are scaled already have 0 and 1.
    """

    inputs: dict[Part, Tensor]
    shift: Tensor
    spread: Tensor
    encoding: Encoding
    embedded: tuple[tuple[int, int], ...] = ()
    columns: tuple[tuple[str, int, int], ...] = ()
    pictures: PictureShape | None = None
    notes: tuple[str, ...] = ()


class Opened(Protocol):
    """One row a sample. Raises InputError wherever a row or a column cannot serve."""

    @property
    def task(self) -> Task:
        """What is predicted."""

    @property
    def targets(self) -> Tensor:
        """Of all rows, as in `Samples`."""

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of classes or labels, in the order of their numbers."""

    @property
    def target_names(self) -> tuple[str, ...]:
        """Columns of values."""

    @property
    def given(self) -> Parts:
        """The rows of parts that the source itself tells apart (a test file, folders train/ and test/); often none."""

    @property
    def notes(self) -> tuple[str, ...]:
        """What was found and done while reading, in sentences: rows that were dropped, and why."""

    def column(self, name: str) -> np.ndarray:
        """A column's values (n,), to split by it. Raises InputError where there is none of that name."""

    def file_names(self) -> list[str]:
        """Each row's file, relative to the source's folder. Raises InputError where rows are not files."""

    def place(self, row: int) -> str:
        """`people.csv, row 17`, for a sentence about a row (counted from 1 there, without the header)."""

    def encode(self, parts: Parts) -> Encoded:
        """Fit on the training rows, and encode all. The source may forget its rows as it does so: called once."""


@runtime_checkable
class LeavesRowsOut(Protocol):
    """An `Opened` that may have left rows of its (first) file out: files of row numbers still mean the file's rows."""

    @property
    def file_rows(self) -> np.ndarray:
        """Each row's number in its own file (n,), counted from 0 without the header."""

    @property
    def rows_in_file(self) -> int:
        """Rows of the first file, those left out among them."""


@runtime_checkable
class DescribesColumns(Protocol):
    """An `Opened` of a table, which can tell of its columns until it encodes them."""

    def describe(self) -> list[ColumnFacts]:
        """What is known of each column. Looks at every value: for a check, not for every start."""
