"""Columns cast to what their kinds promise, the same for a table to train on and for new rows."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.table.places import Where, rows_of, shown
from tui_trainer.errors import InputError

TRUTHS = {"True": "true", "TRUE": "true", "False": "false", "FALSE": "false"}
DATE_FORMATS = (
    "%Y-%m-%d", "%Y-%m-%dT%H:%M:%S%.f", "%Y-%m-%d %H:%M:%S%.f", "%Y-%m-%dT%H:%M", "%Y-%m-%d %H:%M",
)  # fmt: skip
ZONED_FORMATS = ("%Y-%m-%dT%H:%M:%S%.f%#z", "%Y-%m-%d %H:%M:%S%.f%#z")
MICROSECONDS = pl.Datetime("us")


def as_kinds(table: pl.DataFrame, kinds: Mapping[str, ColumnKind], where: Where | None = None) -> pl.DataFrame:
    """Numbers as Float64 (Float32 stays), categories and text as String, dates as Datetime("us"); all with nulls.

    Columns of other kinds, and those without one, are left as they are.
    Raises InputError naming the first row that cannot be cast.
    """
    place = where or rows_of("table")
    changed = []
    for series in table.iter_columns():
        kind = kinds.get(series.name, "ignore")
        if kind == "number":
            result = as_numbers(series, place)
        elif kind in ("category", "text"):
            result = _as_words(series, kind, place)
        elif kind == "date":
            result = as_dates(series, place)
        else:
            continue
        if result is not series:
            changed.append(result)
    return table.with_columns(changed) if changed else table


def as_numbers(series: pl.Series, where: Where) -> pl.Series:
    """Float64, or Float32 as it is. Truth is 1, a date its seconds since 1970."""
    dtype = series.dtype
    if dtype.is_float():
        return series
    if dtype.is_numeric() or dtype == pl.Boolean:
        return series.cast(pl.Float64)
    if dtype in (pl.Date, pl.Datetime):
        return series.cast(MICROSECONDS).cast(pl.Int64) / 1e6
    if dtype != pl.String:
        raise InputError(f"{where(0)}, column {shown(series.name)}: {dtype} cannot serve as a number")
    numbers = series.cast(pl.Float64, strict=False)
    if numbers.null_count() > series.null_count():  # truths, or words
        numbers = numbers.fill_null(series.replace_strict(_TRUTH_VALUES, default=None, return_dtype=pl.Float64))
    wrong = series.is_not_null() & numbers.is_null()
    if wrong.any():
        raise _misfit(series, wrong, where, "a number", "correct it, or give the column another kind")
    infinite = numbers.is_infinite()
    if infinite.any():
        raise _misfit(series, infinite, where, "a finite number", "correct it, or leave the field empty")
    return numbers.fill_nan(None)


_TRUTH_VALUES = {**{word: float(low == "true") for word, low in TRUTHS.items()}, "true": 1.0, "false": 0.0}


def _misfit(series: pl.Series, wrong: pl.Series, where: Where, wanted: str, remedy: str) -> InputError:
    row = int(wrong.arg_max() or 0)
    return InputError(
        f"{where(row)}, column {shown(series.name)}: {shown(series[row])} is not {wanted} "
        f"({int(wrong.sum()):,} such values); {remedy}"
    )


def _as_words(series: pl.Series, kind: ColumnKind, where: Where) -> pl.Series:
    """Words, by which `3`, `3.0` and the number 3 are one category, and so are True and true."""
    dtype = series.dtype
    if dtype.is_float():
        is_whole = bool((series.is_null() | (series.floor() == series)).all()) and not _beyond(series)
        return series.cast(pl.Int64).cast(pl.String) if is_whole else _bare(series.cast(pl.String))
    if dtype.is_nested() or dtype == pl.Binary:
        raise InputError(f"{where(0)}, column {shown(series.name)}: {dtype} cannot serve as a category or text")
    words = series if dtype == pl.String else series.cast(pl.String)
    return _bare(words) if kind == "category" else words


def _beyond(series: pl.Series) -> bool:
    largest = series.abs().max()
    return isinstance(largest, float) and largest >= 2**53


def _bare(series: pl.Series) -> pl.Series:
    values = series.drop_nulls().unique()
    odd = values.filter(values.str.contains(r"^[+-]?\d+\.0+$") | values.is_in(list(TRUTHS)))
    if not len(odd):
        return series
    return series.replace({word: TRUTHS.get(word, word.partition(".")[0]) for word in odd})


def as_dates(series: pl.Series, where: Where) -> pl.Series:
    """Datetime("us"), in UTC where a zone is said."""
    if series.dtype in (pl.Date, pl.Datetime):
        return series.cast(MICROSECONDS)
    if series.dtype != pl.String:
        raise InputError(
            f"{where(0)}, column {shown(series.name)}: {series.dtype} is no date; expected dates as in 2026-11-24"
        )
    dates = parsed_dates(series)
    wrong = series.is_not_null() & dates.is_null()
    if wrong.any():
        raise _misfit(series, wrong, where, "a date as in 2026-11-24", "correct it, or give the column another kind")
    return dates


def parsed_dates(series: pl.Series) -> pl.Series:
    """Datetime("us") of ISO dates; null where a word is none."""
    dates = pl.Series(series.name, [None], dtype=MICROSECONDS).new_from_index(0, len(series))
    for form in (*DATE_FORMATS, *ZONED_FORMATS):
        if dates.null_count() == series.null_count():
            break
        more = series.str.to_datetime(form, strict=False, time_unit="us")
        if form in ZONED_FORMATS:
            more = more.dt.replace_time_zone(None)  # it is UTC by now
        dates = dates.fill_null(more)
    return dates
