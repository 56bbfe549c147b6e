"""A table that was read: its targets known, its rows neither split nor encoded yet."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.data_sets import Task
from tui_trainer.engine.data.opened import Encoded, Part, Parts
from tui_trainer.engine.data.table.casting import as_kinds, parsed_dates
from tui_trainer.engine.data.table.files import form_of
from tui_trainer.engine.data.table.formulas import types_of_roots
from tui_trainer.engine.data.table.joining import joined
from tui_trainer.engine.data.table.kinds import column_kinds, describe_columns, training_kinds
from tui_trainer.engine.data.table.places import named, shown
from tui_trainer.engine.data.table.reading import read_table
from tui_trainer.engine.data.table.targets import Targets, targets_of
from tui_trainer.errors import InputError, nearest
from tui_trainer.report import ColumnFacts


def open_table(path: Path, test: Path | None, config: RunConfig) -> TableSource:
    """Read a table, and a second one of test rows below it, find the columns' kinds and the targets.

    Raises InputError naming file, row and column.
    """
    table = read_table(path, config)
    heights = [table.height]
    if test:
        below = read_table(test, config)
        heights.append(below.height)
        table = joined(table, below, path, test)
        del below
    return TableSource([path, test] if test else [path], heights, table, config, is_text=form_of(path) == "text")


class TableSource:
    """`Opened` of a table, or of two with the same columns; also `LeavesRowsOut`, where targets are missing."""

    def __init__(
        self, paths: list[Path], heights: list[int], table: pl.DataFrame, config: RunConfig, *, is_text: bool = False
    ) -> None:
        self._is_text = is_text
        self._paths, self._heights, self._config = paths, heights, config
        self._all_rows = np.arange(table.height, dtype=np.int64)
        kinds = column_kinds(table, config)
        found: Targets = targets_of(table, config, str(paths[0]), self.place)
        if found.kept is not None:
            table = table[found.kept]
            self._all_rows = found.kept
        self._table: pl.DataFrame | None = table
        self._kinds = kinds
        self._found = found
        self._notes = [*found.notes]
        self._features = self._feature_columns()
        if len(paths) > 1 and not len(self.given["test"]):
            raise InputError(f"{paths[1]}: no row has a target, and nothing is left to test on")

    @property
    def task(self) -> Task:
        """What is predicted."""
        return self._found.task

    @property
    def targets(self) -> Tensor:
        """As in `Samples`."""
        return self._found.values

    @property
    def class_names(self) -> tuple[str, ...]:
        """Of classes or labels."""
        return self._found.class_names

    @property
    def target_names(self) -> tuple[str, ...]:
        """Columns of values."""
        return self._found.target_names

    @property
    def given(self) -> Parts:
        """The test file's rows, where there is one; the split takes the others."""
        if len(self._paths) == 1:
            return {}
        test: dict[Part, np.ndarray] = {"test": np.flatnonzero(self._all_rows >= self._heights[0]).astype(np.int64)}
        return test

    @property
    def notes(self) -> tuple[str, ...]:
        """What was left out, and what was guessed."""
        return tuple(self._notes)

    @property
    def kinds(self) -> dict[str, ColumnKind]:
        """Of all columns, the targets among them."""
        return dict(self._kinds)

    @property
    def file_rows(self) -> np.ndarray:
        """Each row's number in its own file, counted from 0."""
        first = self._heights[0]
        return np.where(self._all_rows >= first, self._all_rows - first, self._all_rows)

    @property
    def rows_in_file(self) -> int:
        """Rows of the first file, those without a target among them."""
        return self._heights[0]

    def describe(self) -> list[ColumnFacts]:
        """What is known of each column, of the rows that have a target. Counts all values: for a screen."""
        return describe_columns(self._rows(), self._kinds)

    def column(self, name: str) -> np.ndarray:
        """(n,): numbers, datetime64[us] of dates (NaT where missing), else words (None where missing)."""
        table = self._rows()
        if name not in table.columns:
            raise InputError(
                f"{self._paths[0]}: there is no column {shown(name)}{nearest(name, table.columns)} "
                f"(columns: {named(table.columns, 30)})"
            )
        series = table[name]
        if self._kinds[name] == "date" and series.dtype == pl.String:
            series = parsed_dates(series)
        if series.dtype in (pl.Date, pl.Datetime):
            series = series.cast(pl.Datetime("us"))
        if series.dtype in (pl.String, pl.Boolean):
            return np.array(series.to_list(), dtype=object)
        return series.to_numpy()

    def file_names(self) -> list[str]:
        """None: raises InputError."""
        raise InputError(
            f"{self._paths[0]}: the rows of a table are no files, and --test-pattern looks at files' names; use "
            "--split-column, or --test-rows with a file of row numbers"
        )

    def place(self, row: int) -> str:
        """`people.csv, row 17`."""
        of_all = int(self._all_rows[row])
        first = self._heights[0]
        path, number = (self._paths[1], of_all - first) if of_all >= first else (self._paths[0], of_all)
        return f"{path}, row {number + 1:,}"

    def encode(self, parts: Parts) -> Encoded:
        """Inputs of all parts, fitted on the training rows; the table is gone afterwards."""
        from tui_trainer.engine.data.table.encoder import fit

        features = self._rows().select(self._features)
        kinds = training_kinds(features, self._config, parts["train"], self.file_rows, is_text=self._is_text)
        features = as_kinds(features, kinds, self.place)
        types = types_of_roots(self._rows(), self._config.data.derived)
        self._table = None
        encoded: Encoded = fit(features, kinds, parts, self._config, types=types)
        return encoded

    def _rows(self) -> pl.DataFrame:
        if self._table is None:
            raise RuntimeError("the table was given away by encode()")
        return self._table

    def _feature_columns(self) -> list[str]:
        """All but the targets, the columns that say how to split, and lists, which no encoding takes."""
        table, split = self._rows(), self._config.split
        names = []
        for series in table.iter_columns():
            name = series.name
            if name in self._config.data.target:
                continue
            if name in (split.column, split.group):
                self._notes.append(f"{name!r} says how rows are split and is no input")
            elif series.dtype.is_nested() and self._config.data.columns.get(name) != "ignore":
                self._notes.append(f"{name!r} holds lists and is no input")
            else:
                names.append(name)
        return names
