"""Splits by number: files of row numbers, published splits, and folds."""

from __future__ import annotations

import warnings
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from sklearn.model_selection import StratifiedKFold

from tests.engine.rows import Rows, asking, classes, listed, parts_of, values, write
from tui_trainer.engine.data import load
from tui_trainer.engine.data.opened import LeavesRowsOut
from tui_trainer.engine.data.splitting import split_rows
from tui_trainer.errors import InputError
from tui_trainer.knobs import build

NINE = [0, 1, 2] * 30


def test_files_of_row_numbers_are_taken_as_they_stand() -> None:
    train, validation, test = write("a.txt", 5, 3, 1), write("b.txt", 0), write("c.txt", "2.000e+00", 4)
    parts = parts_of(values(6), train_rows=train, validation_rows=validation, test_rows=test)
    assert {part: rows.tolist() for part, rows in parts.items()} == {
        "train": [5, 3, 1],
        "validation": [0],
        "test": [2, 4],
    }


def test_without_a_file_of_training_rows_those_left_over_are_trained_on() -> None:
    parts = listed(parts_of(values(6), test_rows=write("c.txt", 2, 4), validation=0))
    assert parts == {"train": [0, 1, 3, 5], "test": [2, 4]}


def test_without_a_file_of_test_rows_those_left_over_are_the_test() -> None:
    parts, notes = split_rows(values(6), asking(train_rows=write("a.txt", 0, 1), validation_rows=write("b.txt", 5)))
    assert listed(parts) == {"train": [0, 1], "validation": [5], "test": [2, 3, 4]}
    assert notes == ("test: the 3 rows that no file lists",)


def test_rows_that_no_file_lists_are_counted() -> None:
    files = {"train_rows": write("a.txt", 0, 1), "test_rows": write("c.txt", 2)}
    parts, notes = split_rows(values(6), asking(validation=0, **files))
    assert listed(parts) == {"train": [0, 1], "test": [2]}
    assert notes == ("3 rows are in no file of row numbers and are left out",)


def test_row_numbers_are_of_the_first_file_where_there_is_a_test_file() -> None:
    rows = values(6, given={"test": np.array([0, 1])})  # whichever stands first
    files = {"train_rows": write("a.txt", 0, 1), "validation_rows": write("b.txt", 3)}
    parts, notes = split_rows(rows, asking(**files, test_data="./test.csv"))
    assert listed(parts) == {"test": [0, 1], "train": [2, 3], "validation": [5]}
    assert notes == ("1 rows are in no file of row numbers and are left out",)


@pytest.mark.parametrize(
    ("lines", "says"),
    [
        ([1, 6], "--test-rows c.txt, line 2: there is no row 6; ./rows.csv has 6 rows, counted from 0 to 5"),
        ([1, "two"], "--test-rows c.txt, line 2: 'two' is no row number"),
        ([1, -2], "line 2: '-2' is no row number"),
        ([1, 2.5], "line 2: '2.5' is no row number"),
        ([1, "", 3, 1], r"line 4: row 1 stands there twice \(also in line 1\)"),
        ([], "the file is empty"),
        (["9" * 30], "line 1: there is no row"),
        ([0, 1, 2, 3, 4, 5], "no train rows are left"),
    ],
)
def test_a_file_that_is_no_list_of_rows_is_refused_with_its_line(lines: list[object], says: str) -> None:
    with pytest.raises(InputError, match=says):
        parts_of(values(6), test_rows=write("c.txt", *lines))


def test_a_row_in_two_parts_is_refused() -> None:
    files = {"train_rows": write("a.txt", 0, 1, 2), "test_rows": write("c.txt", 5, 2)}
    with pytest.raises(InputError, match=r"--test-rows c.txt, line 2: row 2 is in the train rows too"):
        parts_of(values(6), **files)


def test_each_published_split_is_a_line() -> None:
    test = write("splits.txt", "0 1", "2 3", "", "4,5")
    tests = [listed(parts_of(values(6), test_rows=test, split_number=n, validation=0))["test"] for n in (1, 2, 3)]
    assert tests == [[0, 1], [2, 3], [4, 5]]
    with pytest.raises(InputError, match=r"3 splits: choose one with split number 1\.\.3"):
        parts_of(values(6), test_rows=test)
    with pytest.raises(InputError, match=r"splits.txt has 3 splits"):
        parts_of(values(6), test_rows=test, split_number=4)


def test_each_published_split_may_have_its_training_rows_too() -> None:
    files = {"test_rows": write("test.txt", "0 1", "2 3"), "train_rows": write("train.txt", "4 5", "0 1")}
    parts, notes = split_rows(values(6), asking(**files, split_number=2, validation=0))
    assert listed(parts) == {"train": [0, 1], "test": [2, 3]}
    assert notes == ("2 rows are in no file of row numbers and are left out",)
    with pytest.raises(InputError, match=r"3 lines of several numbers, but ./test.txt has 2 splits"):
        parts_of(values(6), **{**files, "train_rows": write("train.txt", "4 5", "0 1", "1 2")}, split_number=2)


@dataclass(frozen=True)
class Thinned(Rows):
    """Rows 1 and 4 of its file were left out."""

    file_rows = np.array([0, 2, 3, 5])
    rows_in_file = 6


def test_row_numbers_mean_the_files_rows_where_some_were_left_out() -> None:
    rows = Thinned(values(4).targets)
    assert isinstance(rows, LeavesRowsOut)
    parts, notes = split_rows(rows, asking(test_rows=write("c.txt", 3, 4, 5), validation=0))
    assert listed(parts) == {"train": [0, 1], "test": [2, 3]}
    assert notes == ("1 numbers in c.txt are of rows that were left out while reading",)


def test_folds_are_scikit_learns_stratified_ones() -> None:
    expected = list(StratifiedKFold(5, shuffle=True, random_state=0).split(NINE, NINE))
    for number, (rest, test) in enumerate(expected, 1):
        parts = listed(parts_of(classes(NINE), folds=5, split_number=number, seed=number))
        assert parts["test"] == test.tolist()
        assert sorted(parts["train"] + parts["validation"]) == rest.tolist()
        assert len(parts["validation"]) == 8


@pytest.mark.parametrize("sizes", [[30, 30, 1], [30, 3, 2], [3, 3, 3]], ids=["one alone", "small", "all small"])
def test_folds_test_every_row_once_but_for_classes_of_one(sizes: list[int]) -> None:
    rows = classes(np.repeat(np.arange(3), sizes))
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        tests = [parts_of(rows, folds=5, split_number=number, validation=0)["test"] for number in range(1, 6)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(sum(sizes) - sizes.count(1)))


def test_folds_keep_groups_together_and_classes_balanced() -> None:
    groups = np.repeat(np.arange(30), 3)
    rows = classes(NINE, columns={"g": groups})
    tests = [parts_of(rows, folds=5, split_number=n, split_group="g", validation=0)["test"] for n in range(1, 6)]
    assert sorted(np.concatenate(tests).tolist()) == list(range(90))
    for test in tests:
        assert not set(groups[test]) & set(np.delete(groups, test))
        assert np.bincount(np.array(NINE)[test]).tolist() == [6, 6, 6]


def test_more_folds_than_rows_or_groups_are_refused() -> None:
    with pytest.raises(InputError, match="--folds 5 cannot split 4 samples"):
        parts_of(values(4), folds=5, split_number=1)
    with pytest.raises(InputError, match="--folds 5 cannot split 2 groups"):
        parts_of(values(10, columns={"g": [0, 1] * 5}), folds=5, split_number=1, split_group="g")
    with pytest.raises(InputError, match=r"5 splits: choose one with split number 1\.\.5"):
        parts_of(values(10), folds=5)


def test_known_data_without_a_test_split_can_be_folded_too() -> None:
    parts = [load(build({"data": "iris", "folds": 3, "split_number": number})) for number in (1, 2, 3)]
    assert [len(data.test) for data in parts] == [50, 50, 50]
    assert [np.bincount(data.test.targets).tolist() for data in parts] == [[17, 17, 16], [17, 16, 17], [16, 17, 17]]
    assert [len(data.train) for data in parts] == [90, 90, 90]


def test_published_splits_are_read_as_published(data_dir: Path) -> None:
    splits = data_dir / "concrete" / "test_splits.txt"
    if not splits.is_file():
        pytest.skip(f"needs {splits}")
    random = np.random.RandomState(1)
    for number in range(1, 21):
        parts = parts_of(values(1030), test_rows=str(splits), split_number=number, validation=0)
        order = random.choice(range(1030), 1030, replace=False)  # how they were made
        assert parts["test"].tolist() == order[round(0.9 * 1030) :].tolist()
        assert (len(parts["train"]), len(parts["test"])) == (927, 103)
    folder = data_dir / "adult"
    adult = values(32_561 + 16_281, given={"test": np.arange(32_561, 32_561 + 16_281)})
    parts, notes = split_rows(
        adult,
        asking(
            train_rows=str(folder / "split_train.txt"), validation_rows=str(folder / "split_val.txt"), test_data="./t"
        ),
    )
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 26_048, "validation": 6_513, "test": 16_281}
    assert notes == ()
    folder = data_dir / "california_housing"
    files = {f"{part}_rows": str(folder / f"split_{part}.txt") for part in ("train", "test")}
    files["validation_rows"] = str(folder / "split_val.txt")
    parts, notes = split_rows(values(20_640), asking(**files))
    assert {part: len(rows) for part, rows in parts.items()} == {"train": 13_209, "validation": 3_303, "test": 4_128}
    order = np.random.RandomState(0).permutation(20_640)
    assert parts["test"].tolist() == order[:4_128].tolist()
    assert notes == ()
