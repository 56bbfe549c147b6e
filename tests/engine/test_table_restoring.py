"""A table's encoding comes back from a checkpoint bit for bit, and reads new rows with it."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.engine.tables import config, encoded, from_disk, table_encoding
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data import own
from tui_trainer.engine.data.table.encoding import TableEncoding
from tui_trainer.errors import InputError

KINDS: dict[str, ColumnKind] = {"x": "number", "c": "category", "t": "text", "d": "date"}
NUMBERS = st.none() | st.floats(allow_nan=False, allow_infinity=False)
WORDS = st.none() | st.text(max_size=4) | st.sampled_from(["a", "b", "c d"])
DATES = st.none() | st.datetimes(datetime(1800, 1, 1), datetime(2200, 1, 1))
ROWS = st.lists(st.tuples(NUMBERS, WORDS, WORDS, DATES), min_size=3, max_size=12)
SCHEMA: dict[str, Any] = {"x": pl.Float64, "c": pl.String, "t": pl.String, "d": pl.Datetime("us")}


@settings(max_examples=60)
@given(
    rows=ROWS,
    normalize=st.sampled_from(["none", "unit", "standard", "quantile"]),
    categories=st.sampled_from(["one_hot", "embedding"]),
    rare_below=st.integers(1, 3),
    features=st.sampled_from(["tfidf", "hashing"]),
)
def test_whatever_was_fitted_comes_back_with_the_same_bits(rows: list[Any], features: str, **values: Any) -> None:
    table = pl.DataFrame(rows, schema=SCHEMA, orient="row")
    try:
        found = encoded(table, KINDS, len(rows) - 1, text_features=features, text_size=16, **values)
    except InputError:  # no column of these rows says anything
        return
    restored = from_disk(table_encoding(found))

    again = restored.encode(table)
    assert torch.equal(again[:-1], found.inputs["train"])
    assert torch.equal(again[-1:], found.inputs["test"])
    assert torch.isfinite(again).all()
    assert torch.isfinite((again - found.shift) / found.spread)[:-1].all()
    assert again.dtype == torch.float32
    assert torch.equal(restored.scaling[0], found.shift)
    assert torch.equal(restored.scaling[1], found.spread)
    assert json.dumps(restored.saved().facts) == json.dumps(table_encoding(found).saved().facts)


PEOPLE = pl.DataFrame({"age": [20.0, 30.0, 50.0], "zip": ["1", "2", "1"], "id": ["p", "q", "r"]})
PEOPLE_KINDS: dict[str, ColumnKind] = {"age": "number", "zip": "category", "id": "identifier"}


def people(**values: Any) -> TableEncoding:
    return from_disk(table_encoding(encoded(PEOPLE, PEOPLE_KINDS, 3, normalize="none", **values)))


def test_what_reading_asks_of_the_settings_is_restored() -> None:
    given_values = {
        "delimiter": "semicolon",
        "missing": ("?", "none"),
        "columns": {"zip": "category"},
        "target": ("y",),
    }
    restored = people(**given_values)._config

    asked = config(**given_values, normalize="none")
    assert (restored.table, restored.text, restored.data) == (asked.table, asked.text, asked.data)


@pytest.mark.parametrize("numbers", [[2, 1], [2.0, 1.0]])
def test_a_category_that_arrives_as_numbers_is_the_same_category(tmp_path: Path, numbers: list[float]) -> None:
    pl.DataFrame({"age": [1, 2], "zip": numbers}).write_parquet(tmp_path / "new.parquet")

    (batch,) = people().batches(tmp_path / "new.parquet", 100)
    assert batch.inputs.tolist() == [[1, 0, 1], [2, 1, 0]]


def test_missing_columns_are_refused_by_name() -> None:
    with pytest.raises(InputError, match=r"new.csv: 2 of the columns .* are missing: age, zip; the file has id, name"):
        people().check_columns(["id", "name"], "new.csv")
    with pytest.raises(InputError, match="missing: age; did you mean 'Age'"):
        people().check_columns(["Age", "zip"], "new.csv")


def test_a_file_of_new_rows_is_read_in_batches(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("name,zip,age\n" + "".join(f"n{n},{n % 3},{20 + n}\n" for n in range(10)))

    batches = list(people().batches(file, 4))
    assert [len(batch.inputs) for batch in batches] == [4, 4, 2]
    assert [name for batch in batches for name in batch.names] == [str(n) for n in range(1, 11)]
    inputs = torch.cat([batch.inputs for batch in batches])
    assert inputs[:, 0].tolist() == [20.0 + n for n in range(10)]
    assert inputs[:3, 1:].tolist() == [[0, 0], [1, 0], [0, 1]]  # no training row lives in 0


def test_a_file_without_a_column_is_refused_by_name(tmp_path: Path) -> None:
    file = tmp_path / "new.csv"
    file.write_text("name,age\na,1\n")

    with pytest.raises(InputError, match=r"new\.csv: 1 of the columns .* missing: zip; the file has name, age"):
        list(people().batches(file, 4))


def test_new_rows_are_encoded_with_the_bits_they_would_have_had_in_training(tmp_path: Path) -> None:
    random = np.random.default_rng(2)
    for name, first in (("train.csv", 0), ("test.csv", 100)):
        lines = ["id,age,town,joined,says,y"]
        for row in range(first, first + 100):
            age = "" if row % 11 == 0 else f"{random.normal(40, 10):.3f}"
            town = ["Oslo", "Rome", "NA", f"T{row}"][row % 4]
            says = " ".join(random.choice(["yes", "no", "perhaps", "never", "often"], 4))
            lines.append(f"p{row},{age},{town},2024-{1 + row % 12:02}-{1 + row % 28:02},{says} {row},{'ab'[row % 2]}")
        (tmp_path / name).write_text("\n".join(lines) + "\n")
    values = {"target": ("y",), "columns": {"says": "text", "town": "category"}, "rare_below": 2}
    data = own.load(config(**values, data=str(tmp_path / "train.csv"), test_data=str(tmp_path / "test.csv")))

    assert isinstance(data.encoding, TableEncoding)
    assert [name for name, _, _ in data.columns] == ["age", "town", "joined", "says"]
    batches = from_disk(data.encoding).batches(tmp_path / "test.csv", 32)
    assert torch.equal(torch.cat([batch.inputs for batch in batches]), data.test.inputs)


@pytest.mark.parametrize("formula", ["row_id % 7", "b AND (k > 50)", "SUBSTR(t, 6, 2)", "c || b", "k / row_id"])
@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_a_formula_reads_in_new_rows_the_types_it_was_trained_on(tmp_path: Path, formula: str, suffix: str) -> None:
    rows = 60
    table = pl.DataFrame(
        {
            "row_id": range(1, rows + 1),
            "b": [n % 3 == 0 for n in range(rows)],
            "k": [n * 37 % 101 for n in range(rows)],
            "t": [f"2024-{1 + n % 12:02}-{1 + n % 5:02}" for n in range(rows)],
            "c": ["uvw"[n % 3] for n in range(rows)],
            "y": ["pq"[n % 2] for n in range(rows)],
        }
    )
    for name, part in (("train", table[:40]), ("test", table[40:])):
        path = tmp_path / f"{name}.{suffix}"
        part.write_csv(path) if suffix == "csv" else part.write_parquet(path)
    values = {"target": ("y",), "derived": {"made": formula}}
    files = {"data": str(tmp_path / f"train.{suffix}"), "test_data": str(tmp_path / f"test.{suffix}")}
    data = own.load(config(**values, **files))

    assert isinstance(data.encoding, TableEncoding)
    assert "made" in [name for name, _, _ in data.columns]
    batches = from_disk(data.encoding).batches(tmp_path / f"test.{suffix}", 7)
    assert torch.equal(torch.cat([batch.inputs for batch in batches]), data.test.inputs)


def test_a_table_too_wide_for_one_line_of_the_cache_has_every_column_in_its_place() -> None:
    random = np.random.default_rng(1)
    table = pl.DataFrame(
        {f"n{n}": random.standard_normal(50) for n in range(21)}
        | {f"c{n}": [f"w{number % (3 + 10 * n)}" for number in range(50)] for n in range(3)}
    )
    kinds: dict[str, ColumnKind] = {name: "number" if name[0] == "n" else "category" for name in table.columns}
    train = random.permutation(50)[:40]
    found = encoded(table, kinds, train, normalize="none")

    for name, first, end in found.columns:
        expected = table[name].to_numpy()[train]
        if kinds[name] == "category":
            names = np.array(sorted(set(expected)))
            assert (names[found.inputs["train"][:, first:end].argmax(1)] == expected).all()
        else:
            assert (found.inputs["train"][:, first].numpy() == expected.astype(np.float32)).all()
    assert found.columns[-1][2] == found.inputs["train"].shape[1]
