"""Loss and metrics over a whole split, in evaluation mode, without touching the random state."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_trainer.engine import metrics
from tui_trainer.engine.criterion import loss_name
from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.scores import Scores
from tui_trainer.sections import Loss

CHUNK = 4096  # samples per forward pass: large enough for full speed, small enough for any device
PAIRS = 128  # of a regression that go into the events: enough to see its shape
LossFunction = Callable[[Tensor, Tensor], Tensor]


def loss_function(config: Loss, data: DataSet) -> LossFunction:
    """(outputs, targets) -> mean loss. Values are compared in units of the scaled target."""
    match loss_name(config, data.task):
        case "cross_entropy":
            return _cross_entropy(config.label_smoothing, data.class_weights)
        case "binary_cross_entropy":
            return _binary_cross_entropy(data)
        case name:
            return _of_errors(name, config.huber_delta, data)


def _cross_entropy(smoothing: float, weights: Tensor | None) -> LossFunction:
    """A weighted one is the mean of weight x loss: not divided by the weights' sum, which differs between batches."""
    if weights is not None:
        return lambda outputs, targets: (
            F.cross_entropy(outputs, targets, reduction="none", label_smoothing=smoothing)
            * weights.to(targets.device)[targets]
        ).mean()
    if smoothing:
        return lambda outputs, targets: F.cross_entropy(outputs, targets, label_smoothing=smoothing)
    return F.cross_entropy


def _binary_cross_entropy(data: DataSet) -> LossFunction:
    """Of two classes with a weight each, or of labels, whose positives may have one."""
    weights, entropy = data.class_weights, F.binary_cross_entropy_with_logits
    if not data.is_binary:
        return lambda outputs, targets: entropy(
            outputs.float(), targets, pos_weight=None if weights is None else weights.to(targets.device)
        )
    return lambda outputs, targets: entropy(
        outputs.float()[:, 0], targets.float(), None if weights is None else weights.to(targets.device)[targets]
    )


def _of_errors(name: str, delta: float, data: DataSet) -> LossFunction:
    shift, spread, classes = data.scaling.target_shift, data.scaling.target_spread, data.outputs

    def wanted(targets: Tensor) -> Tensor:
        if data.task == "classes":
            return F.one_hot(targets, classes).float()
        return (targets - shift.to(targets.device)) / spread.to(targets.device)

    if name == "l1":
        return lambda outputs, targets: F.l1_loss(outputs.float(), wanted(targets))
    if name == "huber":
        return lambda outputs, targets: F.huber_loss(outputs.float(), wanted(targets), delta=delta)
    return lambda outputs, targets: F.mse_loss(outputs.float(), wanted(targets))


@torch.inference_mode()
def evaluate(
    model: nn.Module, samples: Samples, data: DataSet, loss: LossFunction, group: Group = ALONE, *,
    in_full: bool = False, has_logits: bool = True,
) -> Scores:  # fmt: skip
    """The figures of a split. `val_loss` is the mean of the training loss, without dropout or penalties.

    Each process of a group passes its share of the samples through the net; all get the figures of the whole split.
    More than two classes get areas, log-loss and calibration error `in_full` alone: a sort per class and epoch would
    cost a small net its speed. Outputs that are no logits (mse on classes) have neither log-loss nor calibration.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device  # the samples may be on the host still
    total = torch.zeros((), dtype=torch.float64, device=device)
    kept = _kept(data, in_full)
    outputs = [kept(torch.zeros(0, data.outputs, device=device))] if group.size > 1 else []  # it may have no samples
    share = group.share(len(samples))
    for start in range(share.start, share.stop, CHUNK):
        chunk = slice(start, min(share.stop, start + CHUNK))
        targets = samples.targets[chunk].to(device, non_blocking=True)
        output = model(samples.inputs[chunk].to(device, non_blocking=True)).float()
        total += loss(output, targets).double() * len(targets)
        outputs.append(kept(output))
    model.train(was_training)
    group.add_up(total)
    mean = (total / len(samples)).item()
    true = samples.targets.to(device)
    whole = _whole(torch.cat(outputs), len(true), group)
    match data.task:
        case "classes":
            return _class_scores(mean, whole, true, len(data.class_names), has_logits=has_logits)
        case "labels":
            return _label_scores(mean, whole, true > 0.5)
    return _value_scores(mean, whole, true, data)


def _kept(data: DataSet, in_full: bool) -> Callable[[Tensor], Tensor]:
    """What of a chunk's outputs the figures need: of two classes the logit of the second."""
    if data.task != "classes" or (in_full and len(data.class_names) > 2):
        return lambda outputs: outputs
    if data.is_binary:
        return lambda outputs: outputs[:, 0]
    if len(data.class_names) == 2:
        return lambda outputs: outputs[:, 1] - outputs[:, 0]
    return lambda outputs: outputs.argmax(1)


def _whole(own: Tensor, samples: int, group: Group) -> Tensor:
    """What was kept of the whole split, of which each process has its share."""
    if group.size == 1:
        return own
    whole = own.new_zeros(samples, *own.shape[1:])
    whole[group.share(samples)] = own
    group.add_up(whole)
    return whole


def _class_scores(loss: float, kept: Tensor, true: Tensor, classes: int, *, has_logits: bool = True) -> Scores:
    """Macro figures are means over the classes that occur or were predicted, as scikit-learn's are; 0/0 is 0.

    kept is (n,) classes, (n,) logits of the second of two, or (n, classes) logits.
    """
    more: dict[str, float | None] = {}
    predicted = kept
    if kept.ndim > 1:
        predicted = kept.argmax(1)
        more = metrics.read(metrics.of_classes(kept, true))
    elif kept.is_floating_point():
        predicted = (kept > 0).long()
        more = metrics.read(metrics.of_decisions(kept.unsqueeze(1), true.unsqueeze(1) > 0))
    if not has_logits:
        more = {name: value for name, value in more.items() if name.endswith("_auc")}
    confusion = (
        torch.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes).cpu().double()
    )
    hits, support, named = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    precision, recall = hits / named.clamp(min=1), hits / support.clamp(min=1)
    f1 = 2 * hits / (support + named).clamp(min=1)
    seen = (support + named) > 0
    return Scores(
        val_loss=loss,
        val_accuracy=(hits.sum() / support.sum()).item(),
        macro_precision=precision[seen].mean().item(),
        macro_recall=recall[seen].mean().item(),
        macro_f1=f1[seen].mean().item(),
        **_lists(torch.stack((precision, recall, f1, support))),
        confusion=confusion.long().tolist(),
        **more,
    )


def _label_scores(loss: float, logits: Tensor, true: Tensor) -> Scores:
    """logits and true (n, labels)."""
    figures, lists = metrics.of_labels(logits > 0, true)
    return Scores(val_loss=loss, **metrics.read({**figures, **metrics.of_decisions(logits, true)}), **_lists(lists))


def _lists(table: Tensor) -> dict[str, Any]:
    """Precision, recall, F1 and support by class or label."""
    *shares, support = table.cpu().tolist()
    rounded = [[round(value, 4) for value in row] for row in shares]
    return dict(zip(("precision", "recall", "f1", "support"), [*rounded, list(map(int, support))], strict=True))


def _value_scores(loss: float, outputs: Tensor, targets: Tensor, data: DataSet) -> Scores:
    """In original units; the pairs are of the first value."""
    shift, spread = (bound.to(outputs.device) for bound in (data.scaling.target_shift, data.scaling.target_spread))
    predicted = outputs.double() * spread + shift
    count = min(PAIRS, len(targets))  # spread evenly over all of them, in whole numbers: exact for any length
    sampled = torch.arange(count, device=outputs.device) * len(targets) // max(1, count)
    pairs = torch.stack((targets.double()[sampled, 0], predicted[sampled, 0]), 1).tolist()
    return Scores(
        val_loss=loss,
        **metrics.read(metrics.of_values(predicted, targets.double())),
        pairs=[(float(f"{true:.5g}"), float(f"{guess:.5g}")) for true, guess in pairs],
    )
