"""What a table's columns are: numbers, categories, text, dates, identifiers; constants and what is left out."""

from __future__ import annotations

import re

import numpy as np
import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.table.casting import as_kinds, parsed_dates
from tui_trainer.engine.data.table.places import named, shown
from tui_trainer.errors import InputError, nearest
from tui_trainer.report import ColumnFacts

__all__ = ["as_kinds", "column_kinds", "describe_columns"]

LOOKED_AT = 1000  # values, spread over a column, by which words are judged
LARGE = 100_000  # training rows, of which LOOKED_AT tell whether most are repeated
FEWEST = 20  # values, below which nothing is called an identifier
DISTINCT = 0.95  # share of an identifier's values
LONGEST_IDENTIFIER = 64  # letters
TEXT_DISTINCT = 0.5
TEXT_WORDS = 3.0  # on average
ID_NAME = re.compile(
    r"(?i:^|.*[_\W])(?i:id|ids|uid|guid|uuid|idx|index|key|rownum|row_?number)$|.*[a-z0-9](Id|ID|Index)$"
)
ISO_DATE = r"^\d{4}-\d\d-\d\d([T ]\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:?\d\d)?)?$"


def column_kinds(table: pl.DataFrame, config: RunConfig) -> dict[str, ColumnKind]:
    """The kind of each column, the target's among them: what `[data.columns]` says, else what it looks like.

    Raises InputError for a column named there that does not exist.
    """
    for name in config.data.columns:
        if name not in table.columns:
            raise InputError(
                f"[data.columns] {name}: there is no such column{nearest(name, table.columns)} "
                f"(columns: {named(table.columns)})"
            )
    return {series.name: config.data.columns.get(series.name) or kind_of(series) for series in table.iter_columns()}


def training_kinds(
    table: pl.DataFrame, config: RunConfig, rows: np.ndarray, file_rows: np.ndarray, *, is_text: bool
) -> dict[str, ColumnKind]:
    """The same by the training rows alone, which have these numbers in their file: no other row may change a kind.

    In text, where one word of another row makes all of a column words, training rows that are numbers are still such.
    """
    picked, numbers = pl.Series(rows), file_rows[rows]
    kinds: dict[str, ColumnKind] = {}
    for series in table.iter_columns():
        said = config.data.columns.get(series.name)
        if said:
            kinds[series.name] = said
            continue
        few = series.gather(picked.head(LOOKED_AT))
        if sure := _surely(few, numbers[:LOOKED_AT], is_large=len(rows) >= LARGE):
            kinds[series.name] = sure  # a million rows need not be copied
            continue
        values = series.gather(picked)
        if is_text and values.dtype == pl.String and values.null_count() < len(values):
            as_numbers = values.cast(pl.Float64, strict=False)
            values = as_numbers if as_numbers.null_count() == values.null_count() else values
        kinds[series.name] = kind_of(values, numbers)
    return kinds


def _surely(few: pl.Series, rows: np.ndarray, *, is_large: bool) -> ColumnKind | None:
    """The kind where some training rows, drawn by chance as those of a split are, leave no doubt of it."""
    values = few.drop_nulls()
    distinct = values.n_unique()
    if distinct < 2:
        return None
    if few.dtype.is_float():
        return None if _may_count(few, rows) else "number"
    if few.dtype.is_integer():
        return "number" if distinct < len(few) else None  # what repeats, or is missing, counts nothing up
    if few.dtype == pl.String and is_large and distinct <= len(values) / 10:
        is_plain = values.cast(pl.Float64, strict=False).is_null() & ~values.str.contains(ISO_DATE)
        return "category" if is_plain.any() else None
    return None


def _may_count(few: pl.Series, rows: np.ndarray) -> bool:
    """Whether floats may be integers that one row among the others made floats."""
    if few.null_count() or not (few == few.floor()).all():
        return False
    return ID_NAME.match(few.name) is not None or few[0] in (0, 1) or few[0] - rows[0] in (0, 1)


def kind_of(series: pl.Series, rows: np.ndarray | None = None) -> ColumnKind:
    """What a column looks like, whose rows have these numbers; lists are left out ("ignore"), but for the target."""
    dtype = series.dtype
    if dtype.is_nested():
        return "ignore"
    if _is_constant(series):
        return "constant"
    if dtype in (pl.Date, pl.Datetime):
        return "date"
    if dtype == pl.Boolean:
        return "category"
    if dtype == pl.String:
        return _kind_of_words(series)
    is_whole = dtype.is_integer() or (rows is not None and bool((series == series.floor()).all()))
    return "identifier" if is_whole and _is_counter(series, rows) else "number"


def _is_constant(series: pl.Series) -> bool:
    """Whether one value, or none, stands in all rows; the first rows nearly always tell."""
    if series.null_count():
        return series.null_count() == len(series)
    return series.head(LOOKED_AT).n_unique() == 1 and bool((series == series[0]).all())


def _is_counter(numbers: pl.Series, rows: np.ndarray | None) -> bool:
    """Whether integers count the rows up from 0 or 1, or are all distinct and named like an identifier."""
    if numbers.null_count() or len(numbers) < FEWEST:
        return False
    if (
        rows is not None
        and numbers[0] - rows[0] in (0, 1)
        and (numbers.to_numpy() - rows == numbers[0] - rows[0]).all()
    ):
        return True
    if (
        numbers[0] in (0, 1)
        and numbers[-1] == numbers[0] + len(numbers) - 1
        and (numbers.diff(null_behavior="drop") == 1).all()
    ):
        return True
    return ID_NAME.match(numbers.name) is not None and numbers.n_unique() == len(numbers)


def _kind_of_words(words: pl.Series) -> ColumnKind:
    values = words.drop_nulls()
    few = values.gather_every(max(1, len(values) // LOOKED_AT))
    if few.str.contains(ISO_DATE).all() and not parsed_dates(values).null_count():
        return "date"
    distinct = values.n_unique() / len(values)
    runs = few.str.count_matches(r"\S+").mean()
    if isinstance(runs, float) and runs >= TEXT_WORDS and distinct > TEXT_DISTINCT:
        return "text"
    longest = few.str.len_chars().max()
    is_short = isinstance(longest, int) and longest <= LONGEST_IDENTIFIER
    if len(values) >= FEWEST and distinct >= DISTINCT and is_short:
        return "identifier"
    return "category"


def describe_columns(table: pl.DataFrame, kinds: dict[str, ColumnKind]) -> list[ColumnFacts]:
    """Name, kind, missing and distinct values and an example of each column. Counts all values: for a screen."""
    facts = []
    for series in table.iter_columns():
        values = series.drop_nulls()
        distinct = values.hash().n_unique() if series.dtype.is_nested() else values.n_unique()
        example = shown(values.head(1).to_list()[0], 40)[1:-1] if len(values) else ""
        facts.append(ColumnFacts(series.name, kinds[series.name], series.null_count(), distinct, example))
    return facts
