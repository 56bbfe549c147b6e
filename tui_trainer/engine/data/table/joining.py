"""Two tables of the same columns, one below the other."""

from __future__ import annotations

from pathlib import Path

import polars as pl

from tui_trainer.engine.data.table.places import named, shown
from tui_trainer.errors import InputError, nearest


def joined(table: pl.DataFrame, below: pl.DataFrame, path: Path, test: Path) -> pl.DataFrame:
    """The rows of both. Raises InputError naming the column in which they disagree."""
    _check_names(table.columns, below.columns, path, test)
    below = below.select(table.columns)
    changes_above, changes_below = [], []
    for series, other in zip(table.iter_columns(), below.iter_columns(), strict=True):
        dtype = _common(series, other, path, test)
        if series.dtype != dtype:
            changes_above.append(series.cast(dtype))
        if other.dtype != dtype:
            changes_below.append(other.cast(dtype))
    return pl.concat([table.with_columns(changes_above), below.with_columns(changes_below)], rechunk=False)


def _check_names(ours: list[str], others: list[str], path: Path, test: Path) -> None:
    for name in ours:
        if name not in others:
            raise InputError(
                f"{test}: column {shown(name)} of {path.name} is missing{nearest(name, others)} (its columns: "
                f"{named(others)}); both files have to have the same columns, and --header says whether their first "
                "lines name them"
            )
    for name in others:
        if name not in ours:
            raise InputError(
                f"{test}: column {shown(name)} is not in {path.name}{nearest(name, ours)} (columns there: "
                f"{named(ours)}); both files have to have the same columns"
            )


def _common(series: pl.Series, other: pl.Series, path: Path, test: Path) -> pl.DataType:
    """The type that holds both."""
    one, two = series.dtype, other.dtype
    if one == two or other.null_count() == len(other):
        return one
    if series.null_count() == len(series):
        return two
    if one.is_numeric() and two.is_numeric():
        return one if one == pl.Float64 or (one.is_float() and not two.is_float()) else _wider(one, two)
    if one in (pl.Date, pl.Datetime) and two in (pl.Date, pl.Datetime):
        return pl.Datetime("us")
    example = shown(next(iter(other.drop_nulls()), ""))
    raise InputError(
        f"{test}, column {shown(series.name)}: holds {_words(two)}, as {example}, and in {path.name} {_words(one)}; "
        f'correct one of them, or say [data.columns] {series.name} = "category"'
    )


def _wider(one: pl.DataType, two: pl.DataType) -> pl.DataType:
    if one.is_float() or two.is_float():
        return pl.Float64()
    return pl.Int64()


def _words(dtype: pl.DataType) -> str:
    if dtype.is_numeric():
        return "numbers"
    return {"String": "words", "Boolean": "true and false", "Date": "dates", "Datetime": "dates"}.get(
        str(dtype.base_type()), str(dtype)
    )
