"""A table's file as typed, cleaned columns: text with separators, Parquet, Feather (Arrow IPC); all read by polars.

Text is parsed straight into the types its first rows have; only where a later row does not fit are all values read as
words first, which takes more memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.table.cleaning import WORDS, cleaned
from tui_trainer.engine.data.table.files import (
    NO_ROWS,
    Broken,
    all_words,
    form_of,
    layout_of,
    missing_words,
    parsed,
    unreadable,
)
from tui_trainer.engine.data.table.layout import SAMPLE, Layout, last_end
from tui_trainer.engine.data.table.places import rows_of
from tui_trainer.engine.data.table.streaming import blocks
from tui_trainer.engine.data.table.walk import Text, mistake_in, without_blank_lines
from tui_trainer.errors import InputError

__all__ = ["blocks", "read_table"]

LARGE = 64 << 20  # bytes of text from which memory matters


def read_table(path: Path, config: RunConfig) -> pl.DataFrame:
    """The whole file: numbers, Boolean, String, Date, Datetime and List columns; what is missing is null.

    Strings are stripped, the words of `config.table.missing` are null, `[data.derived]` is added.
    Raises InputError naming file, row (counted from 1, without the header) and column.
    """
    form = form_of(path)
    if form == "text":
        text = Text(str(path), layout_of(path, config), lambda: path.open("rb"))
        return cleaned(_read_text(path, text, config), config, text.where, is_text=True)
    try:
        table = pl.read_parquet(path) if form == "parquet" else pl.read_ipc(path)
    except Broken as error:
        raise unreadable(path, form, error) from None
    if not table.height or not table.width:
        raise InputError(f"{path}: {NO_ROWS}")
    return cleaned(table, config, rows_of(str(path)))


def _read_text(path: Path, text: Text, config: RunConfig) -> pl.DataFrame:
    layout, missing = text.layout, missing_words(config)
    try:
        source = path if layout.is_plain else layout.plain(path.read_bytes())
        types = _types(path, layout, missing)
        types.update({name: pl.String for name in types if config.data.columns.get(name) in WORDS})
        try:
            table = parsed(source, layout, missing, schema=types)
        except pl.exceptions.ComputeError as error:
            if "could not parse" not in str(error) or set(types.values()) == {pl.String}:
                raise
            table = parsed(source, layout, missing, schema=all_words(layout))
    except pl.exceptions.NoDataError:
        raise InputError(f"{path}: {NO_ROWS}") from None
    except Broken as error:
        raise mistake_in(text, error) from None
    table = without_blank_lines(table, text)
    if not table.height:
        raise InputError(f"{path}: {NO_ROWS}")
    return table


def _types(path: Path, layout: Layout, missing: list[str]) -> dict[str, Any]:
    """Of each column, as the rows in the file's first megabyte have it.

    In a large file floats are float32 where that keeps all digits they are written with (six surely survive it): the
    net's inputs are float32, and the table would take twice their memory.
    """
    with path.open("rb") as file:
        head = file.read(SAMPLE)
    if len(head) == SAMPLE:
        head = head[: last_end(head, layout.quoting)]
    rows = parsed(layout.plain(head), layout, missing, infer_schema_length=None)
    if rows.width != len(layout.names):
        raise ValueError(f"{rows.width} columns in the first rows")
    is_large = path.stat().st_size > LARGE
    types: dict[str, Any] = {}
    for name, series in zip(layout.names, rows.iter_columns(), strict=True):
        types[name] = pl.Float64 if series.dtype == pl.Int128 else series.dtype
        if is_large and series.dtype == pl.Float64:
            short = series.cast(pl.Float32)
            if short.cast(pl.String).equals(series.cast(pl.String), null_equal=True):
                types[name] = pl.Float32
    return types
