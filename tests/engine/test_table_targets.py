"""From target columns to tasks: what is guessed, what is said about it, and what is refused."""

from __future__ import annotations

import os
import subprocess
import sys
from typing import Any

import numpy as np
import polars as pl
import pytest

from tests.conftest import ROOT
from tests.engine.table_files import config_of
from tui_trainer.engine.data.table.places import rows_of
from tui_trainer.engine.data.table.targets import Targets, targets_of
from tui_trainer.errors import InputError


def found(columns: dict[str, Any], target: str = "y", **values: Any) -> Targets:
    """The targets of a table that has one input besides."""
    table = pl.DataFrame({"x": list(range(len(next(iter(columns.values()))))), **columns})
    return targets_of(table, config_of(target=target, **values), "t.csv", rows_of("t.csv"))


def test_words_and_switches_are_classes_in_their_order() -> None:
    words = found({"y": ["ham", "spam", "ham"]})
    assert (words.task, words.class_names, words.values.tolist()) == ("classes", ("ham", "spam"), [0, 1, 0])
    switches = found({"y": [True, False, True]})
    assert (switches.task, switches.class_names, switches.values.tolist()) == ("classes", ("false", "true"), [1, 0, 1])
    assert not words.notes
    assert not switches.notes


def test_numbers_of_classes_are_ordered_as_numbers() -> None:
    assert found({"y": [10, 9, 2, 10]}).class_names == ("2", "9", "10")
    assert found({"y": ["10", "9", "2", "10"]}).class_names == ("2", "9", "10")
    assert found({"y": [10.0, 9.0, 9.0]}, task="classes").class_names == ("9", "10")


@pytest.mark.parametrize(
    ("words", "values"),
    [
        (["1", "01", "1.0", "0"], {}),
        pytest.param(["1;01", "1.0", "0;00"], {"task": "labels"}, marks=pytest.mark.slow),  # processes of their own
    ],
)
def test_classes_that_are_equal_as_numbers_have_the_same_order_in_every_process(
    words: list[str], values: dict[str, Any]
) -> None:
    code = (
        "import polars as pl; from tests.engine.test_table_targets import found\n"
        f"print(found({{'y': {words}}}, **{values}).class_names)"
    )
    orders = {
        subprocess.run(
            [sys.executable, "-c", code], cwd=ROOT, env={**os.environ, "PYTHONHASHSEED": str(seed)},
            capture_output=True, text=True, check=True,
        ).stdout
        for seed in range(4)
    }  # fmt: skip
    assert len(orders) == 1
    assert found({"y": ["1.0", "01", "1"] * 2}).class_names == ("01", "1", "1.0")


def test_few_integers_are_classes_and_many_are_values_and_both_is_said() -> None:
    few = found({"y": [*range(20)] * 2})
    assert (few.task, len(few.class_names)) == ("classes", 20)
    assert "taken as classes; --task values" in few.notes[0]
    many = found({"y": [*range(21)] * 2})
    assert (many.task, many.target_names, many.values.shape) == ("values", ("y",), (42, 1))
    assert "taken as values; --task classes" in many.notes[0]
    assert found({"y": [*range(21)] * 3}, task="classes").task == "classes"
    assert found({"y": [1, 2, 1]}, task="values").values.tolist() == [[1.0], [2.0], [1.0]]


def test_floats_are_values_and_whole_ones_are_questioned() -> None:
    assert found({"y": [1.5, 2.5, 3.5]}).notes == ()
    assert "taken as values; --task classes if not" in found({"y": [1.0, 2.0, 3.0]}).notes[0]


def test_several_columns_of_0_and_1_are_labels_and_of_numbers_values() -> None:
    labels = found({"red": [0, 1, 1], "round": [True, False, True]}, target="red,round")
    assert (labels.task, labels.class_names, labels.target_names) == ("labels", ("red", "round"), ())
    assert labels.values.tolist() == [[0, 1], [1, 0], [1, 1]]
    values = found({"a": [0.5, 1, 2], "b": [3, 4, 5]}, target="b,a")
    assert (values.task, values.class_names, values.target_names) == ("values", (), ("b", "a"))
    assert values.values.tolist() == [[3, 0.5], [4, 1], [5, 2]]


def test_a_column_of_lists_is_labels_and_an_empty_list_is_none_of_them() -> None:
    tags = found({"y": [["b", "a"], [], ["b"], None]})
    assert (tags.task, tags.class_names) == ("labels", ("a", "b"))
    assert tags.values.tolist() == [[1, 1], [0, 0], [0, 1]]
    assert tags.kept is not None
    assert tags.kept.tolist() == [0, 1, 2]
    numbers = found({"y": [[10], [9, 2]]})
    assert (numbers.class_names, numbers.values.tolist()) == (("2", "9", "10"), [[0, 0, 1], [1, 1, 0]])


def test_labels_in_text_are_separated_where_a_mark_stands() -> None:
    tags = found({"y": ["a|b", "b", "a | c"]}, task="labels")
    assert (tags.class_names, tags.values.tolist()) == (("a", "b", "c"), [[1, 1, 0], [0, 1, 0], [1, 0, 1]])
    assert "separated by '|'" in tags.notes[0]


def test_marks_at_the_end_of_class_names_are_cut_off() -> None:
    trimmed = found({"y": ["<=50K", ">50K.", "<=50K.", ">50K"]}, label_trim=".")
    assert (trimmed.class_names, trimmed.values.tolist()) == (("<=50K", ">50K"), [0, 1, 0, 1])


def test_rows_without_a_target_are_left_out_counted_and_said() -> None:
    rows = found({"y": ["a", None, "b", "a", None]})
    assert rows.kept is not None
    assert rows.kept.tolist() == [0, 2, 3]
    assert rows.values.tolist() == [0, 1, 0]
    assert "2 rows without a target are left out (the first: t.csv, row 2)" in rows.notes[0]
    both = found({"a": [1.5, None, 3.0], "b": [1.0, 2.0, 4.0]}, target="a,b")
    assert both.values.tolist() == [[1.5, 1.0], [3.0, 4.0]]


REFUSED: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "no target": ({"price": [1, 2]}, {"target": ""}, r"--target 'price' \(columns: x, price\)"),
    "no target but a likely one": ({"Label": [1, 2], "z": [1, 2]}, {"target": ""}, r"--target 'Label'"),
    "a target that is not there": ({"income": [1, 2]}, {"target": "incom"}, r"no such column; did you mean 'income'"),
    "a target twice": ({"y": [1, 2]}, {"target": "y,y"}, "twice"),
    "all missing": ({"y": [None, None]}, {}, "'y': the target is missing in all 2 rows"),
    "one class": ({"y": ["a", "a", "a"]}, {}, "'y': one class only, 'a', in 3 rows"),
    "one class once trimmed": ({"y": ["a", "a."]}, {"label_trim": "."}, "one class only"),
    "one row": ({"y": ["a"]}, {}, "t.csv: 1 row with a target"),
    "one row with a target": ({"y": ["a", None]}, {}, "t.csv: 1 row with a target"),
    "one value": ({"y": [1.5, 1.5]}, {}, "'y': the target is 1.5 in all 2 rows"),
    "a name for each row": ({"y": [f"n{row}" for row in range(50)]}, {}, "50 different values in 50 rows"),
    "values asked of words": ({"y": ["1", "x", "3"]}, {"task": "values"}, r"t\.csv, row 2, column 'y': 'x' is not a"),
    "a word after a dropped row": ({"y": [None, "1", "x"]}, {"task": "values"}, r"t\.csv, row 3, column 'y': 'x'"),
    "labels asked of numbers": ({"y": [0, 1, 2]}, {"task": "labels"}, r"row 3, column 'y': a label is 0 or 1"),
    "classes asked of two columns": (
        {"a": [0, 1], "b": [1, 0]}, {"target": "a,b", "task": "classes"}, "one column names the class",
    ),
    "classes asked of lists": ({"y": [["a"], ["b"]]}, {"task": "classes"}, "lists are labels"),
    "words among several targets": ({"a": [1, 2], "b": ["u", "v"]}, {"target": "a,b"}, "column 'b': of several"),
    "every column a target": ({"y": [1, 2]}, {"target": "x,y"}, "names every column"),
    "no label anywhere": ({"y": pl.Series([[], []], dtype=pl.List(pl.String))}, {}, "no label stands in any of 2"),
    "digits that float32 loses": (
        {"y": [1.7e9 - 10, 1.7e9, 1.7e9 + 10]}, {}, r"1699999990 to 1700000010, differ by less.*'y - 1700000000'",
    ),
    "too large for float32": ({"y": [1.0, 1e300, 2.0]}, {}, r"row 2, column 'y': 1e\+300 is too large"),
}  # fmt: skip


@pytest.mark.parametrize("name", REFUSED)
def test_a_target_that_cannot_be_learned_is_refused(name: str) -> None:
    columns, values, sentence = REFUSED[name]
    with pytest.raises(InputError, match=sentence):
        found(columns, **values)


def test_one_column_alone_is_taken_for_a_wrong_delimiter() -> None:
    with pytest.raises(InputError, match=r"everything stands in one column \(a:b\).*--delimiter"):
        targets_of(pl.DataFrame({"a:b": ["1:2", "3:4"]}), config_of(), "t.csv", rows_of("t.csv"))


def test_targets_are_the_types_that_training_takes() -> None:
    assert found({"y": ["a", "b"]}).values.numpy().dtype == np.int64
    assert found({"y": [1.5, 2.5]}).values.numpy().dtype == np.float32
    assert found({"y": [["a"], ["b"]]}).values.numpy().dtype == np.float32
