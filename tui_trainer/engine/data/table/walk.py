"""A text walked through record by record, for what polars does not tell: on which line something is wrong."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from itertools import islice
from typing import BinaryIO

import numpy as np
import polars as pl

from tui_trainer.engine.data.table.layout import Layout, records
from tui_trainer.engine.data.table.places import shown
from tui_trainer.errors import InputError

PIECE = 1 << 20  # bytes


@dataclass(frozen=True)
class Text:
    """A whole file, or a block of one that begins after so many rows and lines."""

    name: str
    layout: Layout
    opened: Callable[[], BinaryIO]
    rows_before: int = 0
    lines_before: int = 0

    def rows(self) -> Iterator[tuple[int, bytes]]:
        """(line, record) of each row, blank lines among them."""
        with self.opened() as lines:
            rows = records(islice(lines, self.layout.lead, None), self.layout.quoting)
            for line, record in rows:
                yield line + self.layout.lead + self.lines_before, record

    def where(self, row: int) -> str:
        """`people.csv, row 17 (line 18)`, of a row counted from 0 here."""
        at = -1
        for line, record in self.rows():
            at += len(self.layout.names) == 1 or not _is_blank(record)
            if at == row:
                return self.at(row, line)
        return f"{self.name}, row {self.rows_before + row + 1:,}"

    def separators(self) -> int:
        """Those in all rows, or -1 where some are quoted or in runs. Ten times as fast as walking."""
        if self.layout.quoting or not self.layout.is_plain:
            return -1
        sign, count = ord(self.layout.separator), 0
        with self.opened() as file:
            for _ in range(self.layout.lead):
                file.readline()
            while piece := file.read(PIECE):
                count += int(np.count_nonzero(np.frombuffer(piece, np.uint8) == sign))
        return count

    def at(self, row: int, line: int) -> str:
        """The same, of a row whose line is known."""
        return f"{self.name}, row {self.rows_before + row + 1:,} (line {line:,})"


def without_blank_lines(table: pl.DataFrame, text: Text) -> pl.DataFrame:
    """The table without the rows that are blank lines. Raises InputError where a row has too few values.

    polars fills both with nulls: nothing is to be done where the last column has none.
    """
    width = len(text.layout.names)
    if width == 1 or not table.height or not table.to_series(width - 1).null_count():
        return table
    if text.separators() == (width - 1) * table.height:  # polars has refused rows of too many
        return table
    blank = []
    for row, (line, record) in enumerate(text.rows()):
        if _is_blank(record):
            blank.append(row)
        elif (count := _width(record, text.layout)) != width:
            raise _wrong_width(text, row - len(blank), line, count, record)
    kept = np.ones(table.height, dtype=bool)
    kept[[row for row in blank if row < table.height]] = False
    return table.filter(pl.Series(kept)) if blank else table


def mistake_in(text: Text, error: BaseException) -> InputError:
    """The sentence about a text that polars refused."""
    broken = _broken_utf8(text)
    if broken:
        return broken
    row = -1
    for line, record in text.rows():
        if _is_blank(record):
            continue
        row += 1
        if loose := _loose_quote(record, text.layout):
            return InputError(
                f"{text.at(row, line)}: {loose}; close each quote that opens a value where the value ends, and double "
                "a quote within a quoted value"
            )
        if (count := _width(record, text.layout)) != len(text.layout.names):
            return _wrong_width(text, row, line, count, record)
    reason = " ".join(str(error).split("\n\n")[0].split())[:200]
    return InputError(f"{text.name}: cannot be read as a table with {len(text.layout.names)} columns: {reason}")


def _is_blank(record: bytes) -> bool:
    return not record.strip(b"\r\n")


def _broken_utf8(text: Text) -> InputError | None:
    with text.opened() as lines:
        for number, line in enumerate(lines, 1 + text.lines_before):
            try:
                line.decode()
            except UnicodeDecodeError as error:
                return InputError(
                    f"{text.name}, line {number:,}: byte {error.start + 1} of it ({line[error.start]:#04x}) is not "
                    "UTF-8; save the file as UTF-8"
                )
    return None


def _width(record: bytes, layout: Layout) -> int:
    if layout.is_plain and not (layout.quoting and b'"' in record):
        return record.count(layout.separator.encode()) + 1
    return len(layout.values(record))


def _loose_quote(record: bytes, layout: Layout) -> str:
    """What is wrong with the quotes of a record, or nothing."""
    if not layout.quoting or b'"' not in record:
        return ""
    text = layout.plain(record.rstrip(b"\r\n")).decode(errors="replace")
    if text.count('"') % 2:
        return f"a quote is opened and not closed ({shown(text.strip())})"
    at = 0
    while at < len(text):  # a value a turn
        end = _closing(text, at) if text[at] == '"' else text.find(layout.parsed_separator, at) - 1
        if end < at - 1 or end + 1 >= len(text):
            return ""
        if text[end + 1] != layout.parsed_separator:
            return f"a quote is closed before its value ends ({shown(text[at:])})"
        at = end + 2
    return ""


def _closing(text: str, at: int) -> int:
    end = text.find('"', at + 1)
    while text[end : end + 2] == '""':
        end = text.find('"', end + 2)
    return end


def _wrong_width(text: Text, row: int, line: int, count: int, record: bytes) -> InputError:
    width = len(text.layout.names)
    what = "too many" if count > width else "too few"
    remedy = "correct the line, or quote a value that holds the separator"
    if width == 1:
        remedy = "quote it, or say --delimiter tab where each line is one value"
    return InputError(
        f"{text.at(row, line)}: {count} values where there are {width} columns, {what} "
        f"({shown(record.decode(errors='replace').strip())}); {remedy}"
    )
