"""Small tables for the tests: files written as people write them, and configs that read them."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import polars as pl
from hypothesis import strategies as st

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.table.reading import read_table
from tui_trainer.knobs import build

SIGNS = {"comma": ",", "semicolon": ";", "tab": "\t", "pipe": "|"}
WORDS = st.text("ab ,;\t|\"'\né", max_size=12).map(lambda text: "w" + text)
"""Words that no reader takes for numbers, with all that makes parsing hard."""
COLUMNS = {
    "number": st.floats(allow_nan=False, allow_infinity=False, width=32),
    "integer": st.integers(-(10**12), 10**12),
    "word": WORDS,
}


def config_of(**values: Any) -> RunConfig:
    """A config for a file of one's own."""
    return build({"data": "./table.csv", **values})


def write(folder: Path, content: str | bytes, name: str = "table.csv") -> Path:
    """A file with this content."""
    path = folder / name
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    return path


def read(folder: Path, content: str | bytes, **values: Any) -> pl.DataFrame:
    """What `read_table` makes of this content."""
    return read_table(write(folder, content), config_of(**values))


@st.composite
def tables(draw: st.DrawFn) -> dict[str, list[Any]]:
    """Two to five columns of one type each, a third of their values missing; none is missing throughout."""
    height = draw(st.integers(1, 30))
    columns: dict[str, list[Any]] = {}
    for number, kind in enumerate(draw(st.lists(st.sampled_from(sorted(COLUMNS)), min_size=2, max_size=5))):
        value = COLUMNS[kind]
        values = draw(st.lists(value | value | st.none(), min_size=height, max_size=height))
        values[draw(st.integers(0, height - 1))] = draw(value)
        columns[f"{kind}_{number}"] = values
    return columns


def written(
    columns: dict[str, list[Any]], *, sign: str = ",", end: str = "\n", quoting: Any = csv.QUOTE_MINIMAL,
    missing: Sequence[str] = ("",), mark: bool = False,
) -> bytes:  # fmt: skip
    """The table as text; missing values take turns among `missing`."""
    file = io.StringIO(newline="")
    writer = csv.writer(file, delimiter=sign, lineterminator=end, quoting=quoting)
    writer.writerow(columns)
    for number, row in enumerate(zip(*columns.values(), strict=True)):
        writer.writerow([missing[number % len(missing)] if value is None else value for value in row])
    return b"\xef\xbb\xbf" * mark + file.getvalue().encode()


def expected(columns: dict[str, list[Any]]) -> dict[str, list[Any]]:
    """What has to come back: words without the spaces around them."""
    return {
        name: [value.strip() if isinstance(value, str) else value for value in values]
        for name, values in columns.items()
    }
