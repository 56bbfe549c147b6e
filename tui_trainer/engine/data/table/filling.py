"""Writes a table's columns into one float32 tensor for each part, as the columns go.

One column after the other would touch a line of the memory's cache for every number: 1 s for a million rows by 50.
So narrow columns are first written side by side, for all rows, and each part then picks its rows of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING

import numpy as np
import torch

from tui_trainer.engine.data.opened import Part, Parts
from tui_trainer.engine.data.table.codes import Code, Note

if TYPE_CHECKING:
    import polars as pl

ABREAST = 16  # inputs: 64 bytes of float32, a line of the cache

Surprises = dict[str, int]  # {part: rows that hold what the training rows did not}


def fill(table: pl.DataFrame, codes: Iterable[Code], parts: Parts) -> tuple[dict[Part, torch.Tensor], list[Note]]:
    """Inputs of each part, (rows, inputs), and the columns' notes. Takes the columns out of the table."""
    codes = list(codes)
    inputs = sum(width(code) for code in codes)
    arrays = {part: np.zeros((len(rows), inputs), np.float32) for part, rows in parts.items()}
    notes: list[Note] = []
    first = 0
    for group in _abreast(codes):
        end = first + sum(width(code) for code in group)
        places = {part: array[:, first:end] for part, array in arrays.items()}
        columns = [table.drop_in_place(code.name) for code in group]
        if end - first > ABREAST:
            said = [_write_wide(group[0], columns[0], parts, places)]
        else:
            said = _write_narrow(group, columns, parts, places)
        for code, surprises in zip(group, said, strict=True):
            notes += code.notes(surprises)
        first = end
    return {part: torch.from_numpy(array) for part, array in arrays.items()}, notes


def width(code: Code) -> int:
    """Inputs of a column."""
    return len(code.scaling[0])


def _abreast(codes: list[Code]) -> Iterator[list[Code]]:
    """Neighbours that fill a line together; a column that is wider stands alone."""
    group: list[Code] = []
    for code in codes:
        if group and sum(map(width, group)) + width(code) > ABREAST:
            yield group
            group = []
        group.append(code)
    if group:
        yield group


def _write_narrow(
    group: list[Code], columns: list[pl.Series], parts: Parts, places: Mapping[Part, np.ndarray]
) -> list[Surprises]:
    side_by_side = np.zeros((sum(map(width, group)), len(columns[0])), np.float32)
    said: list[Surprises] = []
    first = 0
    for code, column in zip(group, columns, strict=True):
        surprising = code.write(column, side_by_side[first : first + width(code)].T)
        said.append({str(part): _count(surprising, rows) for part, rows in parts.items()})
        first += width(code)
    by_row = torch.from_numpy(np.ascontiguousarray(side_by_side.T))
    for part, rows in parts.items():
        torch.index_select(by_row, 0, torch.from_numpy(rows), out=torch.from_numpy(places[part]))
    return said


def _write_wide(code: Code, column: pl.Series, parts: Parts, places: Mapping[Part, np.ndarray]) -> Surprises:
    return {str(part): _count(code.write(column.gather(rows), places[part])) for part, rows in parts.items()}


def _count(surprising: np.ndarray | None, rows: np.ndarray | slice = slice(None)) -> int:
    return 0 if surprising is None else int(surprising[rows].sum())
