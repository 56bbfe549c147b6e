"""Areas, log-loss, calibration and the figures of labels and values, against scikit-learn's."""

from __future__ import annotations

import itertools
import math
import warnings
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from sklearn import metrics as theirs
from torch import Tensor

from tests.engine.small import run, the_end
from tests.engine.task_data import session_of
from tui_trainer.engine import metrics as ours
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded
from tui_trainer.scores import Scores

EXACT: dict[str, Any] = {"rel": 1e-6, "abs": 1e-9}
BOTH_WAYS: list[dict[str, Any]] = [{}, {"loss": "binary_cross_entropy"}]  # two outputs, and one


def logits_of(made: Session, samples: Samples) -> Tensor:
    made.model.eval()
    with torch.no_grad():
        outputs: Tensor = made.model(samples.inputs)
    return outputs.double()


def trained(task: str, **values: Any) -> Session:
    run(made := session_of(task, **{"epochs": 3, **values}))
    return made


def test_two_classes_have_every_figure_in_every_evaluation_whatever_the_number_of_outputs() -> None:
    for values in BOTH_WAYS:
        made = trained("binary", lr=0.01, **values)
        scores = made.evaluate(made.data.test)
        logits, true = logits_of(made, made.data.test), made.data.test.targets.numpy()
        margin = logits[:, 0] if logits.shape[1] == 1 else logits[:, 1] - logits[:, 0]
        chance = torch.sigmoid(margin).numpy()
        predicted = chance > 0.5
        assert scores.val_roc_auc == pytest.approx(theirs.roc_auc_score(true, chance), **EXACT)
        assert scores.val_pr_auc == pytest.approx(theirs.average_precision_score(true, chance), **EXACT)
        assert scores.val_log_loss == pytest.approx(theirs.log_loss(true, chance), **EXACT)
        assert scores.val_accuracy == pytest.approx(theirs.accuracy_score(true, predicted))
        assert scores.confusion == theirs.confusion_matrix(true, predicted).tolist()
        assert scores.macro_f1 == pytest.approx(theirs.f1_score(true, predicted, average="macro"))
        assert 0.6 < scores.val_roc_auc < 1  # type: ignore[operator]


def test_more_classes_have_areas_log_loss_and_calibration_at_the_end_alone() -> None:
    made = session_of("classes")
    events = run(made)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert all(epoch.val_roc_auc is None and epoch.val_log_loss is None for epoch in epochs)
    assert made.best_weights is not None
    made.model.load_state_dict(made.best_weights)
    chances, true = logits_of(made, made.data.test).softmax(1).numpy(), made.data.test.targets.numpy()
    end = the_end(events)
    assert end.test_roc_auc == pytest.approx(theirs.roc_auc_score(true, chances, multi_class="ovr"), **EXACT)
    assert end.test_pr_auc == pytest.approx(theirs.average_precision_score(np.eye(3)[true], chances), **EXACT)
    assert end.test_log_loss == pytest.approx(theirs.log_loss(true, chances), **EXACT)
    assert end.test_calibration_error == pytest.approx(by_hand(chances.max(1), chances.argmax(1) == true), **EXACT)
    assert end.test_accuracy == pytest.approx(theirs.accuracy_score(true, chances.argmax(1)))


def test_labels_are_judged_as_scikit_learn_judges_them() -> None:
    made = trained("labels")
    scores = made.evaluate(made.data.test)
    chances, true = torch.sigmoid(logits_of(made, made.data.test)).numpy(), made.data.test.targets.numpy()
    predicted = chances > 0.5
    assert scores.val_accuracy == pytest.approx(theirs.accuracy_score(true, predicted))
    assert scores.macro_f1 == pytest.approx(theirs.f1_score(true, predicted, average="macro", zero_division=0))
    assert scores.micro_f1 == pytest.approx(theirs.f1_score(true, predicted, average="micro", zero_division=0))
    assert scores.val_roc_auc == pytest.approx(theirs.roc_auc_score(true, chances), **EXACT)
    assert scores.val_pr_auc == pytest.approx(theirs.average_precision_score(true, chances), **EXACT)
    losses = [theirs.log_loss(true[:, n], chances[:, n]) for n in range(4)]
    assert scores.val_log_loss == pytest.approx(np.mean(losses), **EXACT)
    assert scores.val_loss == pytest.approx(scores.val_log_loss, rel=1e-5)
    confidence = np.maximum(chances, 1 - chances)
    error = by_hand(confidence.ravel(), (predicted == true).ravel())
    assert scores.val_calibration_error == pytest.approx(error, **EXACT)
    each = theirs.precision_recall_fscore_support(true, predicted, zero_division=0)
    for mine, other in zip((scores.precision, scores.recall, scores.f1, scores.support), each, strict=True):
        assert mine == pytest.approx(other.tolist(), abs=1e-4)
    assert scores.confusion is None


@pytest.mark.parametrize("task", ["values", "several"])
@pytest.mark.parametrize("loss", ["mse", "l1", "huber"])
def test_values_are_judged_in_original_units(task: str, loss: str) -> None:
    made = trained(task, loss=loss)
    scores = made.evaluate(made.data.test)
    scaling, true = made.data.scaling, made.data.test.targets.double()
    predicted = logits_of(made, made.data.test) * scaling.target_spread + scaling.target_shift
    assert scores.val_mae == pytest.approx(theirs.mean_absolute_error(true, predicted), **EXACT)
    assert scores.val_r2 == pytest.approx(theirs.r2_score(true, predicted), **EXACT)
    assert scores.val_rmse == pytest.approx(math.sqrt(theirs.mean_squared_error(true, predicted)), **EXACT)
    assert scores.pairs is not None
    assert scores.pairs[0] == pytest.approx((true[0, 0].item(), predicted[0, 0].item()), rel=1e-4)
    assert scores.val_accuracy is None


def by_hand(confidence: np.ndarray, right: np.ndarray) -> float:
    """Guo et al. 2017, equation 5, as it is written."""
    total, edges = 0.0, np.linspace(0, 1, 16)
    for low, high in itertools.pairwise(edges):
        within = (confidence > low) & (confidence <= high)
        if within.any():
            total += within.mean() * abs(right[within].mean() - confidence[within].mean())
    return total


@given(
    st.integers(1, 3).flatmap(
        lambda k: st.lists(
            st.tuples(*[st.tuples(st.sampled_from([-2.0, -0.5, 0.0, 0.25, 3.0]), st.booleans())] * k), min_size=1
        )
    )
)
def test_areas_are_scikit_learns_for_any_ties(rows: list[tuple[tuple[float, bool], ...]]) -> None:
    scores = torch.tensor([[score for score, _ in row] for row in rows])
    positives = torch.tensor([[positive for _, positive in row] for row in rows])
    roc, pr = ours.ranked(scores, positives)
    for column in range(scores.shape[1]):
        y, s = positives[:, column].numpy(), scores[:, column].numpy()
        if y.any() and not y.all():
            assert pr[column].item() == pytest.approx(theirs.average_precision_score(y, s), **EXACT)
            assert roc[column].item() == pytest.approx(theirs.roc_auc_score(y, s), **EXACT)
        else:
            assert math.isnan(roc[column].item())
            assert math.isnan(pr[column].item())


def test_many_columns_are_sorted_in_parts(monkeypatch: pytest.MonkeyPatch) -> None:
    scores, positives = torch.randn(50, 7), torch.rand(50, 7) > 0.6
    whole = ours.ranked(scores, positives)
    monkeypatch.setattr(ours, "NUMBERS_AT_ONCE", 100)
    for one, other in zip(whole, ours.ranked(scores, positives), strict=True):
        assert torch.equal(one, other)


@given(st.lists(st.tuples(st.floats(0, 1), st.booleans()), min_size=1))
def test_the_calibration_error_is_the_papers(pairs: list[tuple[float, bool]]) -> None:
    confidence, right = (np.array(column) for column in zip(*pairs, strict=True))
    confidence = np.clip(np.round(confidence, 3) + 1e-4, 0, 1)  # on no bin's edge
    got = ours.calibration_error(torch.from_numpy(confidence), torch.from_numpy(right)).item()
    assert got == pytest.approx(by_hand(confidence, right), abs=1e-9)


def emptied(scores: Scores) -> set[str]:
    return {name for name in ("val_roc_auc", "val_pr_auc", "val_log_loss", "val_r2") if getattr(scores, name) is None}


def test_a_split_with_one_class_or_one_value_leaves_figures_undefined_and_crashes_nothing() -> None:
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for values in BOTH_WAYS:
            made = session_of("binary", **values)
            negatives = made.data.test.pick((made.data.test.targets == 0).nonzero()[:, 0])
            assert emptied(made.evaluate(negatives)) == {"val_roc_auc", "val_pr_auc", "val_r2"}
        many = session_of("classes")
        scores = many.evaluate(many.data.test.pick(torch.zeros(1, dtype=torch.int64)), in_full=True)
        assert emptied(scores) == {"val_roc_auc", "val_pr_auc", "val_r2"}
        labels = session_of("labels")
        none = Samples(labels.data.test.inputs, torch.zeros_like(labels.data.test.targets))
        assert emptied(labels.evaluate(none)) == {"val_roc_auc", "val_pr_auc", "val_r2"}
        assert labels.evaluate(none).support == [0, 0, 0, 0]
        one = none.targets.clone()
        one[:5, 2] = 1
        assert emptied(labels.evaluate(Samples(none.inputs, one))) == {"val_r2"}  # means over the labels that have one
        several = session_of("several")
        flat = Samples(several.data.test.inputs, several.data.test.targets * torch.tensor([1.0, 0.0]))
        assert "val_r2" in emptied(several.evaluate(flat))


def test_squared_errors_on_classes_give_areas_but_no_probabilities() -> None:
    made = session_of("binary", loss="mse")
    scores = made.evaluate(made.data.test)
    assert scores.val_roc_auc is not None
    assert scores.val_log_loss is None
    assert scores.val_calibration_error is None


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("binary", {"monitor": "val_roc_auc"}),
        ("labels", {"monitor": "val_pr_auc"}),
        ("labels", {"monitor": "val_macro_f1"}),
        ("values", {"monitor": "val_mae"}),
    ],
    ids=str,
)
def test_the_figure_that_is_monitored_decides_which_epoch_is_best(task: str, values: dict[str, Any]) -> None:
    made = session_of(task, epochs=6, lr=0.01, **values)
    epochs = [event for event in run(made) if isinstance(event, EpochEnded)]
    field = "macro_f1" if values["monitor"] == "val_macro_f1" else values["monitor"]
    followed = [getattr(epoch, field) for epoch in epochs]
    best = min(followed) if task == "values" else max(followed)
    assert len(set(followed)) > 1
    assert made.record.best == best
    assert made.record.best_epoch == followed.index(best) + 1


def test_an_undefined_figure_is_never_the_best() -> None:
    made = session_of("binary", monitor="val_roc_auc", patience=2, epochs=9)
    made.data.validation.targets.zero_()  # type: ignore[union-attr]
    end = the_end(run(made))
    assert (end.reason, end.epochs_done, end.best_epoch) == ("early_stopped", 2, None)


@pytest.mark.parametrize("task", ["binary", "labels", "several", "classes"])
def test_the_end_tells_the_whole_set_of_the_task(task: str) -> None:
    end = the_end(run(session_of(task, epochs=1)))
    told = {name for name, value in end if name.startswith("test_") and value is not None} - {"test_loss"}
    areas = {"test_roc_auc", "test_pr_auc", "test_log_loss", "test_calibration_error"}
    classes = {"test_accuracy", "test_macro_f1", "test_confusion"} | areas
    labels = {"test_accuracy", "test_macro_f1", "test_micro_f1"} | areas
    labels |= {"test_precision", "test_recall", "test_f1", "test_support"}
    wanted = {"several": {"test_rmse", "test_mae", "test_r2"}, "labels": labels}.get(task, classes)
    assert told == wanted
    assert "null" not in end.to_line()
