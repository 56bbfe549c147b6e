"""The tiers: the same samples from the device's memory, the host's, and a file."""

from __future__ import annotations

import gc
import itertools
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor

from tests.conftest import ROOT, wait_until
from tests.engine.small import CPU
from tui_trainer.engine.data import Samples
from tui_trainer.engine.data.feed import DeviceFeed, Feed, StagedFeed
from tui_trainer.engine.data.spill import PAGE, FileRows, page_runs, spill

needs_cuda = pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")


@pytest.fixture(autouse=True)
def spills_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def made_up(samples: int, features: int = 3) -> Samples:
    """Samples that tell which row they are."""
    rows = torch.arange(samples)
    return Samples((rows[:, None] * features + torch.arange(features)).float(), rows + 1000)


@dataclass(frozen=True)
class Plan:
    """What is asked of a feed: (start, stop, end) of an order's rows, with the order's number."""

    samples: int
    bytes_ahead: int
    takes: list[tuple[int, int, int, int]]


@st.composite
def plans(draw: st.DrawFn) -> Plan:
    """Mostly batches that follow one another; jumps, other batch sizes, other orders and shorter epochs between."""
    samples = draw(st.integers(1, 50))
    takes, start, size, order, end = [], 0, draw(st.integers(1, samples)), 0, samples
    for what in draw(st.lists(st.sampled_from(["on", "on", "on", "jump", "size", "order", "end"]), max_size=25)):
        if what == "jump":
            start = draw(st.integers(0, samples - 1))
        elif what == "size":
            size = draw(st.integers(1, samples))
        elif what == "end":
            end = draw(st.integers(1, samples))
        if what == "order" or start >= end:
            order, start, end = order + 1, 0, samples
        takes.append((order, start, min(end, start + size), end))
        start = takes[-1][2]
    return Plan(samples, draw(st.sampled_from([1, 100, 10_000])), takes)


def feeds(samples: Samples, device: torch.device, bytes_ahead: int) -> list[Feed]:
    return [
        DeviceFeed(samples.to(device)),
        StagedFeed(samples, device, bytes_ahead),
        StagedFeed(spill(samples, is_shuffled=True), device, bytes_ahead),
    ]


def orders(plan: Plan) -> list[Tensor]:
    count = max((order for order, *_ in plan.takes), default=0) + 1
    return [torch.randperm(plan.samples, generator=torch.Generator().manual_seed(seed)) for seed in range(count)]


def check(feed: Feed, samples: Samples, plan: Plan) -> None:
    """Each take against plain indexing, at once and when one more was taken."""
    before: list[tuple[Tensor, Tensor]] = []
    placed = [feed.order(order) for order in orders(plan)]
    for order, start, stop, end in plan.takes:
        taken = feed.take(placed[order], start, stop, end)
        rows = orders(plan)[order][start:stop]
        before = [*before[-2:], taken, (samples.inputs[rows], samples.targets[rows])]
        for got, expected in zip(before[::2], before[1::2], strict=True):
            assert torch.equal(got[0].cpu(), expected[0])
            assert torch.equal(got[1].cpu(), expected[1])


@given(plans())
def test_every_tier_gives_the_rows_of_plain_indexing(plan: Plan) -> None:
    samples = made_up(plan.samples)
    with ExitStack() as held:
        for feed in feeds(samples, CPU, plan.bytes_ahead):
            held.callback(feed.close)
            check(feed, samples, plan)


@given(st.integers(1, 9000), st.lists(st.integers(0, 60), min_size=1, max_size=20))
def test_the_pages_asked_for_are_those_that_hold_the_rows(row_bytes: int, rows: list[int]) -> None:
    needed = {page for row in rows for page in range(row * row_bytes // PAGE, ((row + 1) * row_bytes - 1) // PAGE + 1)}
    runs = page_runs(np.array(rows), row_bytes).tolist()
    assert [page for start, stop in runs for page in range(start, stop)] == sorted(needed)
    assert all(stop < start for (_, stop), (start, _) in itertools.pairwise(runs))


def test_rows_that_are_read_from_the_disk_are_the_same() -> None:
    samples = made_up(2000, 100)
    read, out = FileRows(spill(samples, is_shuffled=True)), made_up(500, 100)
    for number in range(4):
        read.is_cold = True  # as after a block that took long
        rows = torch.randperm(2000)[: 100 * (number + 1)]
        read(rows.numpy(), out)
        assert torch.equal(out.inputs[: len(rows)], samples.inputs[rows])
        assert torch.equal(out.targets[: len(rows)], samples.targets[rows])


def test_an_order_that_is_written_to_is_another_order() -> None:
    source, order = made_up(100), torch.arange(100)
    feed = StagedFeed(source, CPU)
    feed.take(order, 0, 1, 100)  # the rest is fetched ahead
    wait_until(lambda: feed._coming and feed._coming.filled.done())
    torch.randperm(100, generator=torch.Generator().manual_seed(0), out=order)
    assert torch.equal(feed.take(order, 1, 100, 100)[1], source.targets[order[1:]])
    feed.close()


@pytest.fixture
def staged() -> Iterator[StagedFeed]:
    """100 samples, one batch fetched ahead."""
    feed = StagedFeed(made_up(100), CPU, bytes_ahead=1)
    yield feed
    feed.close()


def test_an_epoch_waits_for_its_first_batch_alone(staged: StagedFeed) -> None:
    for epoch in range(3):
        order = torch.randperm(100)
        for start in range(0, 100, 7):
            staged.take(order, start, min(100, start + 7), 100)
        assert staged.direct == epoch + 1


def test_small_batches_are_fetched_many_at_once_and_a_jump_among_them_waits_for_nothing() -> None:
    feed, order = StagedFeed(made_up(100), CPU), torch.arange(100)
    feed.take(order, 0, 5, 100)
    for start in (5, 50, 95, 5):
        assert feed.take(order, start, start + 5, 100)[1].tolist() == list(range(1000 + start, 1005 + start))
    assert feed.direct == 1
    feed.close()


def test_nothing_beyond_the_epochs_end_is_fetched_ahead(staged: StagedFeed) -> None:
    order = torch.arange(100)
    staged.take(order, 0, 50, 80)
    staged.take(order, 50, 80, 80)
    staged.take(order, 80, 100, 100)
    assert staged.direct == 2


def test_what_goes_wrong_on_the_thread_is_raised_by_the_next_take_and_the_feed_goes_on(staged: StagedFeed) -> None:
    order, inputs = torch.arange(100), staged._samples.inputs
    staged.take(order, 0, 10, 100)
    wait_until(lambda: staged._coming and staged._coming.filled.done())
    inputs.requires_grad_(True)  # numpy takes no such tensor
    assert staged.take(order, 10, 20, 100)[1][0] == 1010
    with pytest.raises(RuntimeError, match="requires grad"):
        staged.take(order, 20, 30, 100)
    with pytest.raises(RuntimeError, match="requires grad"):
        staged.take(order, 20, 30, 100)
    inputs.requires_grad_(False)
    assert staged.take(order, 20, 30, 100)[1][0] == 1020


def test_an_error_in_what_is_not_wanted_any_more_is_raised_too(staged: StagedFeed) -> None:
    order, inputs = torch.arange(100), staged._samples.inputs
    staged.take(order, 0, 10, 20)
    staged.take(order, 10, 20, 20)
    inputs.requires_grad_(True)
    staged.take(order, 10, 20, 100)  # begins to fetch
    wait_until(lambda: staged._coming and staged._coming.filled.done())
    inputs.requires_grad_(False)
    with pytest.raises(RuntimeError, match="requires grad"):
        staged.take(order, 60, 70, 100)


@pytest.mark.parametrize("order", [[0, 100], [-1, 5]])
def test_rows_that_are_not_there_are_refused(staged: StagedFeed, order: list[int]) -> None:
    with pytest.raises(IndexError, match="of 100 samples"):
        staged.take(torch.tensor(order), 0, 1, 2)
    with pytest.raises(IndexError, match="rows 0 to 3 of an order of 2"):
        staged.take(torch.tensor([5, 6]), 0, 3, 3)


def feed_threads() -> list[threading.Thread]:
    return [thread for thread in threading.enumerate() if thread.name.startswith("feed")]


def test_a_feed_that_is_closed_or_forgotten_leaves_no_thread() -> None:
    closed, forgotten = (StagedFeed(made_up(10), CPU) for _ in range(2))
    for feed in (closed, forgotten):
        feed.take(torch.arange(10), 0, 2, 10)
    assert len(feed_threads()) == 2
    closed.close()
    assert len(feed_threads()) == 1
    del feed, forgotten
    gc.collect()
    wait_until(lambda: not feed_threads())


def test_a_process_ends_without_closing_its_feed() -> None:
    code = (
        "import torch\nfrom tests.engine.test_feed import made_up, CPU, StagedFeed\n"
        "feed = StagedFeed(made_up(10), CPU)\nfeed.take(torch.arange(10), 0, 2, 10)\nprint('done')"
    )
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, cwd=ROOT)
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "done\n", "")


@pytest.mark.gpu
@needs_cuda
@pytest.mark.parametrize("bytes_ahead", [1, 10_000])
def test_on_a_gpu_nothing_is_overwritten_while_the_device_is_behind(bytes_ahead: int) -> None:
    samples, device, order = made_up(2000, 64), torch.device("cuda"), torch.randperm(2000)
    for feed in feeds(samples, device, bytes_ahead):
        placed, seen = feed.order(order), []
        for start in range(0, 2000, 100):
            taken = feed.take(placed, start, start + 100, 2000)
            torch.cuda._sleep(3_000_000)  # cycles: milliseconds that the device is behind
            seen.append([tensor.clone() for tensor in taken])
        assert torch.equal(torch.cat([inputs for inputs, _ in seen]).cpu(), samples.inputs[order])
        assert torch.equal(torch.cat([targets for _, targets in seen]).cpu(), samples.targets[order])
        feed.close()


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_taking_never_waits_for_the_device() -> None:
    samples, device, order = made_up(2000, 64), torch.device("cuda"), torch.randperm(2000)
    for feed in feeds(samples, device, 1):
        placed = feed.order(order)
        torch.cuda.set_sync_debug_mode("error")
        try:
            for start in range(0, 2000, 100):
                feed.take(placed, start, start + 100, 2000)
        finally:
            torch.cuda.set_sync_debug_mode("default")
        feed.close()
