"""Loss and metrics over a whole split, in evaluation mode, without touching the random state."""

from __future__ import annotations

from collections.abc import Callable

import torch
from torch import Tensor, nn
from torch.nn import functional as F

from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.events import Scores
from tui_trainer.sections import Loss

CHUNK = 4096  # samples per forward pass: large enough for full speed, small enough for any device
PAIRS = 128  # of a regression that go into the events: enough to see its shape
LossFunction = Callable[[Tensor, Tensor], Tensor]


def loss_function(config: Loss, data: DataSet) -> LossFunction:
    """(outputs, targets) -> mean loss. Values are compared in units of the scaled target."""
    if data.task == "values":
        shift, spread = data.scaling.target_shift, data.scaling.target_spread
        return lambda outputs, targets: F.mse_loss(
            outputs.float(), (targets - shift.to(targets.device)) / spread.to(targets.device)
        )
    if config.name == "mse":
        classes = data.outputs
        return lambda outputs, targets: F.mse_loss(outputs.float(), F.one_hot(targets, classes).float())
    smoothing = config.label_smoothing
    if smoothing:
        return lambda outputs, targets: F.cross_entropy(outputs, targets, label_smoothing=smoothing)
    return F.cross_entropy


@torch.inference_mode()
def evaluate(model: nn.Module, samples: Samples, data: DataSet, loss: LossFunction, group: Group = ALONE) -> Scores:
    """The figures of a split. `val_loss` is the mean of the training loss, without dropout or penalties.

    Each process of a group passes its share of the samples through the net; all get the figures of the whole split.
    """
    was_training = model.training
    model.eval()
    device = next(model.parameters()).device  # the samples may be on the host still
    total = torch.zeros((), dtype=torch.float64, device=device)
    outputs = []
    share = group.share(len(samples))
    for start in range(share.start, share.stop, CHUNK):
        chunk = slice(start, min(share.stop, start + CHUNK))
        targets = samples.targets[chunk].to(device, non_blocking=True)
        output = model(samples.inputs[chunk].to(device, non_blocking=True)).float()
        total += loss(output, targets).double() * len(targets)
        outputs.append(output.argmax(1) if data.task == "classes" else output)
    model.train(was_training)
    group.add_up(total)
    mean = (total / len(samples)).item()
    true = samples.targets.to(device)
    if data.task == "classes":
        return _class_scores(mean, _whole(outputs, true, group), true, data.outputs)
    return _value_scores(mean, _whole(outputs, true, group), true, data)


def _whole(outputs: list[Tensor], true: Tensor, group: Group) -> Tensor:
    """The predictions of the whole split, of which each process has its share: like the targets, in their type."""
    if group.size == 1:
        return torch.cat(outputs)
    whole = torch.zeros_like(true)
    if outputs:
        whole[group.share(len(true))] = torch.cat(outputs).to(true.dtype)
    group.add_up(whole)
    return whole


def _class_scores(loss: float, predicted: Tensor, true: Tensor, classes: int) -> Scores:
    """Macro figures are means over the classes that occur or were predicted, as scikit-learn's are; 0/0 is 0."""
    confusion = (
        torch.bincount(true * classes + predicted, minlength=classes**2).reshape(classes, classes).cpu().double()
    )
    hits, support, named = confusion.diagonal(), confusion.sum(1), confusion.sum(0)
    precision, recall = hits / named.clamp(min=1), hits / support.clamp(min=1)
    f1 = 2 * hits / (support + named).clamp(min=1)
    seen = (support + named) > 0

    def rounded(values: Tensor) -> list[float]:
        return [round(value, 4) for value in values.tolist()]

    return Scores(
        val_loss=loss,
        val_accuracy=(hits.sum() / support.sum()).item(),
        macro_precision=precision[seen].mean().item(),
        macro_recall=recall[seen].mean().item(),
        macro_f1=f1[seen].mean().item(),
        precision=rounded(precision),
        recall=rounded(recall),
        f1=rounded(f1),
        support=support.long().tolist(),
        confusion=confusion.long().tolist(),
    )


def _value_scores(loss: float, outputs: Tensor, targets: Tensor, data: DataSet) -> Scores:
    """RMSE in original units; R² is the mean over outputs, null where the targets do not vary."""
    shift, spread = (bound.to(outputs.device) for bound in (data.scaling.target_shift, data.scaling.target_spread))
    predicted = outputs.double() * spread + shift
    errors = predicted - targets.double()
    spread = (targets.double() - targets.double().mean(0)).square().sum(0)
    r2 = (1 - errors.square().sum(0) / spread).mean().item() if bool((spread > 0).all()) else None
    every = max(1, len(targets) // PAIRS)
    pairs = torch.stack((targets.double()[::every, 0], predicted[::every, 0]), 1)[:PAIRS].tolist()
    return Scores(
        val_loss=loss,
        val_rmse=errors.square().mean().sqrt().item(),
        val_r2=r2,
        pairs=[(float(f"{true:.5g}"), float(f"{guess:.5g}")) for true, guess in pairs],
    )
