"""Published results, from one command each."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
import torch
from sklearn.datasets import load_digits
from sklearn.neural_network import MLPClassifier

from tests.conftest import ROOT, Said
from tests.end_to_end.runs import events_of
from tui_trainer import config_file, recipes
from tui_trainer.config import RunConfig
from tui_trainer.data_sections import Data
from tui_trainer.engine.data import load
from tui_trainer.engine.session import Session
from tui_trainer.knobs import changed

Cli = Callable[..., Said]
SIMPLENET_LOSSES = [0.345, 0.158, 0.109, 0.082, 0.066, 0.053, 0.043, 0.035, 0.029, 0.024]


def ran(cli: Cli, *arguments: str) -> tuple[list[float], float]:
    """(training loss by epoch, test accuracy) of a headless run."""
    said = cli("--no-ui", *arguments, "--json")
    assert said.code == 0, said.err
    events = events_of(said.out)
    assert [event for event in events if event["event"] == "alert"] == []  # a published recipe is a healthy run
    losses = [event["train_loss"] for event in events if event["event"] == "epoch_ended"]
    return losses, events[-1]["test_accuracy"]


def test_every_recipe_is_valid_and_opens_with_its_command_and_its_expected_result() -> None:
    found = recipes.all_recipes()
    assert {recipe.name for recipe in found} >= {"digits", "simplenet", "keras-mnist-mlp", "linear"}
    for recipe in found:
        config_file.load(Path(recipe.path))
        assert recipe.command.startswith(f"tui-trainer {recipe.name}")
        assert recipe.expected
        assert "Source:" in (ROOT / "configs" / f"{recipe.name}.toml").read_text()


def test_digits_reach_what_scikit_learn_reaches_with_the_same_settings(cli: Cli) -> None:
    _, accuracy = ran(cli, "digits", "--validation", "0", "--threads", "1")
    data = load(RunConfig(data=Data(validation=0)))
    net = MLPClassifier((128,), batch_size=64, learning_rate_init=1e-3, alpha=0, max_iter=30, random_state=0)
    with pytest.warns(UserWarning, match="Maximum iterations"):
        net.fit(data.train.inputs.numpy() / load_digits().data.std(), data.train.targets.numpy())
    theirs = net.score(data.test.inputs.numpy() / load_digits().data.std(), data.test.targets.numpy())
    assert abs(accuracy - theirs) < 0.025
    assert 0.94 <= accuracy <= 0.985


@pytest.mark.slow
def test_simplenet_is_the_tutorial(cli: Cli, data_dir: Path) -> None:
    # twelve seeds: single ones differ by 6 %; one thread, since another rounding is another draw of that noise
    same = ("simplenet", "--data-dir", str(data_dir), "--threads", "1")
    runs = [ran(cli, *same, "--seed", str(seed)) for seed in range(12)]
    means = [sum(losses) / len(runs) for losses in zip(*(losses for losses, _ in runs), strict=True)]
    assert means == pytest.approx(SIMPLENET_LOSSES, rel=0.05)
    for _, accuracy in runs:
        assert 0.974 <= accuracy <= 0.981


@pytest.mark.slow
def test_keras_mnist_mlp_reaches_its_published_accuracy(cli: Cli, data_dir: Path) -> None:
    _, accuracy = ran(cli, "keras-mnist-mlp", "--data-dir", str(data_dir))
    assert accuracy == pytest.approx(0.984, abs=0.0025)


@pytest.mark.slow
def test_a_linear_model_reaches_the_linear_floor(cli: Cli, data_dir: Path) -> None:
    _, accuracy = ran(cli, "linear", "--data-dir", str(data_dir))
    assert 0.918 <= accuracy <= 0.93


@pytest.mark.slow
def test_the_elastic_recipe_learns_from_deformed_digits(cli: Cli, data_dir: Path) -> None:
    losses, accuracy = ran(cli, "mnist-elastic-800", "--data-dir", str(data_dir), "--threads", "1", "--epochs", "3")
    assert losses == sorted(losses, reverse=True)
    assert losses[-1] > 0.15  # deformed digits are harder than those it is tested on
    assert 0.975 <= accuracy <= 0.99


@pytest.mark.slow
def test_the_deep_recipe_learns_in_its_first_steps(data_dir: Path) -> None:
    here = {"data_dir": str(data_dir), "device": "cpu", "threads": 1, "warmup": 0.1, "precision": "float32"}
    config = changed(config_file.load(recipes.find("mnist-ciresan")), here)
    made = Session(config, load(config), torch.device("cpu"))
    made.start_epoch()
    assert sum(weights.numel() for weights in made.model.parameters()) == 11_972_510
    means = []
    for _ in range(2):
        for _ in range(12):
            made.take_steps()
        means.append(made.meter.mean_since_report())
    assert means[1] < 0.75 * means[0] < 2
