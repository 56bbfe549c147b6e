"""What columns look like, what they are said to be, and what they are cast to."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.engine.table_files import config_of
from tui_trainer.engine.data.table.kinds import as_kinds, column_kinds, describe_columns, kind_of
from tui_trainer.engine.data.table.reading import read_table
from tui_trainer.report import ColumnFacts

N = 40
LOOKS: dict[str, tuple[str, Any]] = {
    "numbers": ("number", [number / 7 for number in range(N)]),
    "few whole numbers": ("number", [1, 2, 3, 1] * 10),
    "years": ("number", list(range(1990, 1990 + N))),
    "a count of the rows from 0": ("identifier", list(range(N))),
    "a count of the rows from 1": ("identifier", list(range(1, N + 1))),
    "customer_id": ("identifier", [number * 7919 % 100_003 for number in range(N)]),
    "PassengerId": ("identifier", [number * 7919 % 100_003 for number in range(N)]),
    "paid": ("number", [number * 7919 % 100_003 for number in range(N)]),
    "id with repeats": ("number", [1, 2] * 20),
    "switches": ("category", [True, False] * 20),
    "colours": ("category", ["red", "green"] * 20),
    "four distinct words": ("category", ["a", "b", "c", "d"]),
    "codes": ("identifier", [f"A-{number:05}" for number in range(N)]),
    "names of several words": ("text", [f"Mr. John the {number}th" for number in range(N)]),
    "repeated sentences": ("category", ["not at all true", "all of it is true"] * 20),
    "days": ("date", ["2026-11-24", "2026-11-25"] * 20),
    "moments": ("date", ["2026-11-24T18:30:00Z", "2026-11-24 19:30"] * 20),
    "no days": ("category", ["2026-13-24", "2026-11-25"] * 20),
    "typed days": ("date", [datetime.date(2026, 11, 24), datetime.date(2026, 11, 25)] * 20),
    "one value": ("constant", [5] * N),
    "one word": ("constant", ["x"] * N),
    "nothing": ("constant", pl.Series([None] * N, dtype=pl.String)),
    "one value or none": ("number", [5, None] * 20),
    "lists": ("ignore", [["a"], ["b"]] * 20),
}


@pytest.mark.parametrize("name", LOOKS)
def test_a_column_is_what_it_looks_like(name: str) -> None:
    kind, values = LOOKS[name]
    assert kind_of(pl.Series(name, values)) == kind


def test_missing_values_do_not_change_what_a_column_looks_like() -> None:
    for name, (kind, values) in LOOKS.items():
        if kind in ("category", "text", "date", "identifier") and isinstance(values[0], str):
            assert kind_of(pl.Series(name, [*values, None, None])) == kind, name


def test_the_config_overrules_looks() -> None:
    table = pl.DataFrame({"zip": [10115, 80331], "age": [3, 4]})
    kinds = column_kinds(table, config_of(columns="zip=category"))
    assert kinds == {"zip": "category", "age": "number"}
    assert as_kinds(table, kinds)["zip"].to_list() == ["10115", "80331"]


def test_casting_gives_each_kind_its_type_and_keeps_what_is_missing() -> None:
    table = pl.DataFrame(
        {
            "whole": [1, None], "half": pl.Series([0.5, None], dtype=pl.Float32), "flag": [True, None],
            "size": [38.0, None], "odd": [1.5, None], "word": ["3.0", None], "note": ["3.0", None],
            "day": ["2026-11-24", None], "moment": ["2026-11-24T18:30:00.5+02:00", None], "key": [7, None],
        }
    )  # fmt: skip
    kinds: Any = {
        "whole": "number", "half": "number", "flag": "category", "size": "category", "odd": "category",
        "word": "category", "note": "text", "day": "date", "moment": "date", "key": "identifier",
    }  # fmt: skip
    cast = as_kinds(table, kinds)
    assert cast.row(0) == (
        1.0, 0.5, "true", "38", "1.5", "3", "3.0", datetime.datetime(2026, 11, 24),
        datetime.datetime(2026, 11, 24, 16, 30, 0, 500_000), 7,
    )  # fmt: skip
    assert cast.row(1) == (None,) * table.width
    assert cast.dtypes == [
        pl.Float64, pl.Float32, pl.String, pl.String, pl.String, pl.String, pl.String, pl.Datetime("us"),
        pl.Datetime("us"), pl.Int64,
    ]  # fmt: skip


def test_a_switch_said_to_be_a_number_is_0_or_1() -> None:
    kinds: Any = {"flag": "number"}
    for values in ([True, False, None], ["True", "false", None]):
        assert as_kinds(pl.DataFrame({"flag": values}), kinds)["flag"].to_list() == [1.0, 0.0, None]


def test_the_real_tables_look_as_they_are_described(data_dir: Path) -> None:
    adult = read_table(data_dir / "adult" / "adult.data", config_of(missing="?"))
    kinds = list(column_kinds(adult, config_of()).values())
    assert [number for number, kind in enumerate(kinds) if kind == "number"] == [0, 2, 4, 10, 11, 12]
    assert kinds.count("category") == 9
    messages = read_table(data_dir / "sms_spam" / "SMSSpamCollection", config_of())
    assert column_kinds(messages, config_of()) == {"column_1": "category", "column_2": "text"}
    for path in ("california_housing/cal_housing.data.csv", "concrete/data.txt"):
        numbers = read_table(data_dir / path, config_of())
        assert set(column_kinds(numbers, config_of()).values()) == {"number"}


def test_columns_are_described_for_a_screen() -> None:
    table = pl.DataFrame({"age": [3, None, 3], "tags": [["a"], ["a"], ["b"]], "nothing": [None, None, None]})
    assert describe_columns(table, {"age": "number", "tags": "ignore", "nothing": "constant"}) == [
        ColumnFacts("age", "number", missing=1, distinct=1, example="3"),
        ColumnFacts("tags", "ignore", missing=0, distinct=2, example="['a']"),
        ColumnFacts("nothing", "constant", missing=3, distinct=0, example=""),
    ]
