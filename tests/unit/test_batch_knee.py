"""What a table of batch sizes means."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.batch_knee import advice, knee, moved_lr, sizes_between
from tui_trainer.finder_events import BatchRow
from tui_trainer.finder_words import table_cells


def rows(rates: dict[int, float]) -> list[BatchRow]:
    return [
        BatchRow(size=size, samples_per_second=rate, seconds_a_step=size / rate, steps_an_epoch=1, memory=None)
        for size, rate in rates.items()
    ]


def test_the_table_has_a_column_of_memory_where_it_was_seen() -> None:
    told = rows({16: 100, 32: 200})
    assert table_cells(told, 32, 16) == [
        ("batch size", "samples/s", "ms/step", "steps/epoch", ""),
        ("16", "100", "160", "1", "now"),
        ("32", "200", "160", "1", "knee"),
    ]
    seen = [row.model_copy(update={"memory": 9_000_000}) for row in told]
    assert [line[4] for line in table_cells(seen, 32, 16)] == ["memory", "9.00 MB", "9.00 MB"]


@given(least=st.integers(1, 10_000), most=st.integers(1, 10_000_000))
def test_sizes_double_and_end_with_the_most(least: int, most: int) -> None:
    sizes = sizes_between(least, most)
    assert sizes[-1] == most
    assert sizes[0] == min(least, most)
    assert all(after == 2 * before for before, after in itertools.pairwise(sizes[:-1]))
    assert sizes == sorted(set(sizes))


def test_the_knee_is_the_smallest_size_with_nine_tenths_of_the_best_rate() -> None:
    assert knee(rows({16: 100, 32: 190, 64: 330, 128: 470, 256: 500, 512: 480})) == 128
    assert knee(rows({16: 500, 32: 100})) == 16


@pytest.mark.parametrize(("optimizer", "expected"), [("sgd", 0.8), ("adam", 0.28), ("adamw", 0.28), ("rmsprop", 0.28)])
def test_the_rate_moves_by_the_usual_rule(optimizer: str, expected: float) -> None:
    assert moved_lr(0.1, optimizer, 64, 512) == expected
    assert moved_lr(expected, optimizer, 512, 64) == pytest.approx(0.1, rel=0.02)


def test_the_advice_names_the_rule_and_its_source() -> None:
    assert "in proportion for sgd (Goyal et al. 2017" in advice(0.1, "sgd", 64, 128)
    assert "at batch size 128 start from --lr 0.2" in advice(0.1, "sgd", 64, 128)
    assert "square root for adamw (Malladi et al. 2022)" in advice(0.1, "adamw", 64, 128)
    assert "start from" not in advice(0.1, "adam", 64, 64)
