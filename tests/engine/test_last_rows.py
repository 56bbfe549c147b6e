"""The last rows as the test, and what a run that goes on has to find again."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.engine.rows import asking, listed, parts_of, values
from tests.engine.small import CPU, run
from tui_trainer.engine import checkpoint
from tui_trainer.engine.data import load
from tui_trainer.engine.data.dataset import DataSet, Samples, Scaling
from tui_trainer.engine.data.splitting import split_rows
from tui_trainer.engine.data.table import open_table
from tui_trainer.engine.data.targets import for_loss
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.knobs import build


def table(folder: Path, name: str, rows: int, shift: float = 0.0, missing: tuple[int, ...] = ()) -> Path:
    """A table of x and y, y missing in some rows."""
    x = np.random.default_rng(0).normal(size=rows)
    y = [None if row in missing else 2 * value + shift for row, value in enumerate(x)]
    path = folder / name
    pl.DataFrame({"x": x, "y": y}).write_csv(path)
    return path


def test_the_last_rows_are_the_test() -> None:
    assert listed(parts_of(values(30), test_last=4))["test"] == [26, 27, 28, 29]
    with pytest.raises(InputError, match=r"--test-last 30 leaves nothing to train on: .* has 30 rows"):
        parts_of(values(30), test_last=30)


def test_rows_that_were_left_out_count_among_the_last(tmp_path: Path) -> None:
    path = table(tmp_path, "y.csv", 50, missing=(46, 48))
    config = build({"data": str(path), "target": "y", "test_last": 5, "validation": 0})
    opened = open_table(path, None, config)
    parts, _ = split_rows(opened, config)
    assert [opened.place(int(row)).rsplit(", ", 1)[1] for row in parts["test"]] == ["row 46", "row 48", "row 50"]


def test_the_last_rows_stand_beside_a_file_of_validation_rows(tmp_path: Path) -> None:
    path = table(tmp_path, "y.csv", 50)
    (tmp_path / "validation.txt").write_text("0\n7\n")
    wish: dict[str, Any] = {"data": str(path), "target": "y", "validation_rows": "validation.txt"}
    data = load(build({**wish, "test_last": 5}))
    assert data.validation is not None
    assert (len(data.train), len(data.validation), len(data.test)) == (43, 2, 5)
    (tmp_path / "validation.txt").write_text("0\n47\n")
    with pytest.raises(InputError, match=r"row 48 is among the last 5 rows \(--test-last\) and in the validation rows"):
        load(build({**wish, "test_last": 5}))


def test_moments_a_nanosecond_apart_are_told_apart() -> None:
    stamps = 1_700_000_000_000_000_000 + np.arange(60)
    parts, notes = split_rows(values(60, columns={"at": stamps}), asking(split_time="at", validation=0))
    assert listed(parts)["test"] == list(range(48, 60))
    assert not notes


def test_a_run_does_not_go_on_beside_other_test_rows(tmp_path: Path) -> None:
    path, held_back = table(tmp_path, "y.csv", 60), table(tmp_path, "test.csv", 20)
    config = build({"data": str(path), "test_data": str(held_back), "target": "y", "epochs": 1})
    run(Session(config, load(config), CPU), tmp_path / "checkpoints")
    found = checkpoint.find(tmp_path / "checkpoints")
    assert found.last is not None
    table(tmp_path, "test.csv", 20, shift=1.0)
    with pytest.raises(InputError, match=r"test samples of y\.csv are not the ones this run was measured on"):
        Session(config, load(config), CPU).restore(found.last, found.best)


def test_a_label_of_all_training_rows_keeps_its_weight() -> None:
    labels = torch.tensor([[1.0, 0.0], [1.0, 1.0], [1.0, 0.0], [1.0, 0.0]])
    samples = Samples(torch.zeros(4, 1), labels)
    data = DataSet("d", "labels", samples, None, samples, ("a", "b"), Scaling(torch.zeros(1), torch.ones(1)))
    weights = for_loss(data, build({"class_weights": "balanced"})).class_weights
    assert weights is not None
    assert weights.tolist() == [1, 3]


def test_a_formula_with_a_comma_in_brackets_is_one_pair() -> None:
    config = build({"data": "./a.csv", "derived": "r=COALESCE(a,b),s=a/b"})
    assert config.data.derived == {"r": "COALESCE(a,b)", "s": "a/b"}
