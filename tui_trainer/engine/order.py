"""The order of an epoch: a function of the seed, the epoch and the number of samples, the same on every device.

Each sample gets a random 64-bit key, and the keys are sorted. Whole numbers give the same keys everywhere, so
that a run that moves from a GPU to a CPU in the middle of an epoch meets each sample once.
"""

from __future__ import annotations

import hashlib

import torch
from torch import Tensor

# splitmix64 (Steele, Lea, Flood, Fast Splittable Pseudorandom Number Generators, 2014), as signed numbers
GAMMA, FIRST, SECOND = 0x9E3779B97F4A7C15 - 2**64, 0xBF58476D1CE4E5B9 - 2**64, 0x94D049BB133111EB - 2**64


def epoch_order(seed: int, epoch: int, samples: int, *, shuffle: bool, device: torch.device | None = None) -> Tensor:
    """Rows (samples,) int64 of an epoch counted from 1, drawn on the device.

    Hashed, so that neighbouring seeds share no epoch's order.
    """
    rows = torch.arange(samples, device=device)
    if not shuffle:
        return rows
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    start = int.from_bytes(digest[:8], "big", signed=True)
    return torch.argsort(_scrambled(rows * GAMMA + start))


def _scrambled(state: Tensor) -> Tensor:
    state = (state ^ _shifted(state, 30)) * FIRST
    state = (state ^ _shifted(state, 27)) * SECOND
    return state ^ _shifted(state, 31)


def _shifted(state: Tensor, by: int) -> Tensor:
    """To the right as if without sign."""
    return (state >> by) & ((1 << (64 - by)) - 1)
