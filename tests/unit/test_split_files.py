"""How many splits a config asks for, known without torch, numpy or polars."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tui_trainer.errors import InputError
from tui_trainer.knobs import build
from tui_trainer.split_files import ask_for_one, numbers_of, rows_of


def write(text: str, name: str = "splits.txt") -> str:
    Path(name).write_text(text)
    return f"./{name}"


def count(**knobs: Any) -> int | None:
    numbers = numbers_of(build({"data": "./rows.csv", **knobs}))
    assert numbers is None or numbers[0] == 1
    return len(numbers) if numbers else None


def test_an_ordinary_split_has_no_number() -> None:
    assert count() is None
    assert count(split_group="patient") is None
    assert numbers_of(build({})) is None


def test_folds_are_numbered_from_1() -> None:
    assert count(folds=10) == 10
    assert count(folds=10, split_number=3) == 10


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1\n2\n3\n", None),
        ("1 2 3\n", None),
        ("1 2\n3 4\n\n5 6\n", 3),
        ("1,2\n3,4", 2),
        ("1 2\n3\n", 2),
        ("\ufeff1 2\n3 4\n", 2),
    ],
)
def test_a_line_of_several_numbers_among_others_is_a_split(text: str, expected: int | None) -> None:
    assert count(test_rows=write(text)) == expected


def test_the_file_is_found_beside_the_data_and_below_the_data_folder() -> None:
    Path("data/concrete").mkdir(parents=True)
    write("1 2\n3 4\n", "data/concrete/splits.txt")
    write("", "data/concrete/data.txt")
    for name in ("splits.txt", "concrete/splits.txt"):
        config = build({"data": "concrete/data.txt", "test_rows": name})
        assert numbers_of(config) == range(1, 3)


@pytest.mark.parametrize(
    ("content", "says"),
    [(None, "--test-rows ./splits.txt: no such file"), (b"", "the file is empty"), (b"\xff\xfe1", "not UTF-8 text")],
)
def test_a_file_that_cannot_serve_is_a_sentence(content: bytes | None, says: str) -> None:
    if content is not None:
        Path("splits.txt").write_bytes(content)
    with pytest.raises(InputError, match=says):
        count(test_rows="./splits.txt")


def test_a_split_that_is_not_there_is_refused_with_those_that_are() -> None:
    with pytest.raises(InputError, match=r"--split-number 3: splits.txt has 2 splits; choose one of 1\.\.2"):
        count(test_rows=write("1 2\n3 4\n"), split_number=3)
    with pytest.raises(InputError, match=r"--split-number 2: splits.txt is one split"):
        count(test_rows=write("1\n2\n"), split_number=2)
    assert count(test_rows=write("1\n2\n"), split_number=1) is None


def test_the_rows_of_a_part_come_with_their_lines() -> None:
    config = build({"data": "./rows.csv", "test_rows": write("7 8\n\n9 1e1\n"), "split_number": 2})
    rows = rows_of(config, "test")
    assert rows is not None
    assert (rows.rows, rows.lines) == ([9, 10], [3, 3])
    assert rows.place(1) == "--test-rows splits.txt, line 3"
    assert rows_of(config, "train") is None


def test_what_to_do_about_several_splits_is_said() -> None:
    assert ask_for_one(range(1, 21)) == (
        "20 splits: choose one with split number 1..20, or run all of them with --no-ui"
    )


@pytest.mark.parametrize(
    ("knobs", "says"),
    [
        ({"data": "mnist", "folds": 5}, "mnist has test samples of its own"),
        ({"data": "digits", "split_group": "a"}, "--split-group is for your own files"),
        ({"data": "digits", "train_rows": "a"}, "--train-rows is for your own files"),
        ({"data": "./a.csv", "folds": 5, "train_rows": "a"}, "--folds and --train-rows both say"),
        ({"data": "./a.csv", "split_column": "x", "validation_rows": "a"}, "--split-column and --validation-rows both"),
        ({"data": "./a.csv", "folds": 5, "split_number": 6}, "--split-number 6 is more than --folds 5"),
        ({"data": "./a.csv", "test_pattern": "?"}, "--test-pattern: [?] is not allowed; expected a regular expression"),
        ({"data": "./a.csv", "label_pattern": "("}, "--label-pattern: [(] is not allowed; expected one group in"),
        ({"data": "./a.csv", "split_number": 6}, "--split-number 6 needs --folds"),
    ],
)
def test_ways_that_contradict_each_other_are_refused(knobs: dict[str, Any], says: str) -> None:
    with pytest.raises(InputError, match=says):
        build(knobs)


def test_counting_splits_loads_nothing_heavy() -> None:
    write("1 2\n3 4\n")
    code = (
        "import sys\nfrom tui_trainer.knobs import build\nfrom tui_trainer.split_files import numbers_of\n"
        "assert len(numbers_of(build({'data': './rows.csv', 'test_rows': 'splits.txt'}))) == 2\n"
        "print([name for name in ('torch', 'numpy', 'polars', 'sklearn') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
