"""Optimizers, schedules and constraints against PyTorch's own, step by step."""

from collections.abc import Callable
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.nn import functional as F
from torch.optim import lr_scheduler

from tests.engine.small import linear_weights, run, session
from tui_trainer.engine.schedule import lr_factor, momentum_at
from tui_trainer.sections import Optimizer, Schedule

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


def test_a_momentum_that_moves_by_the_epoch_is_torchs_with_each_epochs_own() -> None:
    ours = session(
        optimizer="sgd", lr=0.1, momentum=0.5, momentum_epochs=3, final_momentum=0.8, epochs=5, batch_size=200,
        schedule="linear", schedule_every="epoch", schedule_epochs=8, final_factor=0.2, normalize="none", shuffle=False,
    )  # fmt: skip
    theirs = plain()
    optimizer = torch.optim.SGD(theirs.parameters(), 0.1, momentum=0.5)
    for epoch, momentum in enumerate([0.5, 0.6, 0.7, 0.8, 0.8]):
        optimizer.param_groups[0]["momentum"] = momentum
        optimizer.param_groups[0]["lr"] = 0.1 * (1 - 0.1 * epoch)
        for rows in torch.arange(len(ours.data.train)).split(200):
            loss = F.cross_entropy(theirs(ours.data.train.inputs[rows].float()), ours.data.train.targets[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
    run(ours)
    for a, b in zip(ours.model.parameters(), theirs.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-5)


def test_a_live_change_moves_the_line_of_the_momentum() -> None:
    line = Optimizer(name="sgd", momentum=0.5, momentum_epochs=4, final_momentum=0.9)
    assert [momentum_at(line, epoch) for epoch in range(6)] == pytest.approx([0.5, 0.6, 0.7, 0.8, 0.9, 0.9])
    assert momentum_at(line.model_copy(update={"momentum": 0.7}), 2) == pytest.approx(0.8)
    assert momentum_at(line.model_copy(update={"final_momentum": 0.1}), 5) == pytest.approx(0.1)
    assert momentum_at(line.model_copy(update={"momentum_epochs": 0}), 3) == 0.5


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


def test_a_run_may_be_a_part_of_a_longer_schedule_and_move_once_an_epoch() -> None:
    schedule = Schedule(name="linear", final_factor=0.022292, epochs=560, every="epoch")
    ours = [lr_factor(schedule, epoch + share, 440) for epoch in (0, 1, 439) for share in (0.0, 0.999)]
    theirs = [1 - (1 - 0.022292) * epoch / 560 for epoch in (0, 0, 1, 1, 439, 439)]
    assert ours == pytest.approx(theirs, rel=1e-9)
    assert lr_factor(schedule, 700, 1000) == pytest.approx(0.022292)
    warmed = schedule.model_copy(update={"warmup": 2.0})
    assert lr_factor(warmed, 0.5, 440) == pytest.approx(0.25)  # a warm-up moves step by step


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


def test_each_layer_may_have_a_limit_of_its_own_and_one_none() -> None:
    (_, bare), (_, limited) = one_step(hidden="32,16"), one_step(hidden="32,16", max_norm=[0.5, 0.0, 0.3])
    for free, held, limit in zip(bare, limited, (0.5, None, 0.3), strict=True):
        expected = free if limit is None else torch.renorm(free, 2, 0, limit)
        assert torch.allclose(held, expected, atol=1e-6)
        assert limit is None or not torch.equal(held, free)  # and it binds


def test_decoupled_decay_of_sgd_shrinks_the_weights_directly() -> None:
    (before, bare), (_, decayed) = one_step(), one_step(weight_decay=0.1, weight_decay_mode="decoupled")
    for start, a, b in zip(before, bare, decayed, strict=True):
        assert torch.allclose(a - b, 0.1 * start, atol=1e-5)
