"""Deformed pictures on a CUDA device: captured, compiled, without a wait; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import At, run, same_bits
from tests.engine.test_deformed_training import EVERYTHING
from tests.engine.test_gpu import losses, session, take_steps_without_waiting
from tui_trainer.engine import checkpoint
from tui_trainer.engine.augmentation import augmentation_for
from tui_trainer.engine.data import load
from tui_trainer.knobs import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("engine", ["graph", "compile"])
def test_a_graph_and_a_compiled_step_deform_as_single_steps_do(engine: str) -> None:
    single = losses(session("cuda", engine="eager", **EVERYTHING))
    assert losses(session("cuda", engine=engine, **EVERYTHING)) == pytest.approx(single, rel=1e-3)


def test_the_same_numbers_deform_as_on_the_cpu() -> None:
    config = build(EVERYTHING).augment
    data, made = load(build({})), []
    targets = data.train.targets[:200]
    torch.manual_seed(0)
    numbers, waves = torch.rand(200, 12) * 2 - 1, None
    for device in ("cpu", "cuda"):
        augmentation = augmentation_for(config, data, torch.device(device))
        assert augmentation is not None
        if waves is None:
            waves = torch.randn(augmentation._sizes[0], 200, 2, augmentation._sizes[1])
        maps = augmentation.maps(numbers.to(device), targets.to(device))
        made.append((augmentation.grid(maps, waves.to(device)).cpu(), augmentation.erased(numbers.to(device)).cpu()))
    assert torch.allclose(made[0][0], made[1][0], atol=1e-4)
    assert float((made[0][1] != made[1][1]).float().mean()) < 1e-3


@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_a_deformed_step_does_not_wait_for_the_device(engine: str) -> None:
    made = session("cuda", engine=engine, batch_size=8, **EVERYTHING)
    take_steps_without_waiting(made)


@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_a_stop_in_the_middle_leaves_no_trace(tmp_path: Path, engine: str) -> None:
    values: dict[str, Any] = {"deterministic": True, "engine": engine, "batch_size": 16, **EVERYTHING}
    run(whole := session("cuda", **values))
    stop = At({4 if engine == "graph" else 90: ['{"command":"stop"}']})
    run(session("cuda", **values), tmp_path, stop, every_step=True)
    again, found = session("cuda", **values), checkpoint.find(tmp_path)
    assert found.last is not None
    again.restore(found.last, found.best)
    run(again)
    torch.use_deterministic_algorithms(False)
    assert same_bits(whole, again)
