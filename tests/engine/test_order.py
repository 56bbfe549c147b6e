"""The order of an epoch: a fair shuffle that only the seed and the epoch decide."""

from __future__ import annotations

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from scipy.stats import chisquare, spearmanr

from tui_trainer.engine.order import epoch_order


@given(st.integers(0, 2**63 - 1), st.integers(1, 10**7), st.integers(1, 3000))
def test_every_sample_comes_once(seed: int, epoch: int, samples: int) -> None:
    order = epoch_order(seed, epoch, samples, shuffle=True)
    assert torch.equal(order.sort().values, torch.arange(samples))
    assert torch.equal(order, epoch_order(seed, epoch, samples, shuffle=True))


def test_the_keys_are_splitmix64s() -> None:
    def reference(state: int) -> int:
        state = ((state ^ state >> 30) * 0xBF58476D1CE4E5B9) % 2**64
        state = ((state ^ state >> 27) * 0x94D049BB133111EB) % 2**64
        return state ^ state >> 31

    from tui_trainer.engine.order import _scrambled

    states = torch.tensor([0, 1, -1, 2**62, -(2**63), 0x9E3779B97F4A7C15 - 2**64])
    expected = [reference(state % 2**64) for state in states.tolist()]
    assert [key % 2**64 for key in _scrambled(states).tolist()] == expected


def test_every_place_is_as_likely_for_every_sample() -> None:
    places = torch.stack([epoch_order(7, epoch, 10, shuffle=True) for epoch in range(1, 2001)])
    for place in range(10):
        assert chisquare(torch.bincount(places[:, place], minlength=10)).pvalue > 1e-4


def test_epochs_and_neighbouring_seeds_have_nothing_in_common() -> None:
    orders = [epoch_order(seed, epoch, 5000, shuffle=True) for seed, epoch in ((0, 1), (0, 2), (1, 1), (1, 2))]
    for one in orders:
        assert abs(spearmanr(one, torch.arange(5000)).statistic) < 0.06
        assert sum(torch.equal(one, other) for other in orders) == 1


def test_without_shuffling_it_is_the_order_of_the_data() -> None:
    assert epoch_order(3, 9, 5, shuffle=False).tolist() == [0, 1, 2, 3, 4]


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_it_is_the_same_on_a_gpu() -> None:
    cuda = torch.device("cuda")
    drawn = epoch_order(5, 3, 60_000, shuffle=True, device=cuda)
    assert torch.equal(drawn.cpu(), epoch_order(5, 3, 60_000, shuffle=True))
