"""Training from the host's memory or a file is training from the device's: the same bits, epoch by epoch."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import CPU, At, run, same_bits, session
from tests.engine.test_blocks import Replayed
from tui_trainer.engine import checkpoint
from tui_trainer.engine.blocks import BlockSteps
from tui_trainer.engine.data import load
from tui_trainer.engine.data.feed import StagedFeed
from tui_trainer.engine.data.tiers import place
from tui_trainer.engine.epoch import Epoch
from tui_trainer.engine.group import Group
from tui_trainer.engine.meter import DeviceLossMeter
from tui_trainer.engine.order import epoch_order
from tui_trainer.engine.session import Session
from tui_trainer.knobs import build

LOWERED: dict[str, dict[str, str]] = {
    "host": {"device_memory": "1kB"}, "file": {"device_memory": "1kB", "host_memory": "1kB"},
}  # fmt: skip


def from_tier(tier: str, **values: Any) -> Session:
    torch.set_num_threads(1)
    config = build({"epochs": 3, **LOWERED[tier], **values})
    data, feed, placed = place(load(config), CPU, config.hardware)
    assert (feed.tier, placed.tier) == (tier, tier)
    return Session(config, data, CPU, feed=feed)


@pytest.mark.parametrize("tier", LOWERED)
@pytest.mark.parametrize("values", [{}, {"dropout": 0.3, "drop_last": True}, {"data": "diabetes"}], ids=str)
def test_a_run_from_a_slower_tier_ends_with_the_same_bits(tier: str, values: dict[str, Any]) -> None:
    run(near := session(**values))
    near_bits = near.capture()
    run(far := from_tier(tier, **values))
    assert isinstance(far.feed, StagedFeed)
    assert all(torch.equal(far.capture().weights[name], weight) for name, weight in near_bits.weights.items())
    assert far.meter.total == near.meter.total
    assert far.feed.direct <= 3  # one epoch's first rows each: all others had been fetched
    far.feed.close()


@pytest.mark.parametrize("tier", LOWERED)
def test_blocks_take_them_too(tier: str) -> None:
    ours, theirs = (from_tier(tier), session())
    for made in (ours, theirs):
        made.meter = made.steps.step.meter = DeviceLossMeter(CPU)
        made.steps = BlockSteps(made.steps.step, "test", 4, capture=Replayed())
        run(made)
    assert all(torch.equal(a, b) for a, b in zip(ours.model.parameters(), theirs.model.parameters(), strict=True))
    ours.feed.close()


def test_a_stop_a_resume_and_another_batch_size_in_mid_epoch_find_their_rows(tmp_path: Path) -> None:
    asked = {3: ['{"command":"set","batch_size":50}'], 9: ['{"command":"stop"}']}
    values = {"epochs": 2}
    run(near := session(**values), inbox=At({3: asked[3]}), every_step=True)
    first = from_tier("file", **values)
    run(first, tmp_path, At(asked), every_step=True)
    found = checkpoint.find(tmp_path)
    assert found.last is not None
    again = from_tier("host", batch_size=50, **values)
    again.restore(found.last, found.best)
    run(again)
    assert same_bits(near, again)
    first.feed.close()
    again.feed.close()


class Third(Group):
    """The second of three processes."""

    rank, size = 1, 3


@pytest.mark.parametrize("tier", ["device", *LOWERED])
def test_a_process_of_several_takes_its_share_of_every_batch(tier: str) -> None:
    made = session() if tier == "device" else from_tier(tier)
    order, size, start, end, group = epoch_order(0, 1, 1293, shuffle=True), 64, 64, 1293, Third()
    epoch = Epoch(made.feed, order, group, size, start, end)
    for position in range(start, end, size):
        batch = order[position : min(end, position + size)]
        samples, rows = epoch.samples(position, 1)
        mine = samples.pick(rows) if rows is not None else samples
        wanted = load(made.config).train.pick(batch[group.share(len(batch))])
        assert torch.equal(mine.inputs, wanted.inputs)
        assert torch.equal(mine.targets, wanted.targets)
    made.feed.close()
