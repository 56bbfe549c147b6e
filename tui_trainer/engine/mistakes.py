"""The samples of a split that the net is furthest from, for a person to look at."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_trainer.engine.criterion import loss_name
from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.evaluation import CHUNK
from tui_trainer.engine.session import Session


class Mistake(NamedTuple):
    """A sample that was taken for something else; of a regression, one that was far off."""

    row: int  # in the split, counted from 0
    true: str
    predicted: str
    loss: float


class Mistakes(NamedTuple):
    """The worst first, of `in_all`."""

    worst: list[Mistake]
    in_all: int
    samples: int


@torch.inference_mode()
def mistakes(session: Session, split: Samples, most: int) -> Mistakes:
    """Those with the highest loss under the present weights: one pass over the split, in evaluation mode.

    The loss is the plain one of the task, without weights of classes or smoothing: of a probability its negative
    logarithm, of values and of outputs that are no logits the squared error in units of the scaled target. Of a group
    of processes each would see the same: one is enough.
    """
    model, data, device = session.answering, session.data, session.device
    was_training = model.training
    model.eval()
    judge = _judge(session)
    losses, wrong = [], []
    for start in range(0, len(split), CHUNK):
        chunk = slice(start, start + CHUNK)
        output = model(split.inputs[chunk].to(device)).float()
        loss, is_wrong = judge(output, split.targets[chunk].to(device))
        losses.append(loss)
        wrong.append(is_wrong)
    is_wrong = torch.cat(wrong)
    count = int(is_wrong.sum())
    ranked = torch.cat(losses).masked_fill_(~is_wrong, -torch.inf).topk(min(most, count))
    rows = ranked.indices.cpu()
    picked = split.pick(rows.to(split.inputs.device))
    output = model(picked.inputs.to(device)).float().cpu() if count else torch.zeros(0, data.outputs)
    model.train(was_training)
    words = _in_words(data, output, picked.targets.cpu())
    told = zip(rows.tolist(), words, ranked.values.tolist(), strict=True)
    worst = [Mistake(row, true, predicted, loss) for row, (true, predicted), loss in told]
    return Mistakes(worst, count, len(split))


def _judge(session: Session) -> Callable[[Tensor, Tensor], tuple[Tensor, Tensor]]:
    """(outputs, targets) -> each sample's loss, and whether it is wrong."""
    data, has_logits = session.data, loss_name(session.config.loss, session.data.task) != "mse"
    if data.task == "values":
        shift, spread = (bound.to(session.device) for bound in (data.scaling.target_shift, data.scaling.target_spread))
        return lambda output, target: (
            (output - (target - shift) / spread).square().mean(1),
            torch.ones(len(target), dtype=torch.bool, device=target.device),
        )
    if data.task == "labels":
        return lambda output, target: (
            F.binary_cross_entropy_with_logits(output, target, reduction="none").mean(1),
            ((output > 0) != (target > 0.5)).any(1),
        )
    if data.is_binary:
        return lambda output, target: (
            F.binary_cross_entropy_with_logits(output[:, 0], target.float(), reduction="none"),
            (output[:, 0] > 0).long() != target,
        )

    def of_classes(output: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        if has_logits:
            loss = F.cross_entropy(output, target, reduction="none")
        else:
            loss = (output - F.one_hot(target, output.shape[1])).square().mean(1)
        return loss, output.argmax(1) != target

    return of_classes


def _in_words(data: DataSet, output: Tensor, target: Tensor) -> list[tuple[str, str]]:
    """(true, predicted) of each sample."""
    if data.task == "values":
        guess = output * data.scaling.target_spread.cpu() + data.scaling.target_shift.cpu()
        return [(_numbers(a), _numbers(b)) for a, b in zip(target.tolist(), guess.tolist(), strict=True)]
    if data.task == "labels":
        return [(_labels(data, a), _labels(data, b)) for a, b in zip(target > 0.5, output > 0, strict=True)]
    predicted = (output[:, 0] > 0).long() if data.is_binary else output.argmax(1)
    names = data.class_names
    return [(names[a], names[b]) for a, b in zip(target.tolist(), predicted.tolist(), strict=True)]


def _numbers(values: list[float]) -> str:
    return ", ".join(f"{value:.5g}" for value in values)


def _labels(data: DataSet, has: Tensor) -> str:
    return ", ".join(name for name, is_there in zip(data.class_names, has.tolist(), strict=True) if is_there) or "none"
