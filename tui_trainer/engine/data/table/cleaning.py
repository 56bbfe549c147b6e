"""From columns as they were read to columns the rest relies on: stripped, nulls where values are missing, few types.

Column by column, and only those that change, so that no second table stands in memory.
"""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.table.casting import as_dates, as_numbers
from tui_trainer.engine.data.table.formulas import QUERY, as_trained, is_of_one_row
from tui_trainer.engine.data.table.places import Where, named, shown
from tui_trainer.errors import InputError, nearest

LOOKED_AT = 1000  # values, spread over a column of words, that decide whether all are tried as numbers
SWITCH = ("0", "1", "true", "false", "True", "False")  # a column of these is one label, and no list of labels
WORDS = ("category", "text", "identifier", "date")  # kinds that are read as they are written


def cleaned(
    table: pl.DataFrame,
    config: RunConfig,
    where: Where,
    *,
    is_text: bool = False,
    kinds: Mapping[str, ColumnKind] | None = None,
    types: Mapping[str, str] | None = None,
) -> pl.DataFrame:
    """The table of `read_table`. With `is_text`, words that are numbers become such, unless `kinds` say otherwise.

    `types` are those of `types_of_roots`, for new rows.

    Raises InputError naming row and column: mixed types, infinities, types that no column of ours has.
    """
    said = {**(kinds or {}), **config.data.columns}
    labels = labels_column(config)
    if is_text and kinds is None and labels in table.columns:
        words = table[labels].cast(pl.String)
        if not words.drop_nulls().str.strip_chars().is_in([*SWITCH, *config.table.missing]).all():
            table = table.with_columns(words.fill_null(""))
    table, changed = _stripped(table, config.table.missing, labels), []
    for series in table.iter_columns():
        kind = said.get(series.name)
        result = _typed(series, kind, where)
        if result.dtype == pl.String:
            if kind == "number":
                result = as_numbers(result, where)
            elif is_text and kind not in WORDS:
                result = _recognised(result, where, is_strict=kinds is None and kind is None and series.name != labels)
        if kind == "date":
            result = as_dates(result, where)
        if result.dtype.is_float() and kind != "ignore":
            result = _finite(result, where)
        if result is not series:
            changed.append(result)
    table = table.with_columns(changed) if changed else table
    if types:
        table = as_trained(table, types, where)
    return _derived(table, config, where, is_new=kinds is not None)


def _typed(series: pl.Series, kind: ColumnKind | None, where: Where) -> pl.Series:
    """The few types: Float64 or Float32, Int, Boolean, String, Date or Datetime without a zone, List."""
    dtype = series.dtype
    if dtype in (pl.Int128, pl.UInt64):
        whole = series.cast(pl.Int64, strict=False)
        if whole.null_count() == series.null_count():
            return whole
        return series.cast(pl.String if kind in WORDS else pl.Float64)  # words: two identifiers would be one float
    if dtype.is_decimal():
        return series.cast(pl.Float64)
    if dtype == pl.Float16:
        return series.cast(pl.Float32)
    if dtype.is_unsigned_integer():
        return series.cast(pl.Int64)
    if isinstance(dtype, pl.Datetime) and dtype.time_zone:
        return series.dt.convert_time_zone("UTC").dt.replace_time_zone(None)
    if dtype == pl.Duration:
        return series.dt.total_microseconds() / 1e6  # seconds
    if dtype == pl.Time:
        return series.cast(pl.Int64) / 1e9  # seconds since midnight
    if isinstance(dtype, pl.Array):
        return series.arr.to_list()
    if dtype in (pl.Binary, pl.Struct, pl.Object) and kind != "ignore":
        raise InputError(
            f"{where(0)}, column {shown(series.name)}: holds {str(dtype)[:40]}, and a table has numbers, words, dates "
            f'or lists; leave it out by [data.columns] {series.name} = "ignore"'
        )
    return series


def labels_column(config: RunConfig) -> str:
    """The column whose text lists a row's labels: an empty one lists none, and is not missing."""
    return config.data.target[0] if config.data.task == "labels" and len(config.data.target) == 1 else ""


def _stripped(table: pl.DataFrame, missing: tuple[str, ...], labels: str) -> pl.DataFrame:
    """The words of all columns without spaces around them, null where they mean nothing; all columns at once."""
    expressions = []
    for name, dtype in table.schema.items():
        if dtype in (pl.String, pl.Categorical, pl.Enum, pl.Null):
            word = pl.col(name).cast(pl.String).str.strip_chars()
            expressions.append(
                pl.when(~word.is_in([*([] if name == labels else [""]), *missing])).then(word).alias(name)
            )
    return table.with_columns(expressions) if expressions else table


def _recognised(series: pl.Series, where: Where, *, is_strict: bool) -> pl.Series:
    """Numbers where all words are numbers. Raises InputError where most are."""
    values = series.drop_nulls()
    few = values.gather_every(max(1, len(values) // LOOKED_AT))
    if few.cast(pl.Float64, strict=False).null_count() * 2 > len(few) or not len(few):
        return series
    numbers = series.cast(pl.Float64, strict=False)
    words = series.is_not_null() & numbers.is_null()
    wrong = int(words.sum())
    if not wrong:
        whole = series.cast(pl.Int64, strict=False)
        return whole if whole.null_count() == series.null_count() else numbers
    if is_strict and 2 * wrong < len(values):
        row = int(words.arg_max() or 0)
        raise InputError(
            f"{where(row)}, column {shown(series.name)}: {shown(series[row])} stands among numbers ({wrong:,} of "
            f"{len(values):,} values are no numbers); correct it, add the word to missing below [data.table], or say "
            f'[data.columns] {series.name} = "category"'
        )
    return series


def _finite(series: pl.Series, where: Where) -> pl.Series:
    if series.is_finite().all():
        return series
    infinite = series.is_infinite()
    if infinite.any():
        row = int(infinite.arg_max() or 0)
        raise InputError(
            f"{where(row)}, column {shown(series.name)}: infinity ({int(infinite.sum()):,} such values); correct it, "
            "or leave the field empty where the value is missing"
        )
    return series.fill_nan(None)


def _derived(table: pl.DataFrame, config: RunConfig, where: Where, *, is_new: bool) -> pl.DataFrame:
    """The table with the columns of `[data.derived]`, made one after the other. In new rows, those that can be made."""
    for name, formula in config.data.derived.items():
        place = f"[data.derived] {name} = {shown(formula)}"
        if QUERY.search(formula):  # polars would read whatever file it names
            raise InputError(f"{place}: a query; use formulas of one row's values")
        try:
            made = pl.sql_expr(formula).alias(name)
            roots = made.meta.root_names()
            if name not in config.data.target and (answers := set(roots) & set(config.data.target)):
                raise InputError(f"{place}: made of {shown(min(answers))}, which is to be predicted; leave it out")
            absent = [root for root in roots if root not in table.columns]
            if absent and is_new:
                continue
            if absent:
                raise InputError(
                    f"{place}: there is no column {shown(absent[0])}{nearest(absent[0], table.columns)} "
                    f"(columns: {named(table.columns)})"
                )
            is_safe = is_of_one_row(made)
            series = table.select(made).to_series() if is_safe else pl.Series()
        except (pl.exceptions.PolarsError, pl.exceptions.PanicException) as error:
            reason = " ".join(str(error).split())[:200]
            raise InputError(f"{place}: no formula of these columns: {reason}") from None
        if not is_safe or len(series) != table.height:
            raise InputError(
                f"{place}: a row's value depends on other rows, and test rows would be seen in training; use formulas "
                "of one row's values"
            )
        if series.dtype.is_float():
            series = _finite(series, where)
        table = table.with_columns(_typed(series, None, where))
    return table
