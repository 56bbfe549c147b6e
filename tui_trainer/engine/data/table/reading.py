"""A table's file as typed, cleaned columns: text with separators, Parquet, Feather (Arrow IPC); all read by polars.

Text is parsed straight into the types its first rows have; only where a later row does not fit are all values read as
words first, which takes more memory.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.table.cleaning import WORDS, cleaned, labels_column
from tui_trainer.engine.data.table.files import (
    NO_ROWS,
    Broken,
    all_words,
    form_of,
    head_of,
    layout_of,
    missing_words,
    parsed,
    unreadable,
)
from tui_trainer.engine.data.table.layout import Layout, last_end
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
    layout = text.layout
    try:
        table = _parsed(path, layout, config)
    except pl.exceptions.NoDataError:
        raise InputError(f"{path}: {NO_ROWS}") from None
    except Broken as error:
        raise mistake_in(text, error) from None
    table = without_blank_lines(table, text)
    if not table.height:
        raise InputError(f"{path}: {NO_ROWS}")
    return table


def _parsed(path: Path, layout: Layout, config: RunConfig) -> pl.DataFrame:
    """Each try reads what the one before could not; the first is the fastest, as each word for missing costs time."""
    with path.open("rb") as file:
        head = head_of(file)
    size = path.stat().st_size
    if len(head) < size:
        head = head[: last_end(head, layout.quoting)]
    if labels_column(config):  # an empty field has no label, a word for missing has: both would come back as null
        return parsed(_source_of(path, layout), layout, [], schema=all_words(layout))
    missing = missing_words(config)
    types = _types(head, layout, missing, is_large=size > LARGE)
    types.update({name: pl.String for name in types if config.data.columns.get(name) in WORDS})
    tries = [([word for word in missing if word.encode() in head], types), (missing, types)]
    source = _source_of(path, layout)
    for words, schema in tries:
        try:
            return parsed(source, layout, words, schema=schema)
        except pl.exceptions.ComputeError as error:
            if "could not parse" not in str(error):
                raise
    return parsed(source, layout, missing, schema=all_words(layout))


def _source_of(path: Path, layout: Layout) -> Path | bytes:
    """What polars can parse."""
    return path if layout.is_plain else layout.plain(path.read_bytes())


def _types(head: bytes, layout: Layout, missing: list[str], *, is_large: bool) -> dict[str, Any]:
    """Of each column, as the file's first megabyte has it.

    In a large file floats are float32 where that keeps all digits they are written with (six surely survive it): the
    net's inputs are float32, and the table would take twice their memory.
    """
    rows = parsed(layout.plain(head), layout, missing, infer_schema_length=None)
    if rows.width != len(layout.names):
        raise ValueError(f"{rows.width} columns in the first rows")
    types: dict[str, Any] = {}
    for name, series in zip(layout.names, rows.iter_columns(), strict=True):
        types[name] = pl.Float64 if series.dtype == pl.Int128 else series.dtype
        if is_large and series.dtype == pl.Float64:
            short = series.cast(pl.Float32)
            if short.cast(pl.String).equals(series.cast(pl.String), null_equal=True):
                types[name] = pl.Float32
    return types
