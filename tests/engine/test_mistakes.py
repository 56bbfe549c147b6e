"""The worst mistakes are those that plain PyTorch finds."""

from __future__ import annotations

from typing import Any

import pytest
import torch
from torch.nn import functional as F

from tests.engine.small import run, session
from tests.engine.task_data import table
from tui_trainer.engine.mistakes import mistakes
from tui_trainer.engine.session import Session


def trained(task: str, **values: Any) -> Session:
    data, config = table(task, **{"epochs": 2, "hidden": (8,), **values})
    made = Session(config, data, torch.device("cpu"))
    run(made)
    return made


def answers(of: Session) -> tuple[torch.Tensor, torch.Tensor]:
    """(outputs, targets) of the validation split, as plain PyTorch gives them."""
    split = of.data.validation
    assert split is not None
    of.answering.eval()
    with torch.no_grad():
        return of.answering(split.inputs).float(), split.targets


def losses(of: Session, task: str) -> tuple[torch.Tensor, torch.Tensor]:
    """(loss, is wrong) of each sample."""
    output, target = answers(of)
    match task:
        case "classes":
            return -output.log_softmax(1)[torch.arange(len(target)), target], output.argmax(1) != target
        case "binary":
            right = torch.where(target == 1, output[:, 0], -output[:, 0])
            return -right.sigmoid().log(), right <= 0
        case "labels":
            shares = output.sigmoid()
            entropy = -(target * shares.log() + (1 - target) * (1 - shares).log())
            return entropy.mean(1), ((shares > 0.5) != (target > 0.5)).any(1)
        case "mse":
            return ((output - F.one_hot(target, 3)) ** 2).mean(1), output.argmax(1) != target
    wanted = (target - of.data.scaling.target_shift) / of.data.scaling.target_spread
    return ((output - wanted) ** 2).mean(1), torch.ones(len(target), dtype=torch.bool)


@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("classes", {}), ("classes", {"ema": 0.8, "dropout": 0.2}), ("binary", {"loss": "binary_cross_entropy"}),
        ("labels", {}), ("mse", {"loss": "mse"}), ("several", {}), ("values", {"loss": "l1"}),
    ],
)  # fmt: skip
def test_the_worst_are_those_that_are_wrong_with_the_highest_loss(task: str, values: dict[str, Any]) -> None:
    of = trained("classes" if task == "mse" else task, **values)
    split = of.data.validation
    assert split is not None
    found = mistakes(of, split, 5)
    loss, is_wrong = losses(of, task)
    wanted = sorted(torch.nonzero(is_wrong).flatten().tolist(), key=lambda row: -float(loss[row]))
    assert (found.in_all, found.samples) == (int(is_wrong.sum()), 80)
    assert found.in_all >= 5
    assert [one.row for one in found.worst] == wanted[:5]
    assert [one.loss for one in found.worst] == pytest.approx([float(loss[row]) for row in wanted[:5]], rel=1e-4)
    assert all(one.true != one.predicted for one in found.worst)


def test_the_words_say_what_it_is_and_what_it_was_taken_for() -> None:
    of = trained("classes")
    split = of.data.validation
    assert split is not None
    output, target = answers(of)
    for one in mistakes(of, split, 3).worst:
        assert (one.true, one.predicted) == (f"kind {target[one.row]}", f"kind {output[one.row].argmax()}")


def test_where_nothing_is_wrong_there_is_nothing_to_show() -> None:
    of = session(data="iris", epochs=60, lr=0.01)
    run(of)
    right = answers(of)[0].argmax(1) == answers(of)[1]
    split = of.data.validation
    assert split is not None
    found = mistakes(of, split.pick(torch.nonzero(right).flatten()), 5)
    assert (found.worst, found.in_all) == ([], 0)
