"""Every loss: its value as scikit-learn's and torch's, its gradient as autograd's, in whatever form a step runs."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from sklearn import metrics
from torch import Tensor
from torch.nn import functional as F

from tests.engine.small import At, run, same_bits
from tests.engine.task_data import session_of, table
from tests.engine.test_blocks import BLOCK, Replayed, losses
from tui_trainer.engine import checkpoint
from tui_trainer.engine.blocks import BlockSteps, translate
from tui_trainer.engine.criterion import Criterion
from tui_trainer.engine.data.targets import for_loss
from tui_trainer.engine.evaluation import loss_function
from tui_trainer.engine.meter import DeviceLossMeter
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import EpochEnded

CPU = torch.device("cpu")
BINARY: dict[str, Any] = {"loss": "binary_cross_entropy"}
LOSSES: list[tuple[str, dict[str, Any]]] = [
    ("classes", {}),
    ("classes", {"label_smoothing": 0.1}),
    ("classes", {"class_weights": "balanced"}),
    ("classes", {"class_weights": "balanced", "label_smoothing": 0.2}),
    ("classes", {"loss": "mse"}),
    ("binary", {}),
    ("binary", BINARY),
    ("binary", {**BINARY, "class_weights": "balanced"}),
    ("labels", {}),
    ("labels", {"class_weights": "balanced"}),
    ("values", {}),
    ("several", {"loss": "l1"}),
    ("several", {"loss": "huber"}),
    ("values", {"loss": "huber", "huber_delta": 0.3}),
    ("several", {"target_scaling": "none"}),
]


def outputs_for(units: int, samples: int, *, wide: bool = False) -> Tensor:
    """Some of them far from what training meets."""
    drawn = torch.randn(samples, units, generator=torch.Generator().manual_seed(5))
    return drawn * torch.tensor([1.0, 30.0]).repeat((samples + 1) // 2)[:samples, None] if wide else drawn


@pytest.mark.parametrize("dtype", [torch.float32, torch.bfloat16])
@pytest.mark.parametrize(("task", "values"), LOSSES, ids=str)
def test_gradients_are_autograds_of_the_losses_of_evaluation(
    task: str, values: dict[str, Any], dtype: torch.dtype
) -> None:
    data, config = table(task, **values)
    targets = data.train.targets[:50]
    outputs = outputs_for(data.outputs, 50, wide=task != "several").to(dtype)
    leaf = outputs.float().requires_grad_()
    loss = loss_function(config.loss, data)(leaf, targets)
    loss.backward()
    total, grad = Criterion(config.loss, data, CPU)(outputs, targets, 50)
    assert (total.item() / 50) == pytest.approx(loss.item(), rel=1e-6)
    assert leaf.grad is not None
    assert grad.dtype == torch.float32
    assert torch.allclose(grad, leaf.grad, rtol=1e-5, atol=1e-6)
    assert grad.abs().max() > 1e-3


def test_a_part_of_a_batch_gives_its_part_of_the_gradient() -> None:
    data, config = table("labels", class_weights="balanced")
    outputs, targets = outputs_for(4, 50), data.train.targets[:50]
    criterion = Criterion(config.loss, data, CPU)
    total, grad = criterion(outputs, targets, 50)
    parts = [criterion(outputs[own], targets[own], 50) for own in (slice(0, 17), slice(17, 17), slice(17, 50))]
    assert sum(part[0] for part in parts).item() == pytest.approx(total.item(), rel=1e-6)  # type: ignore[union-attr]
    assert torch.allclose(torch.cat([part[1] for part in parts]), grad)


def balanced(counts: list[int]) -> Tensor:
    return torch.tensor([sum(counts) / (len(counts) * count) for count in counts])


def test_weights_of_classes_count_each_class_alike_and_leave_the_mean_alone() -> None:
    data, config = table("classes", class_weights="balanced")
    counts = data.train.targets.bincount()
    weights = balanced(counts.tolist())
    assert data.class_weights is not None
    assert torch.allclose(data.class_weights, weights)
    assert weights[data.train.targets].mean().item() == pytest.approx(1)
    outputs = outputs_for(3, len(data.train))
    theirs = metrics.log_loss(
        data.train.targets, outputs.double().softmax(1), sample_weight=weights[data.train.targets], labels=[0, 1, 2]
    )
    assert loss_function(config.loss, data)(outputs, data.train.targets).item() == pytest.approx(theirs, rel=1e-6)


def test_one_output_for_two_classes_is_scikit_learns_log_loss() -> None:
    data, config = table("binary", loss="binary_cross_entropy", class_weights="balanced")
    assert data.outputs == 1
    targets, outputs = data.train.targets, outputs_for(1, len(data.train))
    weights = balanced(targets.bincount().tolist())[targets]
    theirs = metrics.log_loss(targets, torch.sigmoid(outputs[:, 0].double()), sample_weight=weights)
    assert loss_function(config.loss, data)(outputs, targets).item() == pytest.approx(theirs, rel=1e-6)


def test_balanced_labels_weigh_their_positives_by_the_negatives_there_are_for_each() -> None:
    data, config = table("labels", class_weights="balanced")
    targets, outputs = data.train.targets, outputs_for(4, len(data.train))
    shares = targets.mean(0)
    theirs = F.binary_cross_entropy_with_logits(outputs, targets, pos_weight=(1 - shares) / shares)
    assert loss_function(config.loss, data)(outputs, targets).item() == pytest.approx(theirs.item(), rel=1e-6)


def test_a_label_or_a_class_that_no_training_row_has_leaves_every_weight_finite() -> None:
    data, config = table("labels", class_weights="balanced")
    data.train.targets[:, 1] = 0
    weights = for_loss(data, config).class_weights
    assert weights is not None
    assert weights[1] == 1
    data, config = table("classes", class_weights="balanced")
    weights = for_loss(replace(data, class_names=(*data.class_names, "nobody")), config).class_weights
    assert weights is not None
    assert bool(torch.isfinite(weights).all())


@pytest.mark.parametrize(("loss", "metric"), [("l1", metrics.mean_absolute_error), ("mse", metrics.mean_squared_error)])
def test_losses_of_values_are_scikit_learns_in_units_of_the_scaled_target(loss: str, metric: Any) -> None:
    data, config = table("several", loss=loss)
    targets, outputs = data.train.targets, outputs_for(2, len(data.train))
    scaled = (targets - targets.mean(0)) / targets.std(0, correction=0)
    assert loss_function(config.loss, data)(outputs, targets).item() == pytest.approx(metric(scaled, outputs), rel=1e-5)


@pytest.mark.parametrize(("task", "values"), LOSSES, ids=str)
def test_every_loss_falls_in_training_and_a_resume_leaves_no_trace(
    tmp_path: Path, task: str, values: dict[str, Any]
) -> None:
    values = {**values, "epochs": 4, "dropout": 0.1}
    if values.get("target_scaling") == "none":
        values["lr"] = 0.05
    events = run(whole := session_of(task, **values))
    falls = [event.train_loss for event in events if isinstance(event, EpochEnded)]
    assert falls[-1] < falls[0]
    run(session_of(task, **values), tmp_path, At({11: ['{"command":"stop"}']}), every_step=True)
    torch.manual_seed(987)
    again, found = session_of(task, **values), checkpoint.find(tmp_path)
    assert found.last is not None
    again.restore(found.last, found.best)
    run(again)
    assert same_bits(whole, again)


def in_blocks(task: str, *, compiled: bool = False, embedded: bool = False, **values: Any) -> Session:
    made = session_of(task, embedded=embedded, **values)
    step = made.steps.step
    made.meter = step.meter = DeviceLossMeter(made.device)
    capture = None if compiled else Replayed()
    made.steps = BlockSteps(
        step, "test", 2 if compiled else BLOCK, capture=capture, translate=translate if compiled else None
    )
    made._plan_epoch()
    return made


@pytest.mark.parametrize(("task", "values"), LOSSES, ids=str)
def test_blocks_give_the_losses_of_single_steps(task: str, values: dict[str, Any]) -> None:
    assert losses(in_blocks(task, **values)) == pytest.approx(losses(session_of(task, **values)), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize(("task", "values"), [LOSSES[3], LOSSES[7], LOSSES[9], LOSSES[11], LOSSES[13]], ids=str)
def test_compiled_steps_give_the_losses_of_single_steps(task: str, values: dict[str, Any]) -> None:
    ours = losses(in_blocks(task, compiled=True, **values))
    assert ours == pytest.approx(losses(session_of(task, **values)), rel=2e-4)


@pytest.mark.parametrize("task", ["binary", "labels"])
def test_the_training_accuracy_of_one_output_is_by_its_sign_and_labels_have_none(task: str) -> None:
    made = session_of(task, loss="binary_cross_entropy", epochs=1, batch_size="full")
    with torch.no_grad():
        logits = made.model(made.data.train.inputs)
    (epoch,) = (event for event in run(made) if isinstance(event, EpochEnded))
    if task == "labels":
        assert epoch.train_accuracy is None
        return
    expected = metrics.accuracy_score(made.data.train.targets, logits[:, 0] > 0)
    assert 0 < expected < 1
    assert epoch.train_accuracy == pytest.approx(expected)


def test_one_output_and_its_weights_learn_what_two_outputs_learn() -> None:
    one = session_of("binary", loss="binary_cross_entropy", hidden="", lr=0.05, epochs=30)
    two = session_of("binary", hidden="", lr=0.05, epochs=30)
    ends = [[event for event in run(made) if isinstance(event, EpochEnded)][-1] for made in (one, two)]
    assert ends[0].val_loss == pytest.approx(ends[1].val_loss or 0, rel=0.05)
    assert np.array(ends[0].confusion).sum() == 80


@pytest.mark.parametrize(
    ("task", "values", "words"),
    [
        ("classes", {"loss": "binary_cross_entropy"}, "tells two classes apart, and table.csv has 3"),
        ("classes", {"monitor": "val_roc_auc"}, "needs two classes or labels, but table.csv has 3 classes"),
        ("labels", {"loss": "cross_entropy"}, "has labels; use binary_cross_entropy"),
        ("labels", {"monitor": "val_mae"}, "needs values to predict, but table.csv has labels"),
        ("values", {"monitor": "val_pr_auc"}, "needs classes, but table.csv has values"),
        ("values", {"class_weights": "balanced"}, "needs classes, but table.csv has values"),
    ],
)
def test_what_a_task_does_not_have_is_refused_in_a_sentence(task: str, values: dict[str, Any], words: str) -> None:
    with pytest.raises(InputError, match=words):
        table(task, **values)
