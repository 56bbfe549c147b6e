"""Writes columns into one float32 tensor for each part, as the columns go.

One column after the other would touch a line of the memory's cache for every number: 1 s for a million rows by 50.
So narrow columns are first written side by side, for all rows, and each part then picks its rows of them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from tui_trainer.engine.data.opened import Part, Parts
from tui_trainer.engine.data.table.codes import Code, Note
from tui_trainer.engine.data.table.number_codes import NumberCode

if TYPE_CHECKING:
    import polars as pl

ABREAST = 16  # inputs: 64 bytes of float32, a line of the cache

Surprises = dict[str, int]  # {part: rows that hold what the training rows did not}


class Column:
    """All rows of a column that was fitted, held in what takes least: numbers as their inputs, words as they are."""

    def __init__(self, code: Code, values: pl.Series) -> None:
        self.code = code
        self.width = len(code.scaling[0])
        self.rows = len(values)
        self._values: pl.Series | None = values
        if isinstance(code, NumberCode):  # float64 is twice the memory of its input
            self._written = self._write(values)
            self._values = None

    def _write(self, values: pl.Series) -> tuple[np.ndarray, np.ndarray | None]:
        inputs = np.zeros((self.width, len(values)), np.float32)
        return inputs, self.code.write(values, inputs.T)

    def inputs(self) -> tuple[np.ndarray, np.ndarray | None]:
        """((width, rows), which rows are surprising): side by side, column after column. Forgets the values."""
        if self._values is not None:
            self._written = self._write(self._values)
        written = self._written
        del self._written, self._values
        return written

    def write_parts(self, parts: Parts, places: Mapping[Part, np.ndarray]) -> Surprises:
        """The inputs straight into (rows, width) of each part. Forgets the values."""
        assert self._values is not None  # noqa: S101  numbers are never as wide as this is for
        values, self._values = self._values, None
        return {str(part): _count(self.code.write(values.gather(rows), places[part])) for part, rows in parts.items()}


def fill(columns: list[Column], parts: Parts) -> tuple[dict[Part, torch.Tensor], list[Note]]:
    """Inputs of each part, (rows, inputs), and the columns' notes."""
    inputs = sum(column.width for column in columns)
    arrays = {part: np.zeros((len(rows), inputs), np.float32) for part, rows in parts.items()}
    notes: list[Note] = []
    first = 0
    for group in _abreast(columns):
        end = first + sum(column.width for column in group)
        places = {part: array[:, first:end] for part, array in arrays.items()}
        said = _write_narrow(group, parts, places) if end - first <= ABREAST else [group[0].write_parts(parts, places)]
        for column, surprises in zip(group, said, strict=True):
            notes += column.code.notes(surprises)
        first = end
    return {part: torch.from_numpy(array) for part, array in arrays.items()}, notes


def _abreast(columns: list[Column]) -> Iterator[list[Column]]:
    """Neighbours that fill a line together; a column that is wider stands alone."""
    group: list[Column] = []
    for column in columns:
        if group and sum(other.width for other in group) + column.width > ABREAST:
            yield group
            group = []
        group.append(column)
    if group:
        yield group


def _write_narrow(group: list[Column], parts: Parts, places: Mapping[Part, np.ndarray]) -> list[Surprises]:
    by_row = np.empty((group[0].rows, sum(column.width for column in group)), np.float32)
    said: list[Surprises] = []
    first = 0
    for column in group:
        inputs, surprising = column.inputs()
        by_row[:, first : first + column.width] = inputs.T
        first += column.width
        said.append({str(part): _count(surprising, rows) for part, rows in parts.items()})
        del inputs
    for part, rows in parts.items():
        torch.index_select(torch.from_numpy(by_row), 0, torch.from_numpy(rows), out=torch.from_numpy(places[part]))
    return said


def _count(surprising: np.ndarray | None, rows: np.ndarray | slice = slice(None)) -> int:
    return 0 if surprising is None else int(surprising[rows].sum())
