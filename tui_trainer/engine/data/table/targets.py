"""From the target's column, or columns, to a task and its targets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

import numpy as np
import polars as pl
import torch

from tui_trainer.config import RunConfig
from tui_trainer.data_sets import Task
from tui_trainer.engine.data.integer_classes import MOST_INTEGER_CLASSES, are_classes
from tui_trainer.engine.data.table.casting import as_numbers
from tui_trainer.engine.data.table.layout import is_number
from tui_trainer.engine.data.table.places import Where, named, shown
from tui_trainer.errors import InputError, nearest

MOST_LOST = 0.01  # of a target's deviation, by what rounding to float32 may move a value
LIKELY = ("target", "label", "class", "y")
LIST_MARKS = (";", "|", ",")  # between the labels of a sample, where text holds them


@dataclass(frozen=True)
class Targets:
    """`values` as in `Samples`, of the rows `kept` (int64; None where all are)."""

    task: Task
    values: torch.Tensor
    class_names: tuple[str, ...]
    target_names: tuple[str, ...]
    kept: np.ndarray | None
    notes: tuple[str, ...]


def targets_of(table: pl.DataFrame, config: RunConfig, source: str, where: Where) -> Targets:
    """What is predicted. Rows without a target are left out, counted and said. Raises InputError."""
    names = target_columns(table, config, source)
    chosen = table.select(names)
    for series in chosen.iter_columns():
        if series.null_count() == len(series):
            raise InputError(
                f"{source}, column {shown(series.name)}: the target is missing in all {len(series):,} rows"
            )
    present = ~chosen.select(pl.any_horizontal(pl.all().is_null())).to_series()
    dropped = len(present) - int(present.sum())
    kept, notes = None, []
    if dropped:
        kept = np.flatnonzero(present.to_numpy()).astype(np.int64)
        first = where(int((~present).arg_max() or 0))
        notes.append(f"{dropped:,} rows without a target are left out (the first: {first})")
        chosen = chosen.filter(present)
        original, where = where, lambda row: original(int(kept[row]))
    if chosen.height < 2:
        raise InputError(f"{source}: {chosen.height} row with a target; training and testing take two at the least")
    task, why = _task(chosen, config.data.task, source)
    if why:
        notes.append(why)
    make = {"classes": _classes, "values": _values, "labels": _labels}[task]
    values, class_names, more = make(chosen, config, source, where)
    target_names = tuple(names) if task == "values" else ()
    return Targets(task, values, class_names, target_names, kept, (*notes, *more))


def target_columns(table: pl.DataFrame, config: RunConfig, source: str) -> list[str]:
    """The columns that `--target` names. Raises InputError with a proposal where it names none, or no column."""
    names, columns = list(config.data.target), table.columns
    if len(columns) == 1:
        raise InputError(
            f"{source}: everything stands in one column ({named(columns)}), and two at the least are needed; if its "
            "values are separated by something, name it with --delimiter"
        )
    if not names:
        likely = next((name for word in LIKELY for name in columns if name.lower() == word), columns[-1])
        raise InputError(
            f"{source}: name the column to predict, as in --target {likely!r} (columns: {named(columns, 30)})"
        )
    for name in names:
        if name not in columns:
            raise InputError(
                f"--target {name}: {source} has no such column{nearest(name, columns)} (columns: {named(columns, 30)})"
            )
        if names.count(name) > 1:
            raise InputError(f"--target {name}: named twice")
    if len(names) == len(columns):
        raise InputError(f"{source}: --target names every column, and none is left to predict by")
    return names


def _task(chosen: pl.DataFrame, asked: str, source: str) -> tuple[Task, str]:
    """(the task, a note that says why, where somebody may have meant another)."""
    columns = chosen.get_columns()
    if asked == "classes" and len(columns) > 1:
        raise InputError(f"--task classes: one column names the class, and --target names {len(columns)}")
    if asked != "auto":
        return asked, ""  # type: ignore[return-value]
    if len(columns) > 1:
        return _task_of_several(columns, source), ""
    series = columns[0]
    if series.dtype == pl.List:
        return "labels", ""
    if series.dtype.is_float():
        few = series.n_unique()
        if few <= MOST_INTEGER_CLASSES and (series == series.floor()).all():
            return "values", f"{series.name!r} holds {few} whole numbers, taken as values; --task classes if not"
        return "values", ""
    if series.dtype.is_integer():
        distinct = series.n_unique()
        said = f"{series.name!r} holds {distinct:,} different integers"
        if distinct > MOST_INTEGER_CLASSES and not are_classes(series.drop_nulls().to_numpy()):
            return "values", f"{said}, taken as values; --task classes if they are not"
        return "classes", f"{said}, taken as classes; --task values if they are not" if distinct > 2 else ""
    if series.dtype in (pl.Date, pl.Datetime):
        raise InputError(f"{source}, column {shown(series.name)}: dates cannot be predicted; derive a number of them")
    return "classes", ""


def _task_of_several(columns: Sequence[pl.Series], source: str) -> Task:
    if all(_is_switch(series) for series in columns):
        return "labels"
    for series in columns:
        if not (series.dtype.is_numeric() or series.dtype == pl.Boolean):
            raise InputError(
                f"{source}, column {shown(series.name)}: of several targets each is a number, or 0 and 1 as labels; "
                f"this one holds {series.dtype}"
            )
    return "values"


def _is_switch(series: pl.Series) -> bool:
    return series.dtype == pl.Boolean or (series.dtype.is_integer() and bool(series.is_in([0, 1]).all()))


def _classes(
    chosen: pl.DataFrame, config: RunConfig, source: str, where: Where
) -> tuple[torch.Tensor, tuple[str, ...], list[str]]:
    """(targets (n,) int64, names in the order of their numbers)."""
    series = chosen.to_series()
    if series.dtype.is_nested():
        raise InputError(f"{source}, column {shown(series.name)}: lists are labels, not classes; use --task labels")
    if series.dtype.is_float() and (series == series.floor()).all():
        series = series.cast(pl.Int64)
    values = series.unique()
    words = _trimmed(values.cast(pl.String), config.table.label_trim)
    if series.dtype == pl.String and set(words.str.to_lowercase()) <= {"true", "false"}:
        words = words.str.to_lowercase()
    found = set(words)
    names = _in_order(found)
    if len(names) < 2:
        raise InputError(
            f"{source}, column {shown(series.name)}: one class only, {shown(names[0])}, in {len(series):,} rows; "
            "there is nothing to tell apart"
        )
    if len(names) > MOST_INTEGER_CLASSES and 2 * len(names) > len(series):
        raise InputError(
            f"{source}, column {shown(series.name)}: {len(names):,} different values in {len(series):,} rows are no "
            "classes; name another column with --target"
        )
    numbers = {name: number for number, name in enumerate(names)}
    codes = series.replace_strict(values, [numbers[word] for word in words], return_dtype=pl.Int64)
    return torch.from_numpy(codes.to_numpy(writable=True)), tuple(names), []


def _in_order(words: set[str]) -> list[str]:
    """As numbers where all are, equal ones (`1`, `01`, `nan`) by their letters: a set has no order."""
    if not all(map(is_number, words)):
        return sorted(words)
    return sorted(words, key=lambda word: (0.0 if isnan(float(word)) else float(word), word))


def _trimmed(words: pl.Series, marks: str) -> pl.Series:
    return words.str.strip_chars_end(marks).str.strip_chars_end() if marks else words


def _values(
    chosen: pl.DataFrame, config: RunConfig, source: str, where: Where
) -> tuple[torch.Tensor, tuple[str, ...], list[str]]:
    """(targets (n, columns) float32, no names)."""
    columns = [as_numbers(series, where) for series in chosen.iter_columns()]
    values = pl.DataFrame(columns).select(pl.all().cast(pl.Float32)).to_numpy(order="c", writable=True)
    for series, column in zip(columns, values.T, strict=True):
        beyond = np.flatnonzero(~np.isfinite(column))
        if len(beyond):
            row = int(beyond[0])
            raise InputError(
                f"{where(row)}, column {shown(series.name)}: {series[row]:g} is too large for float32; scale it by "
                "[data.derived]"
            )
        exact = series.cast(pl.Float64).to_numpy()
        if exact.min() == exact.max():
            raise InputError(
                f"{source}, column {shown(series.name)}: the target is {exact[0]:g} in all {len(column):,} rows; "
                "there is nothing to predict"
            )
        if np.abs(column - exact).max() > MOST_LOST * exact.std():
            raise InputError(
                f"{source}, column {shown(series.name)}: the targets, {exact.min():.15g} to {exact.max():.15g}, "
                "differ by less than the 7 digits of float32 tell; subtract a constant: [data.derived] near = "
                f"{shown(f'{series.name} - {np.median(exact):.0f}')}, --target near, and [data.columns] "
                f'{series.name} = "ignore"'
            )
    return torch.from_numpy(np.ascontiguousarray(values)), (), []


def _labels(
    chosen: pl.DataFrame, config: RunConfig, source: str, where: Where
) -> tuple[torch.Tensor, tuple[str, ...], list[str]]:
    """(targets (n, labels) float32 of 0 and 1, names)."""
    series = chosen.to_series()
    if chosen.width == 1 and series.dtype in (pl.List, pl.String):
        return _listed_labels(series, config, source)
    for column in chosen.iter_columns():
        numbers = as_numbers(column, where)
        odd = ~numbers.is_in([0.0, 1.0])
        if odd.any():
            row = int(odd.arg_max() or 0)
            raise InputError(
                f"{where(row)}, column {shown(column.name)}: a label is 0 or 1, or true or false, and not "
                f"{shown(column[row])}"
            )
    columns = [as_numbers(column, where).cast(pl.Float32) for column in chosen.iter_columns()]
    values = pl.DataFrame(columns).to_numpy(order="c", writable=True)
    return torch.from_numpy(np.ascontiguousarray(values)), tuple(chosen.columns), []


def _listed_labels(
    series: pl.Series, config: RunConfig, source: str
) -> tuple[torch.Tensor, tuple[str, ...], list[str]]:
    notes = []
    if series.dtype == pl.String:
        mark = next((mark for mark in LIST_MARKS if series.str.contains(mark, literal=True).any()), LIST_MARKS[0])
        series = series.str.split(mark)
        notes.append(f"labels in {series.name!r} are taken as separated by {mark!r}")
    rows = series.list.len().to_numpy()
    flat = series.filter(series.list.len() > 0).explode().cast(pl.String)
    words = _trimmed(flat.str.strip_chars(), config.table.label_trim)
    names = _in_order(set(words.drop_nulls()) - {""})
    if not names:
        raise InputError(f"{source}, column {shown(series.name)}: no label stands in any of {len(series):,} rows")
    values = np.zeros((len(series), len(names)), dtype=np.float32)
    owners = np.repeat(np.arange(len(series)), rows)
    codes = words.replace_strict(names, list(range(len(names))), default=None, return_dtype=pl.Int64)
    known = codes.is_not_null().to_numpy()
    values[owners[known], codes.drop_nulls().to_numpy()] = 1
    return torch.from_numpy(values), tuple(names), notes
