"""Whole tables as tensors, against the same files read by the standard library: counts, and nearest neighbours."""

from __future__ import annotations

import csv
from pathlib import Path
from typing import Any

import numpy as np
import torch
from sklearn.neighbors import KNeighborsClassifier

from tui_trainer import recipes
from tui_trainer.config_file import ConfigFile
from tui_trainer.engine.data import DataSet, load
from tui_trainer.knobs import build


def loaded(recipe: str, data_dir: Path, **knobs: Any) -> DataSet:
    """A recipe's data without a validation split."""
    values = ConfigFile(recipes.find(recipe)).values
    return load(build({**values, "data_dir": str(data_dir), "validation": 0, **knobs}))


def test_letter_has_the_neighbours_that_its_file_gives(data_dir: Path) -> None:
    data = loaded("letter", data_dir, normalize="none")
    with (data_dir / "letter" / "letter-recognition.data").open() as file:
        rows = list(csv.reader(file))
    inputs, letters = np.array([row[1:] for row in rows], np.float32), np.array([row[0] for row in rows])
    nearest = KNeighborsClassifier(1).fit(inputs[:16_000], letters[:16_000]).predict(inputs[16_000:])
    theirs = float((nearest == letters[16_000:]).mean())
    ours = KNeighborsClassifier(1).fit(data.train.inputs.numpy(), data.train.targets.numpy())
    assert ours.score(data.test.inputs.numpy(), data.test.targets.numpy()) == theirs
    assert round(theirs, 4) == 0.9565
    assert torch.bincount(data.train.targets).tolist() == [
        (letters[:16_000] == name).sum() for name in data.class_names
    ]


def test_adult_has_the_classes_and_inputs_of_its_files(data_dir: Path) -> None:
    data = load(build({**ConfigFile(recipes.find("adult-onehot")).values, "data_dir": str(data_dir)}))
    assert data.inputs == 108
    assert data.validation is not None
    kept = torch.cat([data.train.targets, data.validation.targets])
    assert torch.bincount(kept).tolist() == [24_720, 7_841]
    assert torch.bincount(data.test.targets).tolist() == [12_435, 3_846]
