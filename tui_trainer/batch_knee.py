"""What a table of batch sizes and rates means: the knee, and how the learning rate moves with the batch."""

from __future__ import annotations

import math
from collections.abc import Sequence

from tui_trainer.finder_events import BatchEnd, BatchRow

SHARE_OF_THE_BEST = 0.9
LINEAR = "sgd"


def sizes_between(least: int, most: int) -> list[int]:
    """Doubling from the least; the most itself comes last."""
    least = min(least, most)
    doubled = [least << power for power in range(64) if least << power < most]
    return [*doubled, most]


def knee(rows: Sequence[BatchRow]) -> int:
    """The smallest size whose rate is at least nine tenths of the best one's: what is larger only costs updates."""
    best = max(row.samples_per_second for row in rows)
    return next(row.size for row in rows if row.samples_per_second >= SHARE_OF_THE_BEST * best)


def moved_lr(lr: float, optimizer: str, before: int, after: int) -> float:
    """The rate for another batch size, to two digits.

    Linear for SGD (Goyal et al. 2017, arXiv:1706.02677), by the square root for the adaptive optimizers (Malladi et
    al. 2022, arXiv:2205.10287).
    """
    factor = after / before
    return float(f"{lr * (factor if optimizer == LINEAR else math.sqrt(factor)):.2g}")


def advice(lr: float, optimizer: str, before: int, after: int) -> str:
    """On the learning rate at another batch size, with the rule's source."""
    if optimizer == LINEAR:
        rule = "in proportion for sgd (Goyal et al. 2017, with some epochs of --warmup)"
    else:
        rule = f"by the square root for {optimizer} (Malladi et al. 2022)"
    moved = moved_lr(lr, optimizer, before, after)
    example = f": at batch size {after:,} start from --lr {moved:g}" if after != before else ""
    fewer = "A larger batch makes fewer updates an epoch. " if after > before else ""
    return f"{fewer}Another batch size wants another learning rate, as a rule {rule}{example}. `lr-find` measures it."


def why_no_larger(end: BatchEnd, largest: int, following: int | None, cause: str) -> str:
    """`following` is the next size, which was not measured."""
    match end:
        case "samples":
            return f"{largest:,} is the whole training split"
        case "asked":
            return f"{largest:,} is the most that was asked for (--most)"
        case "memory":
            return f"{following:,} does not fit: {cause}"
        case "seconds":
            return f"{following:,} was not tried: {cause}"
