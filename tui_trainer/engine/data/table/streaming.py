"""A table's file block by block, for predictions: never more than one block in memory."""

from __future__ import annotations

import io
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import BinaryIO

import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.table.cleaning import cleaned
from tui_trainer.engine.data.table.files import (
    EMPTY,
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
from tui_trainer.engine.data.table.layout import Layout, check_zeros, last_end, lay_out
from tui_trainer.engine.data.table.places import rows_of
from tui_trainer.engine.data.table.walk import Text, mistake_in, without_blank_lines
from tui_trainer.errors import InputError

STANDARD_INPUT = "standard input"
BLOCK = 4 << 20  # bytes of text parsed at once
LONGEST_RECORD = 64 << 20  # bytes; beyond that a quote was surely never closed


def blocks(
    path: Path | None,
    config: RunConfig,
    rows: int,
    kinds: Mapping[str, ColumnKind] | None = None,
    types: Mapping[str, str] | None = None,
) -> Iterator[pl.DataFrame]:
    """The table of `read_table` in pieces of at most so many rows; None is CSV on standard input.

    With `kinds` (of the columns that were trained on) words become numbers by what their column is, not by what a
    block looks like; `as_kinds` then makes the same of them as it made of the whole table.
    `types` are those of the columns that formulas read.
    Raises InputError naming file, row and column.
    """
    from tui_trainer.engine.data import hugging_face

    clean = partial(cleaned, config=config, kinds=kinds, types=types)
    if path is None:
        found = _text_blocks(sys.stdin.buffer, STANDARD_INPUT, None, config, kinds, clean)
    elif path.is_dir() and hugging_face.is_saved(path):
        found = _saved(path, rows, clean)
    elif (form := form_of(path)) == "text":
        found = _file_blocks(path, config, kinds, clean)
    else:
        found = _slices(path, form, rows, clean)
    is_empty = True
    for table in found:
        for start in range(0, table.height, rows):
            is_empty = False
            yield table.slice(start, rows)
    if is_empty:
        raise InputError(f"{path or STANDARD_INPUT}: {NO_ROWS}")


def _file_blocks(
    path: Path, config: RunConfig, kinds: Mapping[str, ColumnKind] | None, clean: Callable[..., pl.DataFrame]
) -> Iterator[pl.DataFrame]:
    layout = layout_of(path, config, kinds)
    with path.open("rb") as file:
        yield from _text_blocks(file, str(path), layout, config, kinds, clean)


def _saved(path: Path, rows: int, clean: Callable[..., pl.DataFrame]) -> Iterator[pl.DataFrame]:
    from tui_trainer.engine.data import hugging_face  # which itself reads tables

    before = 0
    for table in hugging_face.new_frames(path, rows):
        yield clean(table, where=rows_of(str(path), before))
        before += table.height


def _slices(path: Path, form: str, rows: int, clean: Callable[..., pl.DataFrame]) -> Iterator[pl.DataFrame]:
    try:
        lazy = pl.scan_parquet(path, glob=False) if form == "parquet" else pl.scan_ipc(path)
        height = lazy.select(pl.len()).collect().item()
    except Broken as error:
        raise unreadable(path, form, error) from None
    for start in range(0, height, rows):
        try:
            table = lazy.slice(start, rows).collect()
        except Broken as error:
            raise unreadable(path, form, error) from None
        yield clean(table, where=rows_of(str(path), start))


def _text_blocks(
    file: BinaryIO,
    name: str,
    layout: Layout | None,
    config: RunConfig,
    kinds: Mapping[str, ColumnKind] | None,
    clean: Callable[..., pl.DataFrame],
) -> Iterator[pl.DataFrame]:
    held = head_of(file)
    if not held:
        raise InputError(f"{name}: {EMPTY}")
    if layout is None:
        layout = lay_out(held, name, config, kinds)
    held = held.removeprefix(b"\xef\xbb\xbf")
    here, rows_before, lines_before, is_last = layout, 0, 0, False
    while not is_last:
        more = file.read(BLOCK)
        is_last, held = not more, held + more
        check_zeros(more, name, lines_before + held.count(b"\n") - more.count(b"\n"))
        end = len(held) if is_last else last_end(held, layout.quoting)
        if not end:
            if len(held) > LONGEST_RECORD:
                raise InputError(
                    f"{name}, line {lines_before + 1:,}: a quote is opened there or in the lines below and not closed"
                )
            continue
        block, held = held[:end], held[end:]
        if block:
            if lines_before:
                here = replace(layout, lead=layout.blank_lines(io.BytesIO(block)))
            text = Text(name, here, partial(io.BytesIO, block), rows_before, lines_before)
            table = _parsed(block, text, config)
            yield clean(table, where=text.where, is_text=True)
            rows_before, lines_before = rows_before + table.height, lines_before + block.count(b"\n")


def _parsed(block: bytes, text: Text, config: RunConfig) -> pl.DataFrame:
    try:
        plain = text.layout.plain(block)
        table = parsed(plain, text.layout, missing_words(config), schema=all_words(text.layout))
    except pl.exceptions.NoDataError:  # blank lines alone
        return pl.DataFrame(schema=all_words(text.layout))
    except Broken as error:
        raise mistake_in(text, error) from None
    return without_blank_lines(table, text)
