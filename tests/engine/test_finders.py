"""The range test and the batch sizes over small real sessions."""

from __future__ import annotations

from typing import Any

import pytest
import torch
import torch.nn.functional as F

from tests.engine.small import linear_weights, run, session
from tests.engine.test_blocks import Replayed, in_blocks
from tui_trainer.engine.finders import batch_rates, range_test
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import EpochEnded
from tui_trainer.finder_events import BatchFound, BatchTried, LrFound, LrTried, Point
from tui_trainer.finder_plans import BatchPlan
from tui_trainer.lr_curve import Curve

LOW, HIGH, STEPS = 1e-6, 10.0, 200


def found(made: Session, low: float = LOW, high: float = HIGH, steps: int = STEPS, seconds: float = 0.1) -> LrFound:
    *_, last = range_test(made, low, high, steps, seconds)
    assert isinstance(last, LrFound)
    return last


def test_the_losses_are_those_of_a_plain_loop_whose_rate_rises() -> None:
    made, plain = (session(optimizer="sgd", hidden="16", batch_size=100) for _ in range(2))
    told = found(made, 1e-4, 1.0, 40)  # three epochs of 13 batches: the last of each is smaller
    rates = Curve(1e-4, 1.0, 40)
    plain.model.requires_grad_()
    plain.start_epoch()
    expected = []
    for step in range(40):
        if step % 13 == 0 and step:
            plain.epochs_done += 1
            plain.draw_order()
        assert plain._order is not None
        start = step % 13 * 100
        batch = plain.data.train.pick(plain._order[start : start + 100])
        loss = F.cross_entropy(plain.model(batch.inputs), batch.targets)
        grads = torch.autograd.grad(loss, list(plain.model.parameters()))
        expected.append(loss.item())
        with torch.no_grad():
            for parameter, grad in zip(plain.model.parameters(), grads, strict=True):
                parameter.sub_(grad, alpha=rates.lr_at(step))
    assert len(plain.data.train) == 1293
    assert [point[1] for point in told.points] == pytest.approx(expected, rel=1e-4)
    assert [point[0] for point in told.points] == [rates.lr_at(step) for step in range(40)]


VALIDATED: list[dict[str, Any]] = [{}, {"optimizer": "sgd"}, {"data": "diabetes", "target_scaling": "standard"}]


@pytest.mark.parametrize("values", VALIDATED, ids=str)
def test_training_with_the_suggestion_beats_a_tenth_and_ten_times_of_it(values: dict[str, Any]) -> None:
    suggestion = found(session(**values)).suggestion
    assert suggestion is not None

    def loss(lr: float) -> float:
        ends = [event for event in run(session(**values, lr=lr, epochs=5)) if isinstance(event, EpochEnded)]
        return ends[-1].val_loss if len(ends) == 5 and ends[-1].val_loss else float("inf")

    ours = loss(suggestion)
    assert ours < 0.7 * loss(suggestion / 10)
    assert ours < 0.9 * loss(suggestion * 10)


@pytest.mark.parametrize("values", [{"dropout": 0.3}, {"optimizer": "sgd", "momentum": 0.9}], ids=str)
def test_the_same_seed_gives_the_same_bits_however_often_it_reports(values: dict[str, Any]) -> None:
    often, seldom = found(session(**values), seconds=0.0), found(session(**values), seconds=1000.0)
    assert often.points == seldom.points
    assert found(session(**values, seed=1)).points != often.points


def test_in_blocks_the_losses_stay_where_they_are_and_are_the_same() -> None:
    one_by_one = found(session(batch_size=32))
    told = found(in_blocks(Replayed(), batch_size=32))
    shared = min(len(told.points), len(one_by_one.points))
    assert shared > 100
    assert [point[1] for point in told.points[:shared]] == pytest.approx(
        [point[1] for point in one_by_one.points[:shared]], rel=2e-3
    )
    assert told.suggestion == pytest.approx(one_by_one.suggestion, rel=0.05)


def test_the_events_carry_each_step_once() -> None:
    events = list(range_test(session(), LOW, HIGH, 50, 0.0))
    tried = [event for event in events if isinstance(event, LrTried)]
    points: list[Point] = [point for event in tried for point in event.points]
    assert isinstance(events[-1], LrFound)
    assert points == events[-1].points
    assert [event.done for event in tried] == sorted({event.done for event in tried})


def test_a_diverging_net_ends_early_with_a_suggestion() -> None:
    told = found(session(optimizer="sgd", momentum=0.9, hidden=""), high=1000.0)
    assert told.end in ("rose", "not_finite")
    assert told.steps < STEPS
    assert told.suggestion is not None
    assert told.suggestion < 1


def test_a_loss_that_cannot_fall_gets_no_suggestion() -> None:
    made = session()
    made.data.train.targets.copy_(torch.randint(10, made.data.train.targets.shape))
    made.data.train.inputs.zero_()
    told = found(made, 1e-6, 1e-2)
    assert told.suggestion is None
    assert "the loss never clearly fell" in told.sentence


def test_inputs_that_are_no_numbers_end_at_the_first_step() -> None:
    made = session(data="breast_cancer", normalize="none")
    made.data.train.inputs.fill_(float("nan"))
    told = found(made)
    assert (told.end, told.points, told.suggestion) == ("not_finite", [], None)
    assert "no number at learning rate 1e-06" in told.sentence


def sizes(made: Session, **plan: Any) -> tuple[list[BatchTried], BatchFound]:
    *events, last = batch_rates(made, BatchPlan(made.config, **plan))
    assert isinstance(last, BatchFound)
    return [event for event in events if isinstance(event, BatchTried)], last


def test_batch_sizes_double_up_to_the_whole_split() -> None:
    tried, told = sizes(session(), least=100, rounds=2)
    assert [row.size for row in told.rows] == [100, 200, 400, 800, 1293]
    assert [event.row.size for event in tried] == [100, 200, 400, 800, 1293] * 2
    assert [row.steps_an_epoch for row in told.rows] == [13, 7, 4, 2, 1]
    assert (told.largest, told.end, told.batch_size, told.lr) == (1293, "samples", 64, 0.001)
    assert told.knee in [row.size for row in told.rows]
    assert "whole training split" in told.sentence


def test_batch_sizes_end_where_they_were_asked_to() -> None:
    _, told = sizes(session(normalization="batch"), least=8, most=20, rounds=1)
    assert [row.size for row in told.rows] == [8, 16, 20]
    assert (told.end, told.largest) == ("asked", 20)


def test_a_least_size_above_the_samples_is_refused() -> None:
    with pytest.raises(InputError, match="--least 1,294 is more than the 1,293 training samples; choose a smaller one"):
        sizes(session(), least=1294)
    assert [row.size for row in sizes(session(), least=1293, rounds=1)[1].rows] == [1293]


def test_measuring_batch_sizes_moves_no_weight() -> None:
    made, fresh = session(weight_decay=0.1), session(weight_decay=0.1)
    sizes(made, least=400, rounds=1)
    for weight, before in zip(linear_weights(made.model), linear_weights(fresh.model), strict=True):
        assert torch.allclose(weight, before, rtol=0, atol=1e-8)


def test_too_little_memory_ends_the_climb(monkeypatch: pytest.MonkeyPatch) -> None:
    import psutil

    memory = psutil.virtual_memory()._replace(available=1)
    monkeypatch.setattr(psutil, "virtual_memory", lambda: memory)
    made = session(hidden="2048", batch_size=64)
    _, told = sizes(made, least=512, rounds=1)
    assert (told.end, told.largest) == ("memory", 512)
    assert "1,024 does not fit: it would take about" in told.sentence


def test_a_net_without_numbers_is_refused() -> None:
    made = session(data="breast_cancer", normalize="none")
    made.data.train.inputs.fill_(float("nan"))
    with pytest.raises(InputError, match="cannot be trained on"):
        sizes(made, rounds=1)
