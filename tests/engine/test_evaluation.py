"""Metrics against scikit-learn's."""

from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics

from tests.engine.small import session
from tui_trainer.engine.evaluation import PAIRS, _class_scores, _value_scores


@given(
    st.integers(2, 7).flatmap(lambda k: st.lists(st.tuples(st.integers(0, k - 1), st.integers(0, k - 1)), min_size=1))
)
def test_class_figures_are_scikit_learns(pairs: list[tuple[int, int]]) -> None:
    true, predicted = np.array(pairs).T
    classes = int(max(true.max(), predicted.max())) + 2  # one class that never occurs
    scores = _class_scores(0.5, torch.from_numpy(predicted), torch.from_numpy(true), classes)
    options: dict[str, Any] = {"average": "macro", "zero_division": 0}
    assert scores.val_accuracy == pytest.approx(metrics.accuracy_score(true, predicted))
    assert scores.macro_precision == pytest.approx(metrics.precision_score(true, predicted, **options))
    assert scores.macro_recall == pytest.approx(metrics.recall_score(true, predicted, **options))
    assert scores.macro_f1 == pytest.approx(metrics.f1_score(true, predicted, **options))
    labels = list(range(classes))
    assert scores.confusion == metrics.confusion_matrix(true, predicted, labels=labels).tolist()
    each = metrics.precision_recall_fscore_support(true, predicted, labels=labels, zero_division=0)
    for ours, theirs in zip((scores.precision, scores.recall, scores.f1, scores.support), each, strict=True):
        assert ours == pytest.approx(theirs.tolist(), abs=1e-4)


@pytest.mark.parametrize("loss", ["cross_entropy", "mse"])
def test_the_loss_of_a_split_is_scikit_learns(loss: str) -> None:
    made = session(loss=loss)
    scores = made.evaluate(made.data.test)
    with torch.no_grad():
        made.model.eval()
        logits = made.model(made.data.test.inputs)
    true = made.data.test.targets.numpy()
    if loss == "cross_entropy":
        theirs = metrics.log_loss(true, logits.double().softmax(1).numpy(), labels=list(range(10)))
    else:
        theirs = metrics.mean_squared_error(np.eye(10)[true], logits.numpy())
    assert scores.val_loss == pytest.approx(theirs, rel=1e-5)


@pytest.mark.parametrize("scaling", ["none", "standard"])
def test_value_figures_are_scikit_learns_in_original_units(scaling: str) -> None:
    made = session(data="diabetes", target_scaling=scaling)
    scores = made.evaluate(made.data.test)
    with torch.no_grad():
        made.model.eval()
        outputs = made.model(made.data.test.inputs).double()
    predicted = outputs * made.data.scaling.target_spread + made.data.scaling.target_shift
    true = made.data.test.targets.double()
    assert scores.val_rmse == pytest.approx(metrics.root_mean_squared_error(true, predicted), rel=1e-6)
    assert scores.val_r2 == pytest.approx(metrics.r2_score(true, predicted), rel=1e-6)
    assert scores.val_accuracy is None


def test_evaluating_leaves_the_random_state_and_the_mode_alone() -> None:
    made = session(dropout=0.5)
    made.model.train()
    before = torch.get_rng_state()
    first = made.evaluate(made.data.test)
    assert torch.equal(before, torch.get_rng_state())
    assert made.model.training
    assert made.evaluate(made.data.test) == first  # no dropout in it


@pytest.mark.parametrize("rows", [1, 128, 129, 200, 255, 256, 1000])
def test_pairs_are_spread_over_all_rows(rows: int) -> None:
    true = torch.arange(float(rows)).unsqueeze(1)
    pairs = _value_scores(0.0, torch.zeros(rows, 1), true, session(data="diabetes").data).pairs
    assert pairs is not None
    assert len(pairs) == min(rows, PAIRS)
    shown = [value for value, _ in pairs]
    assert shown == sorted(set(shown))
    assert shown[-1] >= rows * (1 - 1 / PAIRS) - 1
