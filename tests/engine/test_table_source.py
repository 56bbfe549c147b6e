"""Tables as sources: one file or two, their rows, their places, their columns."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.engine.table_files import write
from tui_trainer.engine.data.table.source import TableSource, open_table
from tui_trainer.errors import InputError
from tui_trainer.knobs import build

TRAIN = "age,city,label\n1,Bonn,yes\n2,Rome,no\n,Oslo,yes\n"
TEST = "label,age,city\nno,5.5,Rome\nyes,6,\n"


def opened(folder: Path, train: str, test: str | None = None, **values: Any) -> TableSource:
    """The source of one or two files."""
    path = write(folder, train, "train.csv")
    second = write(folder, test, "test.csv") if test is not None else None
    return open_table(path, second, build({"data": str(path), "target": "label", **values}))


def test_letter_has_26_classes_of_known_counts(data_dir: Path) -> None:
    path = data_dir / "letter" / "letter-recognition.data"
    letters = open_table(path, None, build({"data": str(path), "target": "column_1"}))
    assert letters.class_names == tuple("ABCDEFGHIJKLMNOPQRSTUVWXYZ")
    counts = np.bincount(letters.targets.numpy())
    assert dict(zip("AUDZ", counts[[0, 20, 3, 25]], strict=True)) == {"A": 789, "U": 813, "D": 805, "Z": 734}
    assert counts.sum() == 20_000
    assert letters.given == {}


def test_adult_s_second_file_is_the_test(data_dir: Path) -> None:
    path, test = data_dir / "adult" / "adult.data", data_dir / "adult" / "adult.test"
    config = build({"data": str(path), "target": "column_15", "missing": "?", "label_trim": "."})
    adult = open_table(path, test, config)
    assert adult.class_names == ("<=50K", ">50K")
    rows = adult.given["test"]
    assert (rows[0], len(rows), len(adult.targets)) == (32_561, 16_281, 48_842)
    assert adult.targets[:32_561].float().mean().item() == pytest.approx(0.2408, abs=5e-5)
    assert adult.targets[32_561:].float().mean().item() == pytest.approx(0.2362, abs=5e-5)
    assert adult.place(32_561) == f"{test}, row 1"


def test_the_test_file_s_columns_may_stand_in_another_order(tmp_path: Path) -> None:
    both = opened(tmp_path, TRAIN, TEST)
    assert both.targets.tolist() == [1, 0, 1, 0, 1]
    assert {part: rows.tolist() for part, rows in both.given.items()} == {"test": [3, 4]}
    assert both.column("age").tolist()[3:] == [5.5, 6.0]
    assert both.column("city").tolist() == ["Bonn", "Rome", "Oslo", "Rome", None]
    assert [both.place(row) for row in (2, 3)] == [f"{tmp_path}/train.csv, row 3", f"{tmp_path}/test.csv, row 1"]


@pytest.mark.parametrize(
    ("test", "sentence"),
    [
        ("age,town,label\n1,Bonn,yes\n", "column 'city' of train.csv is missing"),
        ("age,city,label,size\n1,Bonn,yes,3\n", "column 'size' is not in train.csv"),
        ("1,Bonn,yes\n2,Rome,no\n", "column 'age' of train.csv is missing.*--header"),
        ("age,city,label\nold,Bonn,yes\nyoung,Rome,no\n", "test.csv, column 'age': holds words, as 'old'.* numbers"),
        ("age,city,label\n1,Bonn,\n2,Rome,\n", "test.csv: no row has a target"),
    ],
)
def test_files_that_disagree_are_refused_by_the_column(tmp_path: Path, test: str, sentence: str) -> None:
    with pytest.raises(InputError, match=sentence):
        opened(tmp_path, TRAIN, test)


def test_rows_without_a_target_leave_the_numbers_of_the_others_as_in_the_file(tmp_path: Path) -> None:
    source = opened(tmp_path, "x,label\n5,a\n6,\n7,b\n8,a\n", "x,label\n1,\n2,b\n")
    assert source.column("x").tolist() == [5, 7, 8, 2]
    assert source.file_rows.tolist() == [0, 2, 3, 1]
    assert source.rows_in_file == 4
    assert [source.place(row)[-5:] for row in range(4)] == ["row 1", "row 3", "row 4", "row 2"]
    assert source.given["test"].tolist() == [3]
    assert "2 rows without a target are left out (the first: " in source.notes[0]
    assert "train.csv, row 2)" in source.notes[0]


def test_a_column_is_given_in_the_type_a_split_takes(tmp_path: Path) -> None:
    source = opened(tmp_path, "day,flag,n,label\n2026-11-24,true,1,a\n,false,,b\n", columns="day=date")
    day = source.column("day")
    assert day.dtype == np.dtype("datetime64[us]")
    assert day[0] == np.datetime64(datetime.datetime(2026, 11, 24))
    assert np.isnat(day[1])
    assert source.column("flag").tolist() == [True, False]
    assert np.isnan(source.column("n")[1])
    with pytest.raises(InputError, match="no column 'dya'; did you mean 'day'"):
        source.column("dya")


def test_rows_are_no_files(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no files"):
        opened(tmp_path, TRAIN).file_names()


def test_columns_that_say_how_to_split_are_no_inputs_and_it_is_said(tmp_path: Path) -> None:
    source = opened(tmp_path, TRAIN, split_column="city")
    assert source.notes == ("'city' says how rows are split and is no input",)


def test_what_is_known_of_the_columns_can_be_shown(tmp_path: Path) -> None:
    facts = {fact.name: fact for fact in opened(tmp_path, TRAIN).describe()}
    assert (facts["age"].kind, facts["age"].missing, facts["city"].distinct) == ("number", 1, 3)


@pytest.mark.parametrize("suffix", ["csv", "parquet"])
def test_an_empty_field_of_labels_is_a_row_without_any(tmp_path: Path, suffix: str) -> None:
    path = write(tmp_path, "x,tags\n1,a;b\n2,\n3,b\n4,NA\n", "tags.csv")
    if suffix == "parquet":
        path = tmp_path / "tags.parquet"
        pl.DataFrame({"x": [1, 2, 3, 4], "tags": ["a;b", "", "b", None]}).write_parquet(path)
    source = open_table(path, None, build({"data": str(path), "target": "tags", "task": "labels", "missing": "NA"}))
    assert source.class_names == ("a", "b")
    assert source.targets.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert source.column("x").tolist() == [1, 2, 3]
    assert "1 rows without a target" in source.notes[0]


def test_a_single_column_of_0_and_1_is_one_label_also_in_text(tmp_path: Path) -> None:
    source = opened(tmp_path, "x,label\n1,0\n2,1\n3,\n", task="labels")
    assert (source.class_names, source.targets.tolist()) == (("label",), [[0], [1]])
