"""Which rows are trained, validated and tested on: each way against plain facts and scikit-learn."""

from __future__ import annotations

import re
from datetime import date
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from sklearn.model_selection import GroupShuffleSplit, train_test_split

from tests.engine.rows import asking, classes, listed, parts_of, values, write
from tui_trainer.engine.data.shares import share_off
from tui_trainer.engine.data.splitting import split_rows
from tui_trainer.errors import InputError

NINE = [0, 1, 2] * 30


def test_without_a_wish_the_rows_are_split_as_scikit_learn_stratifies_them() -> None:
    parts = parts_of(classes(NINE), seed=3)
    rest, test = train_test_split(np.arange(90), test_size=0.2, random_state=0, stratify=NINE)
    train, validation = train_test_split(rest, test_size=0.1, random_state=3, stratify=np.array(NINE)[rest])
    assert np.array_equal(parts["test"], test)
    assert np.array_equal(parts["train"], train)
    assert np.array_equal(parts["validation"], validation)


def test_another_seed_validates_on_other_rows_and_tests_on_the_same() -> None:
    one, other = (listed(parts_of(classes(NINE), seed=seed)) for seed in (1, 2))
    assert one["test"] == other["test"]
    assert one["validation"] != other["validation"]


def test_a_class_of_one_row_is_trained_on_and_said() -> None:
    parts, notes = split_rows(classes([*NINE, 3]), asking())
    assert 90 in parts["train"]
    assert any("1 class has one row only (d)" in note for note in notes)


def test_classes_of_one_row_each_cannot_be_split() -> None:
    with pytest.raises(InputError, match=r"--test-share 0.2 cannot split 9 samples"):
        parts_of(classes(range(9)))


def test_too_few_rows_are_a_sentence() -> None:
    with pytest.raises(InputError, match=r"--test-share 0.2 cannot split 1 samples"):
        parts_of(values(1))


def test_a_share_too_small_for_the_classes_says_which_shares_are_not() -> None:
    rows, strata = np.arange(15), np.arange(15) % 3
    sentence = (
        "--validation 0.1 cannot split 15 samples: 2 would go and 13 stay, and each part needs 3 at least, one of "
        "each class; choose a share from 0.2 to 0.8, or leave it out with --validation 0"
    )
    with pytest.raises(InputError) as refused:
        share_off(rows, 0.1, 0, "--validation", strata)
    assert str(refused.value) == sentence


@given(st.integers(0, 60), st.integers(1, 9), st.floats(0.001, 0.9), st.booleans())
def test_a_share_that_is_refused_names_one_that_is_not(count: int, classes: int, share: float, grouped: bool) -> None:
    rows, marks = np.arange(count), np.arange(count) % classes
    strata, groups = (None, marks) if grouped else (marks, None)
    try:
        share_off(rows, share, 0, "--test-share", strata, groups)
    except InputError as error:
        for named in re.findall(r"from ([\d.]+) to ([\d.]+)", str(error)):
            for other in map(float, named):
                stays, goes = share_off(rows, other, 0, "--test-share", strata, groups)
                assert sorted([*stays, *goes]) == list(rows)


def test_groups_stay_together_as_scikit_learn_shuffles_them() -> None:
    patients = [f"p{row // 4}" for row in range(80)]
    rows = values(80, columns={"patient": patients})
    parts, notes = split_rows(rows, asking(split_group="patient"))
    way = GroupShuffleSplit(n_splits=1, test_size=0.2, random_state=0)
    _, test = next(way.split(np.arange(80), groups=patients))
    assert listed(parts)["test"] == test.tolist()
    seen = [{patients[row] for row in part} for part in parts.values()]
    assert sum(map(len, seen)) == len(set.union(*seen)) == 20
    assert "test: 4 of 20 groups of patient, 20.0% of the rows" in notes


def test_one_group_cannot_be_split() -> None:
    with pytest.raises(InputError, match=r"--test-share 0.2 cannot split 1 groups of 8 samples"):
        parts_of(values(8, columns={"patient": ["same"] * 8}), split_group="patient")


def test_a_missing_group_names_its_row() -> None:
    with pytest.raises(InputError, match=r"rows.csv, row 3, column patient: the group is missing"):
        parts_of(values(4, columns={"patient": ["a", "b", None, "b"]}), split_group="patient")


@pytest.mark.parametrize("more", [{"split_column": "part"}, {"split_time": "part"}])
def test_a_group_on_both_sides_of_another_way_is_refused(more: dict[str, str]) -> None:
    part = ["train"] * 6 + ["test"] * 3 if "split_column" in more else list(range(9))
    rows = values(9, columns={"part": part, "patient": list("abcabcabc")})
    with pytest.raises(InputError, match=r"--split-group patient: group '.' has rows both in"):
        parts_of(rows, split_group="patient", **more)


@pytest.mark.parametrize(
    "moments",
    [
        np.arange(100)[::-1],
        np.array([date(2020, 1, 1).toordinal() + 99 - day for day in range(100)]).astype("datetime64[D]"),
        np.array([f"{2000 + 99 - year}-02-03" for year in range(100)], dtype=object),
        np.array([str(1e3 - row) for row in range(100)], dtype=object),
    ],
    ids=["numbers", "dates", "iso text", "numbers as text"],
)
def test_the_latest_rows_are_the_test_and_those_before_them_the_validation(moments: np.ndarray) -> None:
    parts = listed(parts_of(values(100, columns={"when": moments}), split_time="when"))
    assert parts["test"] == list(range(20))  # the column falls
    assert parts["validation"] == list(range(20, 28))
    assert parts["train"] == list(range(28, 100))


def test_rows_of_one_moment_stay_together_and_that_is_said() -> None:
    days = np.array([0] * 70 + [1] * 15 + [2] * 15)
    parts, notes = split_rows(values(100, columns={"day": days}), asking(split_time="day", validation=0))
    assert listed(parts)["test"] == list(range(85, 100))
    assert notes == ("--test-share 0.2 by time became 0.15: 15 rows of one moment stay together",)


@pytest.mark.parametrize(
    ("moments", "says"),
    [
        ([1, 1, 1, 1], "all are of one moment"),
        ([1.0, None, 2.0, 3.0], "row 2, column when: the time is missing"),
        (["2020-01-01", "31/12/2020", "2020-01-02", "2020-01-03"], "row 2, column when: '31/12/2020' cannot be put"),
        (np.array(["2020-01-01", "NaT", "2020-01-03", "2020-01-04"], "datetime64[s]"), "row 2, column when: the time"),
    ],
)
def test_what_is_no_order_in_time_is_refused(moments: Any, says: str) -> None:
    with pytest.raises(InputError, match=says):
        parts_of(values(4, columns={"when": moments}), split_time="when")


def test_a_column_names_the_split_in_any_case() -> None:
    part = ["Train", "training", " TRAIN", "val", "Validation", "valid", "DEV", "test", "Test"]
    parts = listed(parts_of(values(9, columns={"part": part}), split_column="part"))
    assert parts == {"train": [0, 1, 2], "validation": [3, 4, 5, 6], "test": [7, 8]}


def test_a_column_without_validation_leaves_it_to_the_share() -> None:
    rows = values(50, columns={"part": ["train"] * 40 + ["test"] * 10})
    parts = listed(parts_of(rows, split_column="part"))
    assert parts["test"] == list(range(40, 50))
    assert len(parts["validation"]) == 4
    assert sorted(parts["train"] + parts["validation"]) == list(range(40))


@pytest.mark.parametrize(
    ("part", "says"),
    [
        (["train", "tset", "test"], "row 2, column part: 'tset' names no split"),
        (["train", None, "test"], "row 2, column part: an empty field names no split"),
        (["train", "train", "train"], "--split-column part: no row of ./rows.csv is marked test"),
    ],
)
def test_a_column_that_names_something_else_is_refused(part: list[str | None], says: str) -> None:
    with pytest.raises(InputError, match=says):
        parts_of(values(3, columns={"part": part}), split_column="part")


def test_files_whose_names_match_are_the_test() -> None:
    names = [f"{digit}_jackson_{number}.wav" for digit in range(3) for number in range(20)]
    parts = listed(parts_of(values(60, files=names), test_pattern=r"_[0-4]\.wav$"))
    assert parts["test"] == [
        row for row, name in enumerate(names) if name.endswith(tuple(f"_{n}.wav" for n in range(5)))
    ]
    assert len(parts["validation"]) == 5


@pytest.mark.parametrize(("pattern", "which"), [("flac", "no file"), ("wav", "every file")])
def test_a_pattern_that_tells_nothing_apart_is_refused(pattern: str, which: str) -> None:
    with pytest.raises(InputError, match=which):
        parts_of(values(9, files=[f"{n}.wav" for n in range(9)]), test_pattern=pattern)


def test_a_part_that_the_source_gives_is_kept() -> None:
    rows = values(50, given={"train": np.arange(30), "validation": np.arange(30, 40), "test": np.arange(40, 50)})
    assert listed(parts_of(rows)) == {name: sorted(part.tolist()) for name, part in rows.given.items()}
    with pytest.raises(InputError, match="has a test part of its own, and --folds names another"):
        parts_of(rows, folds=5, split_number=1)


WAYS = ("chance", "group", "time", "column", "pattern", "rows", "folds")


@given(data=st.data(), way=st.sampled_from(WAYS), task=st.sampled_from(["classes", "values"]))
def test_parts_are_disjoint_cover_all_rows_and_come_out_the_same_again(
    data: st.DataObject, way: str, task: str
) -> None:
    count = data.draw(st.integers(20, 80))
    make = st.lists(st.integers(0, 3), min_size=count, max_size=count)
    numbers, marks = data.draw(make), data.draw(make)
    is_test = [True, False, *data.draw(st.lists(st.booleans(), min_size=count - 2, max_size=count - 2))]
    columns = {"group": marks, "when": marks, "part": ["test" if one else "train" for one in is_test]}
    files = [f"{'t' if one else 'r'}{row}.png" for row, one in enumerate(is_test)]
    rows = (
        classes(numbers, columns=columns, files=files)
        if task == "classes"
        else values(count, columns=columns, files=files)
    )
    ways: dict[str, dict[str, Any]] = {
        "chance": {}, "group": {"split_group": "group"}, "time": {"split_time": "when"},
        "column": {"split_column": "part"}, "pattern": {"test_pattern": "^t"},
        "rows": {"test_rows": write("rows.txt", *np.flatnonzero(is_test))},
        "folds": {"folds": 3, "split_number": 2, **({"split_group": "group"} if data.draw(st.booleans()) else {})},
    }  # fmt: skip
    asked = ways[way]
    knobs = {"validation": data.draw(st.sampled_from([0, 0.1, 0.4])), "seed": data.draw(st.integers(0, 9)), **asked}
    try:
        parts, notes = split_rows(rows, asking(**knobs))
    except InputError:
        return
    again, _ = split_rows(rows, asking(**knobs))
    every = np.concatenate(list(parts.values()))
    assert sorted(every.tolist()) == list(range(count)), notes
    assert all(len(part) for part in parts.values())
    assert all(np.array_equal(parts[name], again[name]) for name in parts)
    if "split_group" in asked:
        seen = [set(np.array(marks)[part]) for part in parts.values()]
        assert sum(map(len, seen)) == len(set.union(*seen))
    if way == "time":
        bounds = [(min(np.array(marks)[parts[p]]), max(np.array(marks)[parts[p]])) for p in ("train", "test")]
        assert bounds[0][1] < bounds[1][0]
