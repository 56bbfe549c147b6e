"""Which kind a column has is decided by the training rows alone, whatever stands in the others."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import polars as pl
import pytest
import torch

from tests.engine.tables import config, table_encoding
from tui_trainer.engine.data import prepare
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.errors import InputError

ROWS = 120


def table() -> pl.DataFrame:
    """Forty rows of each part in turn."""
    rows = range(ROWS)
    return pl.DataFrame(
        {
            "part": [("train", "validation", "test")[n % 3] for n in rows],
            "count": [str(n) for n in rows],
            "code": [f"A-{n:05}" for n in rows],
            "colour": [("red", "green")[n // 3 % 2] for n in rows],
            "says": [f"this is message number {n}" for n in rows],
            "size": [str(n * 37 % 101) for n in rows],
            "same": ["x" for _ in rows],
            "y": [("p", "q")[n // 3 % 2] for n in rows],
        }
    )


def loaded(folder: Path, changed: dict[str, Any]) -> DataSet:
    """What `prepare.load` makes of the table with {column: value by the row} in its other rows."""
    rows = table().to_dict(as_series=False)
    for name, value in changed.items():
        rows[name] = [old if n % 3 == 0 else value(n) for n, old in enumerate(rows[name])]
    path = folder / "table.csv"
    pl.DataFrame(rows).write_csv(path)
    return prepare.load(config(data=str(path), target=("y",), split_column="part"))


POISON: dict[str, Any] = {
    "count": lambda n: "7.5",
    "code": lambda n: "A-00000",
    "colour": lambda n: f"a colour that nobody knows {n}",
    "says": lambda n: "short",
    "size": lambda n: f"{n}.25",
    "same": lambda n: f"other {n}",
}


def saved(data: DataSet) -> Saved:
    return table_encoding(data).saved()  # type: ignore[arg-type]  # it has an encoding, as Encoded has


@pytest.mark.parametrize("name", [*POISON, "all"])
def test_no_other_row_changes_a_kind_nor_a_bit_of_the_training_rows(tmp_path: Path, name: str) -> None:
    clean = loaded(tmp_path, {})
    dirty = loaded(tmp_path, POISON if name == "all" else {name: POISON[name]})

    assert [column for column, _, _ in clean.columns] == ["colour", "says", "size"]
    assert clean.columns == dirty.columns
    assert clean.fingerprint == dirty.fingerprint
    assert torch.equal(clean.scaling.shift, dirty.scaling.shift)
    assert saved(clean).facts == saved(dirty).facts


def test_words_that_other_rows_have_in_a_column_of_numbers_are_refused_by_their_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"table\.csv, row 2, column 'size': 'much' is not a number .*; correct it"):
        loaded(tmp_path, {"size": lambda n: "much"})
