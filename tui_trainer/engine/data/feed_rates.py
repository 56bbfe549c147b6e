"""What each tier delivers by itself: samples a second that are taken and not trained on."""

from __future__ import annotations

import statistics
import time
from contextlib import ExitStack

import torch

from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.data.feed import DeviceFeed, Feed, StagedFeed, Tier
from tui_trainer.engine.data.spill import spill


def feed_rates(data: DataSet, device: torch.device, batch: int, rounds: int = 5) -> dict[Tier, float]:
    """Samples a second of whole epochs, each tier once a round, medians. Raises InputError where a file has no room.

    The file has just been written and is likely to lie in the system's page cache: a disk that has to be waited for
    is slower.
    """
    feeds: dict[Tier, Feed] = {
        "device": DeviceFeed(data.train.to(device)),
        "host": StagedFeed(data.train, device),
        "file": StagedFeed(spill(data.train, is_shuffled=True), device),
    }
    seconds: dict[Tier, list[float]] = {tier: [] for tier in feeds}
    with ExitStack() as held:
        for feed in feeds.values():
            held.callback(feed.close)
        for number in range(rounds + 1):
            order = torch.randperm(len(data.train), generator=torch.Generator().manual_seed(number))
            for tier, feed in feeds.items():
                seconds[tier].append(_epoch(feed, order, batch, device))
    return {tier: len(data.train) / statistics.median(times[1:]) for tier, times in seconds.items()}  # first: warm-up


def _epoch(feed: Feed, order: torch.Tensor, batch: int, device: torch.device) -> float:
    _finish(device)
    began = time.perf_counter()
    samples, order = len(feed), feed.order(order)
    for start in range(0, samples, batch):
        feed.take(order, start, min(samples, start + batch), samples)
    _finish(device)
    return time.perf_counter() - began


def _finish(device: torch.device) -> None:
    if device.type == "cuda":
        torch.cuda.synchronize(device)
