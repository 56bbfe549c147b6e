"""The recipes on files of one's own: published results, and figures beside a linear model on the same features."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from statistics import mean
from typing import Any

import numpy as np
import pytest
from sklearn.linear_model import LinearRegression, LogisticRegression
from sklearn.metrics import root_mean_squared_error

from tests.conftest import Said
from tests.end_to_end.runs import events_of
from tui_trainer import recipes
from tui_trainer.config_file import ConfigFile
from tui_trainer.engine.data import load
from tui_trainer.knobs import build

Cli = Callable[..., Said]


def ended(cli: Cli, recipe: str, data_dir: Path, *flags: str, is_healthy: bool = True) -> dict[str, Any]:
    """The last event of a recipe's run; a healthy one has no alert."""
    said = cli(recipe, "--no-ui", "--data-dir", str(data_dir), "--json", *flags)
    assert said.code == 0, said.err
    events = events_of(said.out)
    if is_healthy:
        assert [event for event in events if event["event"] == "alert"] == []
    return events[-1]


def features(recipe: str, data_dir: Path, **knobs: Any) -> tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]:
    """(training inputs, their targets, test inputs, their targets) of a recipe, as the net sees them."""
    values = {**ConfigFile(recipes.find(recipe)).values, "data_dir": str(data_dir), **knobs}
    data = load(build(values))
    shift, spread = data.scaling.shift, data.scaling.spread
    train, test = (((part.inputs - shift) / spread).numpy() for part in (data.train, data.test))
    return train, data.train.targets.numpy(), test, data.test.targets.numpy()


def linear_accuracy(recipe: str, data_dir: Path) -> float:
    """Test accuracy of scikit-learn's logistic regression on the recipe's own features."""
    train, classes, test, true = features(recipe, data_dir, validation=0)
    return float(LogisticRegression(max_iter=300).fit(train, classes).score(test, true))


@pytest.mark.slow
@pytest.mark.parametrize(
    ("recipe", "least", "gain"), [("letter", 0.96, 0.1), ("sms-spam", 0.98, 0.0), ("spoken-digits", 0.95, 0.0)]
)
def test_a_recipe_of_breadth_beats_a_linear_model_on_the_same_features(
    cli: Cli, data_dir: Path, recipe: str, least: float, gain: float
) -> None:
    accuracy, linear = (
        ended(cli, recipe, data_dir, "--threads", "1")["test_accuracy"],
        linear_accuracy(recipe, data_dir),
    )
    print(f"{recipe}: test accuracy {accuracy:.4f}, logistic regression on the same features {linear:.4f}")
    assert accuracy > least
    assert accuracy > linear + gain


@pytest.mark.slow
def test_california_needs_its_quantiles(cli: Cli, data_dir: Path) -> None:
    def rmse(normalize: str, seed: int) -> float:
        noise = () if normalize == "quantile" else ("--quantile-noise", "0")
        flags = ("--normalize", normalize, *noise, "--seed", str(seed), "--threads", "1")
        end = ended(cli, "california-quantile", data_dir, *flags, is_healthy=normalize == "quantile")
        return float(end["test_rmse"])

    quantile, standard = ([rmse(kind, seed) for seed in range(3)] for kind in ("quantile", "standard"))
    unscaled = rmse("none", 0)
    train, values, test, true = features("california-quantile", data_dir, normalize="standard", quantile_noise=0)
    linear = root_mean_squared_error(true, LinearRegression().fit(train, values).predict(test))
    print(f"california: test RMSE by quantiles {quantile}, standardised {standard}, unscaled {unscaled:.4f}")
    print(f"california: the mean of the training rows {np.std(true):.4f}, linear regression {linear:.4f}")
    assert mean(quantile) == pytest.approx(0.4947, abs=0.009)
    assert mean(standard) > mean(quantile) + 0.005
    assert mean(standard) == pytest.approx(0.509, abs=0.015)
    assert unscaled > linear  # collapsed: 586 units learn less than none


@pytest.mark.slow
def test_concrete_over_its_twenty_published_splits(cli: Cli, data_dir: Path) -> None:
    figures = ended(cli, "concrete-20-splits", data_dir, "--threads", "1")["figures"]
    print(f"concrete: test RMSE {figures['test_rmse']}")
    assert figures["test_rmse"]["mean"] == pytest.approx(5.23, abs=0.30)


@pytest.mark.slow
def test_adult_reaches_its_published_accuracy(cli: Cli, data_dir: Path) -> None:
    end = ended(cli, "adult-onehot", data_dir, "--threads", "1")
    print(f"adult: test accuracy {end['test_accuracy']:.4f}, best epoch {end['best_epoch']}")
    assert end["test_accuracy"] == pytest.approx(0.8537, abs=0.005)
