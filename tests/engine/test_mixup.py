"""Mixup against a plain loop of autograd's with the same shares and partners, for every kind of target."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
import torch
from scipy import stats
from torch import Tensor
from torch.nn import functional as F

from tests.engine.small import CPU, run, session, the_end
from tests.engine.task_data import session_of
from tui_trainer.engine.evaluation import loss_function
from tui_trainer.engine.group import ALONE
from tui_trainer.engine.mixup import Mixup
from tui_trainer.engine.passes import Batch
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded

PLAIN: dict[str, Any] = {"optimizer": "sgd", "lr": 0.05, "mixup": 0.4, "shuffle": False}


def drawn(strength: float, samples: int) -> tuple[Tensor, Tensor]:
    """The share and the partners of the next batch, as the paper has them: G / (G + G') is Beta of two Gammas."""
    one, other = torch._standard_gamma(torch.full((2,), strength, dtype=torch.float64))
    return (one / (one + other)).float(), torch.rand(samples).argsort()


@pytest.mark.parametrize("strength", [0.1, 0.4, 1.0, 8.0])
def test_shares_are_betas_and_partners_a_permutation(strength: float) -> None:
    torch.manual_seed(1)
    mixup, batch = Mixup(strength, ALONE, CPU), Batch(8, slice(0, 8))
    inputs, targets = torch.arange(8.0).unsqueeze(1), torch.arange(8)
    shares = []
    for _ in range(1500):
        mixtures, mixed = mixup(inputs, targets, batch)
        assert mixed.partners.sort().values.tolist() == targets.tolist()
        assert torch.allclose(mixtures[:, 0], mixed.share * mixed.own + (1 - mixed.share) * mixed.partners, atol=1e-5)
        shares.append(mixed.share.item())
    edges = [0.0, 0.001, 0.03, 0.2, 0.5, 0.8, 0.97, 0.999, 1.0]  # rounding makes shares of 1 from those close to it
    expected = np.diff(stats.beta(strength, strength).cdf(edges)) * len(shares)
    assert stats.chisquare(np.histogram(shares, edges)[0] + 1, expected + 1).pvalue > 0.01


def of_classes(made: Session) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    """By targets that are mixed: rows of shares."""
    smoothing, weights = made.config.loss.label_smoothing, made.data.class_weights

    def loss(outputs: Tensor, own: Tensor, partners: Tensor, share: Tensor) -> Tensor:
        rows = [F.one_hot(targets, made.data.outputs).float() for targets in (own, partners)]
        rows = [row * (1 - smoothing) + smoothing / made.data.outputs for row in rows]
        if weights is not None:
            rows = [row * weights[targets].unsqueeze(1) for row, targets in zip(rows, (own, partners), strict=True)]
        mixed = share * rows[0] + (1 - share) * rows[1]
        return -(mixed * outputs.log_softmax(1)).sum(1).mean()

    return loss


def of_errors(made: Session) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    measured = loss_function(made.config.loss, made.data)
    return lambda outputs, own, partners, share: measured(outputs, share * own + (1 - share) * partners)


def of_two_losses(made: Session) -> Callable[[Tensor, Tensor, Tensor, Tensor], Tensor]:
    measured = loss_function(made.config.loss, made.data)
    return lambda outputs, own, partners, share: (
        share * measured(outputs, own) + (1 - share) * measured(outputs, partners)
    )


@pytest.mark.parametrize(
    ("task", "values", "loss_of"),
    [
        ("classes", {}, of_classes), ("classes", {"label_smoothing": 0.1, "class_weights": "balanced"}, of_classes),
        ("binary", {"loss": "binary_cross_entropy", "class_weights": "balanced"}, of_two_losses),
        ("labels", {}, of_errors), ("labels", {"class_weights": "balanced"}, of_two_losses),
        ("values", {}, of_errors), ("several", {"loss": "huber"}, of_errors), ("values", {"loss": "l1"}, of_errors),
    ],
    ids=lambda value: value.__name__ if callable(value) else str(value),
)  # fmt: skip
def test_steps_on_mixtures_are_those_of_autograd(task: str, values: dict[str, Any], loss_of: Any) -> None:
    made = session_of(task, **PLAIN, **values)
    theirs = copy.deepcopy(made.model).requires_grad_(True)
    optimizer, loss_function_ = torch.optim.SGD(theirs.parameters(), 0.05), loss_of(made)
    made.start_epoch()
    total = 0.0
    for number in range(7):
        state = torch.get_rng_state()
        rows = slice(number * 32, number * 32 + 32)
        inputs, own = made.data.train.inputs[rows], made.data.train.targets[rows]
        share, order = drawn(0.4, 32)
        loss = loss_function_(theirs(share * inputs + (1 - share) * inputs[order]), own, own[order], share)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        total += loss.item() * 32
        torch.set_rng_state(state)
        made.take_steps()
    for a, b in zip(made.model.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)
    assert made.meter.mean() == pytest.approx(total / (7 * 32), rel=1e-4)


def test_the_training_accuracy_is_that_of_the_class_of_which_there_is_more() -> None:
    made = session(mixup=1.0, batch_size="full", epochs=1, shuffle=False)
    state, train = torch.get_rng_state(), made.data.train
    share, order = drawn(1.0, len(train))
    inputs = train.inputs.float()
    with torch.no_grad():
        predicted = made.model(share * inputs + (1 - share) * inputs[order]).argmax(1)
    wanted = train.targets if share >= 0.5 else train.targets[order]
    torch.set_rng_state(state)
    (epoch,) = (event for event in run(made) if isinstance(event, EpochEnded))
    assert epoch.train_accuracy == pytest.approx((predicted == wanted).double().mean().item(), abs=1e-3)


def test_a_net_learns_from_mixtures() -> None:
    accuracy = the_end(run(session(mixup=0.3, epochs=12))).test_accuracy
    assert accuracy is not None
    assert accuracy > 0.93
