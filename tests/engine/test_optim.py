"""Optimizers, schedules and constraints against PyTorch's own, step by step."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from tests.engine.small import linear_weights, session
from tui_trainer.engine.schedule import lr_factor
from tui_trainer.sections import Schedule

OURS_AND_TORCHS: list[tuple[dict[str, Any], Callable[..., torch.optim.Optimizer]]] = [
    ({"optimizer": "sgd", "lr": 0.1}, lambda p: torch.optim.SGD(p, 0.1)),
    ({"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True, "weight_decay": 0.01},
     lambda p: torch.optim.SGD(p, 0.05, momentum=0.9, nesterov=True, weight_decay=0.01)),
    ({"optimizer": "adam", "weight_decay": 0.1}, lambda p: torch.optim.Adam(p, 1e-3, weight_decay=0.1)),
    ({"optimizer": "adam", "weight_decay": 0.1, "weight_decay_mode": "decoupled"},
     lambda p: torch.optim.AdamW(p, 1e-3, weight_decay=0.1)),
    ({"optimizer": "adamw", "weight_decay": 0.1, "beta1": 0.8, "beta2": 0.99, "eps": 1e-6},
     lambda p: torch.optim.AdamW(p, 1e-3, (0.8, 0.99), 1e-6, weight_decay=0.1)),
    ({"optimizer": "rmsprop", "rho": 0.9, "momentum": 0.5, "eps": 1e-7},
     lambda p: torch.optim.RMSprop(p, 1e-3, alpha=0.9, momentum=0.5, eps=1e-7)),
]  # fmt: skip


def plain(hidden: int = 128) -> nn.Sequential:
    """The digits' net by hand, with the weights a session of seed 0 starts from."""
    torch.manual_seed(0)
    return nn.Sequential(nn.Linear(64, hidden), nn.ReLU(), nn.Linear(hidden, 10))


@pytest.mark.parametrize(
    ("values", "make"), OURS_AND_TORCHS, ids=lambda value: str(value)[:60] if isinstance(value, dict) else ""
)
def test_ten_steps_are_torchs_ten_steps(values: dict[str, Any], make: Callable[..., torch.optim.Optimizer]) -> None:
    ours = session(normalize="none", shuffle=False, **values)
    theirs = plain()
    optimizer = make(theirs.parameters())
    ours.start_epoch()
    for number in range(10):
        rows = slice(number * 64, number * 64 + 64)
        loss = F.cross_entropy(theirs(ours.data.train.inputs[rows].float()), ours.data.train.targets[rows])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        ours.take_steps()
    for a, b in zip(ours.model.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=2e-6)


def test_biases_may_stay_out_of_the_decay() -> None:
    values = {"optimizer": "sgd", "weight_decay": 0.1, "weight_decay_mode": "decoupled", "lr": 1.0}
    changes: list[dict[str, Any]] = [{"weight_decay": 0}, {}, {"decay_biases": False}]
    bare, all_decayed, spared = (session(**{**values, **change}) for change in changes)
    before = {name: p.clone() for name, p in bare.model.named_parameters()}
    for made in (bare, all_decayed, spared):
        made.start_epoch()
        made.take_steps()
    for name, start in before.items():
        undecayed = bare.model.get_parameter(name)
        assert torch.allclose(undecayed - all_decayed.model.get_parameter(name), 0.1 * start, atol=1e-5)
        share = 0.1 if start.ndim > 1 else 0.0
        assert torch.allclose(undecayed - spared.model.get_parameter(name), share * start, atol=1e-5)


STEPS, EPOCHS = 5, 8


def torchs_rates(make: Callable[[torch.optim.Optimizer], Any], *, every_step: bool) -> list[float]:
    optimizer = torch.optim.SGD([torch.zeros(1, requires_grad=True)], lr=1.0)
    scheduler, rates = make(optimizer), []
    for step in range(STEPS * EPOCHS):
        rates.append(optimizer.param_groups[0]["lr"])
        optimizer.step()
        if every_step or step % STEPS == STEPS - 1:
            scheduler.step()
    return rates


@pytest.mark.parametrize(
    ("schedule", "make", "every_step"),
    [
        (Schedule(name="step", step_epochs=3, step_factor=0.3), lambda o: lr_scheduler.StepLR(o, 3, 0.3), False),
        (Schedule(name="exponential", epoch_factor=0.7), lambda o: lr_scheduler.ExponentialLR(o, 0.7), False),
        (Schedule(name="linear", final_factor=0.2), lambda o: lr_scheduler.LinearLR(o, 1.0, 0.2, STEPS * EPOCHS), True),
        (
            Schedule(name="cosine", final_factor=0.1),
            lambda o: lr_scheduler.CosineAnnealingLR(o, STEPS * EPOCHS, 0.1),
            True,
        ),
        (Schedule(), lambda o: lr_scheduler.ConstantLR(o, 1.0, 1), True),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_schedules_are_torchs(schedule: Schedule, make: Callable[[Any], Any], every_step: bool) -> None:
    ours = [lr_factor(schedule, step / STEPS, EPOCHS) for step in range(STEPS * EPOCHS)]
    assert ours == pytest.approx(torchs_rates(make, every_step=every_step), rel=1e-6)


def test_one_cycle_has_torchs_start_peak_and_end() -> None:
    # torch puts the peak one step earlier (it counts the last step as the end of the run), so corners are compared
    theirs = torchs_rates(lambda o: lr_scheduler.OneCycleLR(o, 1.0, STEPS * EPOCHS, pct_start=0.25), every_step=True)
    ours = [
        lr_factor(Schedule(name="one_cycle", peak_at=0.25), step / STEPS, EPOCHS) for step in range(STEPS * EPOCHS + 1)
    ]
    assert ours[0] == pytest.approx(theirs[0])
    assert ours[-1] == pytest.approx(theirs[-1])
    assert max(ours) == pytest.approx(max(theirs)) == 1
    assert abs(ours.index(max(ours)) - theirs.index(max(theirs))) <= 1


def test_warm_up_rises_from_nothing_to_the_schedule() -> None:
    warmed, bare = Schedule(name="cosine", warmup=2), Schedule(name="cosine")
    assert [lr_factor(warmed, moment, 8) / lr_factor(bare, moment, 8) for moment in (0, 0.5, 1, 2, 3)] == [
        0,
        0.25,
        0.5,
        1,
        1,
    ]


def one_step(**values: Any) -> tuple[list[Tensor], list[Tensor]]:
    """Weights before and after one step of plain gradient descent with rate 1, batch "full"."""
    made = session(optimizer="sgd", lr=1.0, batch_size="full", shuffle=False, **values)
    before = [weight.detach().clone() for weight in linear_weights(made.model)]
    made.start_epoch()
    made.take_steps()
    return before, [weight.detach().clone() for weight in linear_weights(made.model)]


def test_l1_adds_the_sign_of_the_weights_to_the_gradient() -> None:
    (before, bare), (_, penalised) = one_step(), one_step(l1=0.01)
    for start, a, b in zip(before, bare, penalised, strict=True):
        assert torch.allclose(a - b, 0.01 * start.sign(), atol=1e-6)


def test_clipping_bounds_the_whole_gradient() -> None:
    made = session(optimizer="sgd", lr=1.0, batch_size="full", clip_norm=0.01)
    before = [p.detach().clone() for p in made.model.parameters()]
    made.start_epoch()
    made.take_steps()
    moved = [a - b for a, b in zip(made.model.parameters(), before, strict=True)]
    assert torch.cat([m.flatten() for m in moved]).norm().item() == pytest.approx(0.01, rel=1e-3)


def test_max_norm_holds_for_every_unit_after_every_step() -> None:
    made = session(lr=0.05, max_norm=0.7)
    made.start_epoch()
    while made.take_steps():
        for weight in linear_weights(made.model):
            assert weight.norm(dim=1).max().item() <= 0.7 + 1e-5
    assert linear_weights(made.model)[0].norm(dim=1).max().item() == pytest.approx(0.7, abs=1e-3)  # and it binds


def test_decoupled_decay_of_sgd_shrinks_the_weights_directly() -> None:
    (before, bare), (_, decayed) = one_step(), one_step(weight_decay=0.1, weight_decay_mode="decoupled")
    for start, a, b in zip(before, bare, decayed, strict=True):
        assert torch.allclose(a - b, 0.1 * start, atol=1e-5)
