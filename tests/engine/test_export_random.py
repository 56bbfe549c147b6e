"""The exported program draws what the run drew (deformed pictures, mixtures) in its order, and rounds as bf16 does."""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.engine.repeating import check_style, exported, live, made, of_events, of_program, program, recorded
from tests.engine.small import At, run
from tui_trainer.engine.blocks import BlockSteps
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.export.program import Story, program_of
from tui_trainer.engine.model import scaling_of
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError

MAKERS = r"torch\.(tensor|empty|zeros|ones|full|eye|rand|arange)\("
MOST = 1e-6  # the program prints six digits; what is asked for is 1e-5
RUNS: list[tuple[str, dict[str, Any]]] = [
    ("digits", {"rotation": 15, "rotation_of": "1=7.5,7=7.5", "stretch": 0.17, "elastic_alpha": 8, "elastic_sigma": 2}),
    ("digits", {"elastic_alpha": 6, "elastic_sigma": 1.5, "batch_size": 600, "dropout": 0.2, "normalize": "unit"}),
    ("digits", {"shift": 1.5, "shear": 10, "scale": 0.1, "augment_fill": "edge", "input_dropout": 0.1}),
    ("digits", {"erasing": 0.5, "erasing_most": 0.5, "shear_of": "3=20", "scale": 0.2, "stretch": 0.1}),
    ("digits", {"rotation": 20, "shear": 5, "elastic_alpha": 4, "validation": 0, "mixup": 0.3, "dropout": 0.1}),
    ("digits", {"erasing": 1, "normalize": "none", "ema": 0.9, "drop_last": True}),
    ("digits", {"mixup": 0.2}),
    ("digits", {"mixup": 1, "label_smoothing": 0.1, "class_weights": "balanced"}),
    ("digits", {"mixup": 0.4, "class_weights": "balanced", "normalize": "none"}),
    ("digits", {"mixup": 0.4, "loss": "mse", "input_dropout": 0.2}),
    ("binary", {"mixup": 0.4, "loss": "binary_cross_entropy"}),
    ("labels", {"mixup": 0.4}),
    ("several", {"mixup": 0.4, "loss": "huber"}),
    ("digits", {"precision": "bf16", "hidden": "64,32", "activation": "scaled_tanh", "init": "uniform", "shift": 1}),
    ("digits", {"precision": "bf16", "normalization": "batch", "activation": "gelu", "dropout": 0.2, "mixup": 0.2}),
    ("values", {"precision": "bf16", "embedded": True, "weight_decay": 0.1}),
]  # fmt: skip


@pytest.mark.parametrize(("task", "values"), RUNS, ids=str)
def test_the_program_gives_the_runs_losses(tmp_path: Path, task: str, values: dict[str, Any]) -> None:
    of = made(task, **{"epochs": 2, **values})
    path = program(of, tmp_path)
    assert of_events(run(of)).furthest(of_program(path)) < MOST
    check_style(path)


@pytest.mark.parametrize("shape", [PictureShape(1, 4, 16, 16.0), PictureShape(2, 4, 8, 16.0, is_transposed=True)])
def test_pictures_of_any_shape_and_background(tmp_path: Path, shape: PictureShape) -> None:
    of = made(epochs=2, rotation=10, shift=1, elastic_alpha=4)
    lit = Samples(of.data.train.inputs + 3, of.data.train.targets)
    of = Session(of.config, replace(of.data, pictures=shape, train=lit), of.device)
    path = program(of, tmp_path)
    assert "background" in path.read_text()
    assert of_events(run(of)).furthest(of_program(path)) < MOST
    check_style(path)


def test_tensors_are_made_on_a_device_that_is_not_the_first_choice(tmp_path: Path) -> None:
    of = made(epochs=2, rotation=10, rotation_of="1=5", shift=1, elastic_alpha=4, erasing=0.2, mixup=1)
    story = Story("it", of.config, replace(of.data, scaling=scaling_of(of.data)), device="cpu:0")
    path = program(of, tmp_path)
    path.write_text(program_of(story, "it-data.pt"))
    text = re.sub(r"(?s)def components.*?\.to\(device\)", "", path.read_text())  # of which the result is moved
    makers = [line for line in text.split("\n") if re.search(MAKERS, line)]
    assert [line for line in makers if "device=device" not in line] == []
    assert len(makers) > 8
    assert of_events(run(of)).furthest(of_program(path)) < MOST
    check_style(path)


def test_deformations_that_were_drawn_for_several_batches_at_once(tmp_path: Path) -> None:
    of = made(epochs=2, rotation=10, elastic_alpha=4, batch_size=50)
    of.steps = BlockSteps(of.steps.step, "graph", 8)
    of.draw_order()
    assert of.steps.block > 1
    path = program(of, tmp_path)
    assert of_events(run(of)).furthest(of_program(path)) < MOST


@pytest.mark.parametrize("values", [{"dropout": 0.2}, {"mixup": 0.2}], ids=str)
def test_where_the_steps_drew_too_the_engine_is_named(tmp_path: Path, values: dict[str, Any]) -> None:
    here, _ = recorded(tmp_path / "run", made(epochs=1, shift=1.0, **values))
    told = here.events.read_text()
    assert '"engine":"eager"' in told
    exported(here, "python", tmp_path / "it.py")
    here.events.write_text(told.replace('"engine":"eager"', '"engine":"compile"'))
    with pytest.raises(InputError, match="train with --engine eager"):
        exported(here, "python", tmp_path / "it.py")


def test_only_what_the_run_used_is_there(tmp_path: Path) -> None:
    text = program(made(epochs=1, shift=1.0), tmp_path).read_text()
    assert not any(word in text for word in ("angle", "components", "shear", "wide", "erased", "mixed", "background"))


def test_a_line_of_momentum_is_moved_by_a_change_of_its_end(tmp_path: Path) -> None:
    part: dict[str, Any] = {"schedule": "linear", "schedule_epochs": 9, "schedule_every": "epoch"}
    ramp: dict[str, Any] = {"momentum": 0.5, "final_momentum": 0.7, "momentum_epochs": 3}
    of = made(epochs=4, optimizer="sgd", lr=0.05, **ramp, **part)
    here, losses = recorded(tmp_path / "run", of, At({30: [live(final_momentum=0.95, lr=0.03)]}))
    exported(here, "python", tmp_path / "it.py")
    assert losses.furthest(of_program(tmp_path / "it.py")) < MOST
    check_style(tmp_path / "it.py")
