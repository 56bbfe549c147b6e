"""The exported PyTorch program: it repeats the run, whatever the run used, and uses nothing else."""

from __future__ import annotations

import ast
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.engine.repeating import check_style, exported, live, made, of_events, of_program, of_text, program, recorded
from tests.engine.small import At, run
from tui_trainer.engine.export.program import Story, program_of
from tui_trainer.engine.export.program.text import literal, safe
from tui_trainer.errors import InputError
from tui_trainer.events import HyperparametersChanged, RunEnded

MOST = 1e-6  # the program prints six digits; what is asked for is 1e-5
RUNS: list[tuple[str, dict[str, Any]]] = [
    ("digits", {}),
    ("digits", {"hidden": "", "validation": 0, "normalize": "none", "init": "glorot_normal"}),
    ("digits", {"hidden": "64,32", "dropout": "0.2,0.4", "init": "uniform", "init_scale": "0.05,0.05,0"}),
    ("digits", {"input_dropout": 0.1, "dropout": 0.3, "normalization": "batch", "label_smoothing": 0.1}),
    ("digits", {"normalization": "layer", "activation": "gelu", "init": "he_uniform", "class_weights": "balanced"}),
    ("digits", {"activation": "scaled_tanh", "init": "lecun_normal", "loss": "mse"}),
    ("digits", {"activation": "selu", "init": "glorot_uniform", "optimizer": "rmsprop", "momentum": 0.5}),
    ("digits", {"activation": "silu", "init": "normal", "optimizer": "rmsprop", "rho": 0.9, "eps": 1e-7}),
    ("digits", {"activation": "leaky_relu", "optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True}),
    ("digits", {"activation": "elu", "init": "he_normal", "optimizer": "adamw", "weight_decay": 0.1}),
    ("digits", {"activation": "tanh", "weight_decay": 0.01, "decay_biases": False, "clip_norm": 0.5}),
    ("digits", {"activation": "sigmoid", "l1": 1e-4, "max_norm": 1.5, "normalize": "unit"}),
    ("digits", {"hidden": "64,32", "max_norm": "0.7,0,2", "schedule": "cosine", "final_factor": 0.1}),
    ("digits", {"schedule": "one_cycle", "lr": 0.01, "drop_last": True}),
    ("digits", {"schedule": "linear", "warmup": 1.5, "batch_size": 100}),
    ("digits", {"schedule": "step", "step_epochs": 2, "batch_size": "full", "lr": 0.01}),
    ("digits", {"schedule": "exponential", "shuffle": False, "monitor": "train_loss"}),
    ("digits", {"schedule": "linear", "schedule_epochs": 9, "schedule_every": "epoch", "optimizer": "sgd",
                "momentum": 0.5, "final_momentum": 0.7, "momentum_epochs": 3}),
    ("digits", {"patience": 1, "monitor": "val_accuracy", "min_change": 0.05, "epochs": 9, "lr": 0.01}),
    ("digits", {"ema": 0.99, "normalization": "batch"}),
    ("digits", {"ema": 0.9, "ema_warmup": False, "validation": 0}),
    ("digits", {"hidden": "37,23,19", "lr": 0.02, "batch_size": 16, "ema": 0.9, "max_norm": 2}),
    ("digits", {"hidden": "101,67", "optimizer": "sgd", "lr": 0.2, "momentum": 0.7, "dropout": 0.3, "l1": 1e-5}),
    ("binary", {"loss": "binary_cross_entropy", "class_weights": "balanced"}),
    ("labels", {"class_weights": "balanced"}),
    ("labels", {"batch_size": 7}),
    ("values", {"embedded": True, "monitor": "val_mae"}),
    ("several", {"loss": "l1"}),
    ("several", {"loss": "huber", "huber_delta": 0.5, "target_scaling": "none"}),
    ("classes", {"embedded": True, "dropout": 0.2, "optimizer": "adamw", "weight_decay": 0.01}),
]  # fmt: skip


@pytest.mark.parametrize(("task", "values"), RUNS, ids=str)
def test_the_program_gives_the_runs_losses(tmp_path: Path, task: str, values: dict[str, Any]) -> None:
    of = made(task, **{"epochs": 4, **values})
    path = program(of, tmp_path)
    assert of_events(run(of)).furthest(of_program(path)) < MOST
    check_style(path)


def test_changes_while_it_trained_are_repeated_at_their_steps(tmp_path: Path) -> None:
    of = made(epochs=4, hidden="32,16", momentum=0.9, optimizer="sgd", lr=0.05)
    asked = {
        10: [live(lr=0.01, dropout=0.2)],
        30: [live(batch_size=50)],
        45: [live(weight_decay=0.01, epochs=5, momentum=0.5)],
        60: ['{"command": "set", "dropout": [0.1, 0.3]}'],
    }
    here, losses = recorded(tmp_path / "run", of, At(asked))
    assert len(losses.epochs) == 5
    exported(here, "python", tmp_path / "it.py")
    assert losses.furthest(of_program(tmp_path / "it.py")) < MOST
    check_style(tmp_path / "it.py")


def test_with_a_schedule_more_epochs_count_from_their_step_on(tmp_path: Path) -> None:
    of = made(epochs=3, schedule="cosine", lr=0.01)
    here, losses = recorded(tmp_path / "run", of, At({30: [live(epochs=5)]}))
    exported(here, "python", tmp_path / "it.py")
    assert losses.furthest(of_program(tmp_path / "it.py")) < MOST
    check_style(tmp_path / "it.py")


STOP = '{"command": "stop"}'
STEPS = 21  # of an epoch of the digits


@pytest.mark.parametrize(
    ("after", "values"),
    [
        (50, {}),  # the weights of the best epoch are tested
        (30, {"validation": 0, "ema": 0.9, "normalization": "batch"}),  # those of the last step
        (5, {"schedule": "cosine"}),  # no epoch was best yet
        (STEPS, {}),  # before the epoch was evaluated
        (STEPS + 1, {}),  # and after
    ],
    ids=str,
)
def test_the_program_stops_where_the_run_was_stopped(tmp_path: Path, after: int, values: dict[str, Any]) -> None:
    here, losses = recorded(tmp_path / "run", made(epochs=100_000, **values), At({after: [STOP]}))
    *_, end = here.read_milestones()
    assert isinstance(end, RunEnded)
    (said,) = exported(here, "python", tmp_path / "it.py")
    assert said.startswith("The run was stopped; ")
    assert said.endswith(f"after {end.step} steps")
    assert losses.furthest(of_program(tmp_path / "it.py")) < MOST
    check_style(tmp_path / "it.py")


def test_the_program_of_a_run_without_an_end_goes_up_to_its_last_checkpoint(tmp_path: Path) -> None:
    here, losses = recorded(tmp_path / "run", made(epochs=9), At({30: [STOP]}))
    told = [event for event in here.read_milestones() if not isinstance(event, RunEnded)]
    after = HyperparametersChanged(step=40, epoch=2, values={"l1": 0.1}, before={"l1": 0.0})  # lost with its steps
    here.events.write_text("".join(event.to_line() + "\n" for event in [*told, after]))
    exported(here, "python", tmp_path / "it.py")
    assert "\nThe run has no end: this is its last checkpoint; " in (tmp_path / "it.py").read_text()
    assert len(losses.epochs) == 1
    assert losses.furthest(of_program(tmp_path / "it.py")) < MOST


BINARY: dict[str, Any] = {"data": "breast_cancer", "loss": "binary_cross_entropy"}


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        (
            {"data": "breast_cancer", "loss": "binary_cross_entropy", "class_weights": "balanced", "mixup": 0.2},
            "--mixup",
        ),
        ({"data": "breast_cancer", "monitor": "val_roc_auc"}, "--monitor val_roc_auc"),
    ],
    ids=str,
)
def test_what_it_cannot_repeat_is_named(tmp_path: Path, values: dict[str, Any], sentence: str) -> None:
    here, _ = recorded(tmp_path / "run", made(epochs=1, **values))
    with pytest.raises(InputError, match=sentence):
        exported(here, "python", tmp_path / "it.py")
    assert not (tmp_path / "it.py").exists()


def test_a_live_change_that_it_cannot_repeat_is_named(tmp_path: Path) -> None:
    here, _ = recorded(tmp_path / "run", made(epochs=1), At({5: [live(label_smoothing=0.1)]}))
    with pytest.raises(InputError, match="whose label_smoothing was changed while it trained"):
        exported(here, "python", tmp_path / "it.py")


ALLOWED = """
import sys, runpy
from importlib.machinery import ModuleSpec
FORBIDDEN = ("tui_trainer", "sklearn", "scipy", "pydantic", "polars", "rich", "textual", "safetensors", "tomlkit")
class Gate:  # torch looks whether some are there, without importing them
    def find_spec(self, name, path=None, target=None):
        return ModuleSpec(name, self) if name.split(".")[0] in FORBIDDEN else None

    def create_module(self, spec):
        raise ImportError(spec.name)

    def exec_module(self, module):
        pass
sys.meta_path.insert(0, Gate())
runpy.run_path(sys.argv[1], run_name="__main__")
"""


def alone(path: Path) -> str:
    """What a program prints in a process that has torch, torchvision and what they need, and nothing of ours."""
    return subprocess.run(
        [sys.executable, "-I", "-c", ALLOWED, str(path)],
        capture_output=True, text=True, check=True, env={**os.environ, "OMP_NUM_THREADS": "1"},
    ).stdout  # fmt: skip


def test_it_needs_torch_and_nothing_of_ours(tmp_path: Path) -> None:
    here, losses = recorded(tmp_path / "run", made(epochs=2))
    exported(here, "python", tmp_path / "it.py")
    shutil.rmtree(here.path)
    assert losses.furthest(of_text(alone(tmp_path / "it.py"))) < MOST


SIMPLENET: dict[str, Any] = {"data": "mnist", "normalize": "unit", "hidden": 128}


@pytest.mark.slow
@pytest.mark.parametrize("values", [{"validation": 0}, {"validation": 0.1, "dropout": 0.2, "epochs": 2}], ids=str)
def test_simplenets_program_gives_its_losses_on_mnist(tmp_path: Path, data_dir: Path, values: dict[str, Any]) -> None:
    of = made(**{**SIMPLENET, "data_dir": str(data_dir), "epochs": 10, **values})
    here, losses = recorded(tmp_path / "run", of)
    exported(here, "python", tmp_path / "it.py")
    assert losses.furthest(of_text(alone(tmp_path / "it.py"))) < MOST


def test_simplenets_program_is_the_tutorial(tmp_path: Path, data_dir: Path) -> None:
    here, _ = recorded(tmp_path / "run", made(**SIMPLENET, data_dir=str(data_dir), validation=0, epochs=1))
    exported(here, "python", tmp_path / "simplenet.py")
    text = (tmp_path / "simplenet.py").read_text()
    assert [path.name for path in tmp_path.glob("simple*")] == ["simplenet.py"]  # torchvision has the data
    assert text.count("\n") < 80
    parts = ["Data", "Net", "Loss", "Optimizer", "Training", "Test"]
    assert re.findall(r"^# (\w+)$", text, re.MULTILINE) == parts
    assert re.findall(r"^def (\w+)", text, re.MULTILINE) == ["samples", "order_of", "evaluate"]
    assert "net = nn.Sequential(nn.Linear(784, 128), nn.ReLU(), nn.Linear(128, 10))" in text
    check_style(tmp_path / "simplenet.py")


@given(st.text(), st.text(), st.text())
def test_no_text_of_a_run_becomes_code(name: str, data: str, beside: str) -> None:
    of = made("classes", epochs=1)
    story = Story(name, of.config, _named(of.data, data))
    tree = ast.parse(program_of(story, beside))
    assert beside in [node.value for node in ast.walk(tree) if isinstance(node, ast.Constant)] or not beside
    assert "\n" not in safe(name)


def _named(data: Any, name: str) -> Any:
    from dataclasses import replace

    return replace(data, name=name, class_names=(name, "b", "c"))


values_of_knobs = st.recursive(
    st.text() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.booleans(),
    lambda inner: st.lists(inner).map(tuple) | st.dictionaries(st.text(), inner),
    max_leaves=8,
)


@given(values_of_knobs)
def test_a_literal_reads_back_as_what_it_was(value: Any) -> None:
    assert ast.literal_eval(literal(value)) == value
