"""The finders on a CUDA device; skipped where there is none."""

from __future__ import annotations

import pytest
import torch

from tests.engine.test_gpu import session
from tui_trainer.engine.finders import batch_rates, range_test
from tui_trainer.finder_events import BatchFound, LrFound
from tui_trainer.finder_plans import BatchPlan

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


@pytest.mark.parametrize("engine", ["eager", "graph", "compile"])
def test_the_losses_of_every_step_are_the_cpus(engine: str) -> None:
    ends = []
    for made in (session("cpu", batch_size=32), session("cuda", engine=engine, batch_size=32)):
        *_, last = range_test(made, 1e-6, 10.0, 200)
        assert isinstance(last, LrFound)
        ends.append(last)
    assert ends[0].suggestion == pytest.approx(ends[1].suggestion, rel=0.1)
    before = min(len(ends[0].points), len(ends[1].points), 120)
    for number in range(before):
        assert ends[1].points[number][1] == pytest.approx(ends[0].points[number][1], rel=0.02)


def test_a_device_without_room_ends_the_climb_and_frees_what_it_took() -> None:
    made = session("cuda", engine="eager", hidden="4096", data="digits")
    total = torch.cuda.get_device_properties(made.device).total_memory
    limit = torch.cuda.memory_allocated(made.device) + 64 * 2**20
    torch.cuda.empty_cache()
    torch.cuda.set_per_process_memory_fraction(limit / total, made.device)
    try:
        *_, last = batch_rates(made, BatchPlan(made.config, least=16, rounds=1))
    finally:
        torch.cuda.set_per_process_memory_fraction(1.0, made.device)
    assert isinstance(last, BatchFound)
    assert last.end == "memory"
    assert last.largest < 1293
    assert "does not fit" in last.sentence
    assert torch.cuda.memory_reserved(made.device) <= limit
