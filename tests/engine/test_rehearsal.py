"""Steps that leave no trace, and the number of threads that they choose."""

from __future__ import annotations

from typing import Any

import pytest
import torch

from tests.engine.small import session
from tests.engine.test_blocks import Replayed, in_blocks
from tui_trainer.engine.rehearsal import fastest_threads, rehearsal
from tui_trainer.engine.session import Session

OPTIONS: list[dict[str, Any]] = [
    {"dropout": 0.3, "normalization": "batch"},
    {"optimizer": "sgd", "momentum": 0.9, "lr": 0.01},
    {"optimizer": "rmsprop", "schedule": "cosine"},
]


def bits(made: Session) -> dict[str, Any]:
    """Everything a checkpoint would hold, as it compares."""
    taken = made.capture()
    facts = {name: fact for name, fact in taken.facts.items() if name != "seconds"}
    tensors = {**taken.weights, **taken.training}
    return facts | {
        name: tensor.numpy().tobytes() for name, tensor in tensors.items() if tensor.dtype != torch.bfloat16
    }


@pytest.mark.parametrize("values", OPTIONS, ids=str)
@pytest.mark.parametrize("blocks", [False, True])
def test_rehearsed_steps_change_nothing(values: dict[str, Any], blocks: bool) -> None:
    made = in_blocks(Replayed(), **values) if blocks else session(**values)
    made.start_epoch()
    made.take_steps()
    before, loss = bits(made), made.meter.mean()
    counted = made.pace._epoch_samples
    with rehearsal(made):
        for _ in range(5):
            made.take_steps()
        assert bits(made) != before
    assert bits(made) == before
    assert made.meter.mean() == loss
    assert made.pace._epoch_samples == counted  # or the first rates would be too high


def test_choosing_threads_changes_nothing_and_gives_one_of_those_there_are() -> None:
    made = session(dropout=0.2)
    before = bits(made)
    assert fastest_threads(made, 3) in (1, 2, 3)
    assert torch.get_num_threads() == 1
    assert bits(made) == before
