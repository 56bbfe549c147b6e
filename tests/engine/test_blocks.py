"""Steps in blocks: the same losses as step by step, the same resume, whatever is live read from where it stands.

A CUDA graph replays operations on memory that keeps its place. Where there is no GPU, running the same body again on
the same memory stands for the replay: everything is then real but the capture itself.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import At, run, same_bits, session, the_end
from tui_trainer.engine import checkpoint
from tui_trainer.engine.blocks import BlockSteps, own_code, translate
from tui_trainer.engine.meter import DeviceLossMeter
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded, PhaseBegan, Warned

BLOCK = 4
OPTIONS: list[dict[str, Any]] = [
    {}, {"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "nesterov": True}, {"optimizer": "rmsprop", "momentum": 0.5},
    {"optimizer": "adamw", "weight_decay": 0.1, "clip_norm": 0.5, "schedule": "cosine", "warmup": 0.5},
    {"dropout": 0.3, "input_dropout": 0.1, "normalization": "batch", "max_norm": 1.0, "l1": 1e-4},
    {"data": "diabetes", "normalization": "layer", "weight_decay": 0.1, "batch_size": 20},
    {"optimizer": "sgd", "lr": 0.05, "momentum": 0.3, "momentum_epochs": 2, "final_momentum": 0.9, "mixup": 0.3,
     "ema": 0.95, "dropout": (0.1, 0.3), "hidden": "64,32", "max_norm": (1.0, 0.0, 2.0)},
]  # fmt: skip


class Replayed:
    """Counts captures and replays of bodies."""

    def __init__(self) -> None:
        self.captures = self.replays = 0

    def __call__(self, body: Callable[[], None]) -> Callable[[], None]:
        self.captures += 1

        def replay() -> None:
            self.replays += 1
            body()

        return replay


def in_blocks(capture: Replayed | None = None, *, compiled: bool = False, block: int = BLOCK, **values: Any) -> Session:
    made = session(**values)
    step = made.steps.step
    made.meter = step.meter = DeviceLossMeter(made.device)
    made.steps = BlockSteps(step, "test", block, capture=capture, translate=translate if compiled else None)
    made._plan_epoch()
    return made


@pytest.mark.parametrize(
    ("full_batches", "most", "block"),
    [(937, 32, 26), (937, 8, 8), (14, 32, 14), (20, 8, 5), (1, 8, 1), (0, 8, 1), (32, 32, 32), (63, 32, 21), (3, 8, 3)],
)
def test_blocks_are_as_large_as_leaves_little_over(full_batches: int, most: int, block: int) -> None:
    steps = BlockSteps(session().steps.step, "test", most)
    steps.fit(full_batches, 64)
    assert steps.block == block


def test_every_block_is_looked_at_however_small() -> None:
    made = in_blocks(block=5, batch_size=16)  # 80 steps: single ones are looked at every eighth time
    assert [made.steps.block, made._look_every] == [5, 8]
    assert all(event.train_accuracy is not None for event in run(made) if isinstance(event, EpochEnded))


def losses(made: Session) -> list[float]:
    return [event.train_loss for event in run(made) if isinstance(event, EpochEnded)]


@pytest.mark.parametrize("values", OPTIONS, ids=str)
def test_blocks_give_the_losses_of_single_steps(values: dict[str, Any]) -> None:
    capture = Replayed()
    assert losses(in_blocks(capture, **values)) == pytest.approx(losses(session(**values)), rel=1e-5)
    assert capture.captures == 1
    assert capture.replays > 5


@pytest.mark.parametrize("values", OPTIONS, ids=str)
@pytest.mark.parametrize("looks", [1, 3, 6])
def test_a_stop_between_two_blocks_leaves_no_trace(tmp_path: Path, values: dict[str, Any], looks: int) -> None:
    whole = in_blocks(Replayed(), **values)
    run(whole)
    run(in_blocks(Replayed(), **values), tmp_path, At({looks: ['{"command":"stop"}']}), every_step=True)
    again, found = in_blocks(Replayed(), **values), checkpoint.find(tmp_path)
    assert found.last is not None
    again.restore(found.last, found.best)
    run(again)
    assert same_bits(whole, again)


LIVE = [
    ('{"command":"set","lr":0.005}', 1), ('{"command":"set","clip_norm":0.3}', 1),
    ('{"command":"set","weight_decay":0.2}', 1), ('{"command":"set","label_smoothing":0.1}', 1),
    ('{"command":"set","dropout":0.5}', 2), ('{"command":"set","weight_decay":0}', 2),
    ('{"command":"set","batch_size":32}', 2), ('{"command":"set","mixup":0.5}', 2),
]  # fmt: skip


@pytest.mark.parametrize(("line", "captures"), LIVE)
def test_a_live_change_takes_effect_and_only_other_operations_make_a_new_graph(line: str, captures: int) -> None:
    values: dict[str, Any] = {"weight_decay": 0.1, "clip_norm": 1.0, "epochs": 4}
    capture = Replayed()
    asked = {4: [line]}
    events = run(in_blocks(capture, **values), inbox=At(asked), every_step=True)
    plain = run(session(**values), inbox=At({4 * BLOCK: [line]}), every_step=True)
    ours, theirs = ([e.train_loss for e in some if isinstance(e, EpochEnded)] for some in (events, plain))
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert capture.captures == captures


def test_a_momentum_that_moves_is_read_from_where_it_stands_also_when_its_line_is_changed() -> None:
    values: dict[str, Any] = {"optimizer": "sgd", "momentum_epochs": 4, "final_momentum": 0.9, "epochs": 5, "lr": 0.05}
    line = '{"command":"set","momentum":0.8,"final_momentum":0.95}'
    capture = Replayed()
    events = run(in_blocks(capture, **values), inbox=At({3: [line]}), every_step=True)
    plain = run(session(**values), inbox=At({3 * BLOCK: [line]}), every_step=True)
    ours, theirs = ([e.train_loss for e in some if isinstance(e, EpochEnded)] for some in (events, plain))
    assert ours == pytest.approx(theirs, rel=1e-5)
    assert capture.captures == 1


def test_a_batch_size_that_comes_back_is_captured_on_memory_of_its_own() -> None:
    sizes = {2: 32, 6: 48, 10: 16, 14: 64}
    asked = {look: [json.dumps({"command": "set", "batch_size": size})] for look, size in sizes.items()}
    capture = Replayed()
    made = in_blocks(capture, epochs=4)
    laid = made.steps.step.passes
    run(made, inbox=At(asked), every_step=True)
    assert capture.captures == 5
    assert made.steps.step.passes is not laid


def test_a_bad_loss_inside_a_block_is_named_and_keeps_the_weights_of_the_step_before() -> None:
    clean, made = session(epochs=1, normalize="none"), in_blocks(Replayed(), epochs=1, normalize="none")
    for some in (clean, made):
        some.start_epoch()
    assert made._order is not None
    row = made._order[10 * 64 + 5]  # in the eleventh step, the third of its block
    made.data.train.inputs.data = made.data.train.inputs.float()
    made.data.train.inputs[row] = float("inf")
    end = the_end(run(made))
    assert (end.reason, end.step) == ("diverged", 11)
    for _ in range(10):
        clean.take_steps()
    for a, b in zip(made.model.parameters(), clean.model.parameters(), strict=True):
        assert torch.allclose(a, b, atol=1e-6)
        assert bool(torch.isfinite(a).all())


def test_samples_that_are_sent_block_by_block_give_the_same_as_chosen_rows() -> None:
    chosen, sent = in_blocks(Replayed()), in_blocks(Replayed())
    work = sent._work

    def picked(count: int) -> Any:
        samples, rows, *rest = work(count)
        assert rows is not None
        return samples.pick(rows), None, *rest

    sent._work = picked  # type: ignore[method-assign]
    assert losses(chosen) == losses(sent)


def test_what_cannot_be_compiled_runs_uncompiled_and_says_so() -> None:
    def no_compiler(body: Any) -> Any:
        def fails(*_: Any) -> None:
            raise RuntimeError("no C++ compiler was found")

        return fails

    made = in_blocks()
    made.steps = BlockSteps(made.steps.step, "test", BLOCK, translate=no_compiler)
    made._plan_epoch()
    events = run(made)
    said = [event.message for event in events if isinstance(event, Warned)]
    phases = [event.what for event in events if isinstance(event, PhaseBegan)]
    assert len(phases) == 1
    assert phases[0].startswith(f"compiling {BLOCK} training steps")
    assert len(said) == 1
    assert "no C++ compiler was found" in said[0]
    ours = [event.train_loss for event in events if isinstance(event, EpochEnded)]
    assert ours == pytest.approx(losses(session()), rel=1e-5)


@pytest.mark.slow
@pytest.mark.parametrize("values", OPTIONS, ids=str)
def test_compiled_blocks_give_the_losses_of_single_steps(values: dict[str, Any]) -> None:
    ours = losses(in_blocks(compiled=True, block=2, **values))
    assert ours == pytest.approx(losses(session(**values)), rel=2e-4)


@pytest.mark.slow
def test_any_number_of_blocks_can_be_compiled_in_one_process() -> None:
    def made(factor: int) -> Any:
        def body(x: torch.Tensor) -> torch.Tensor:
            return x * factor

        return torch.compile(own_code(body), fullgraph=True, dynamic=False, backend="eager")

    assert [made(number)(torch.ones(number)).sum().item() for number in range(1, 13)] == [n * n for n in range(1, 13)]


@pytest.mark.slow
def test_a_stop_between_two_compiled_blocks_leaves_no_trace(tmp_path: Path) -> None:
    values: dict[str, Any] = {"dropout": 0.3, "schedule": "cosine"}
    whole = in_blocks(compiled=True, block=2, **values)
    run(whole)
    asked = At({5: ['{"command":"stop"}']})
    run(in_blocks(compiled=True, block=2, **values), tmp_path, asked, every_step=True)
    again, found = in_blocks(compiled=True, block=2, **values), checkpoint.find(tmp_path)
    assert found.last is not None
    again.restore(found.last, found.best)
    run(again)
    assert same_bits(whole, again)
