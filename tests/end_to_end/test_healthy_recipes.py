"""No recipe alarms anybody: each is trained somewhere with first aid looking on, two long ones here, shortened."""

from __future__ import annotations

import ast
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.conftest import ROOT
from tui_trainer import config_file, recipes
from tui_trainer.engine.data import load
from tui_trainer.engine.inside import Inside
from tui_trainer.engine.inside.affordable import Affordable
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.inside_events import Alerted, NetMeasured
from tui_trainer.knobs import changed

CPU = torch.device("cpu")
SHORTENED: dict[str, dict[str, Any]] = {  # samples of the training split, and what is not the recipe's
    "mnist-dropout-maxnorm": {"samples": 2_000, "epochs": 6},
    "mnist-ciresan": {"samples": 1_024, "epochs": 6, "warmup": 1.0, "precision": "float32"},
}
IN_FULL = {  # the file whose runs of them have no alert: `ran`, `ended`
    "test_recipes.py": ("digits", "simplenet", "keras-mnist-mlp", "linear", "mnist-elastic-800"),
    "test_own_data_recipes.py": (
        "california-quantile", "adult-onehot", "concrete-20-splits", "letter", "sms-spam", "spoken-digits",
    ),
}  # fmt: skip


def test_each_recipe_is_trained_somewhere_with_first_aid_looking_on() -> None:
    listed = [*SHORTENED, *(name for names in IN_FULL.values() for name in names)]
    assert sorted(listed) == sorted(recipe.name for recipe in recipes.all_recipes())
    for file, names in IN_FULL.items():
        tree = ast.parse((ROOT / "tests" / "end_to_end" / file).read_text())
        words = {node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)}
        assert set(names) <= words
        assert "alert" in words


@pytest.mark.slow
@pytest.mark.parametrize("name", SHORTENED)
def test_a_long_recipe_begins_without_an_alert(name: str, data_dir: Path) -> None:
    torch.set_num_threads(1)
    values = {"data_dir": str(data_dir), "device": "cpu", **SHORTENED[name]}
    samples = values.pop("samples")
    config = changed(config_file.load(recipes.find(name)), values)
    data = load(config)
    few = torch.arange(500)
    data = replace(data, train=data.train.pick(torch.arange(samples)), test=data.test.pick(few))
    made = Session(config, data, CPU)
    events = list(train(made, Saver(None), inside=Inside(made, Affordable(1e9))))
    assert sum(isinstance(event, NetMeasured) for event in events) == config.training.epochs
    assert [event.cause for event in events if isinstance(event, Alerted)] == []
