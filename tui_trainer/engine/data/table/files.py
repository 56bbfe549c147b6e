"""What a table's file is, and polars' way into it."""

from __future__ import annotations

import mmap
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.table.layout import SAMPLE, Layout, lay_out
from tui_trainer.errors import InputError

Broken = (pl.exceptions.PolarsError, pl.exceptions.PanicException, OSError, ValueError)
EMPTY = "an empty file; expected a table with a row for each sample"
FEWEST_LINES = 100
LONGEST_HEAD = 64 << 20  # bytes
NO_ROWS = "no rows; expected one for each sample"


def form_of(path: Path) -> str:
    """`parquet`, `ipc` or `text`, by its first bytes, and by its name where these say nothing."""
    try:
        with path.open("rb") as file:
            start = file.read(8)
    except OSError as error:
        raise InputError(f"{path}: cannot be read: {error.strerror or error}") from None
    suffix = path.suffix.lower()
    if not start:
        raise InputError(f"{path}: {EMPTY}")
    if start.startswith(b"PAR1") or suffix == ".parquet":
        return "parquet"
    if start.startswith(b"ARROW1") or suffix in (".feather", ".arrow", ".ipc"):
        return "ipc"
    return "text"


def unreadable(path: Path, form: str, error: BaseException) -> InputError:
    """The sentence about a file that polars cannot read as what it should be."""
    name = "Parquet" if form == "parquet" else "Feather (Arrow IPC)"
    reason = " ".join(str(error).split())[:200]
    size = path.stat().st_size
    return InputError(f"{path}: no whole {name} file ({size:,} bytes; truncated or damaged?): {reason}; write it again")


def layout_of(path: Path, config: RunConfig, kinds: Mapping[str, Any] | None = None) -> Layout:
    """How a text file is laid out, judged by its first megabyte, and by all of it as to quotes."""
    with path.open("rb") as file, mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as whole:
        return lay_out(head_of(file), str(path), config, kinds, whole)


def head_of(file: BinaryIO) -> bytes:
    """A file's first megabyte, or as many as a hundred lines take: a header may name a hundred thousand columns."""
    head = file.read(SAMPLE)
    while head.count(b"\n") < FEWEST_LINES and len(head) < LONGEST_HEAD and (more := file.read(len(head))):
        head += more
    return head


def missing_words(config: RunConfig) -> list[str]:
    """As they stand between separators, also behind ", "."""
    return [spaced + word for word in config.table.missing for spaced in ("", " ")]


def parsed(source: Path | bytes, layout: Layout, missing: list[str], **options: Any) -> pl.DataFrame:
    """Plain text, read by polars."""
    return pl.read_csv(
        source, has_header=False, skip_lines=layout.lead, separator=layout.parsed_separator, null_values=missing,
        quote_char='"' if layout.quoting else None, glob=False, **options,
    )  # fmt: skip


def all_words(layout: Layout) -> dict[str, Any]:
    """Types by which nothing is parsed."""
    return dict.fromkeys(layout.names, pl.String)
