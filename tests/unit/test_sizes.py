"""Sizes of memory, as typed and as shown."""

import re

from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.sections import MEMORY
from tui_trainer.sizes import UNITS, bytes_of, size_text

TYPED = MEMORY["pattern"].replace("auto|", "")


@given(st.from_regex(TYPED, fullmatch=True, alphabet=st.characters(codec="ascii")))
def test_whatever_the_knob_takes_is_a_size(text: str) -> None:
    assert 0 <= bytes_of(text) < 10**21


@given(st.integers(0, 999_999_999), st.sampled_from(sorted(UNITS)), st.sampled_from(["", " "]))
def test_whole_numbers_of_a_unit_are_exact(number: int, unit: str, space: str) -> None:
    assert bytes_of(f"{number}{space}{unit}") == number * UNITS[unit]


@given(st.integers(0, 10**18))
def test_a_shown_size_can_be_typed_and_is_right_to_three_digits(size: int) -> None:
    text = size_text(size)
    assert re.fullmatch(TYPED, text)
    assert abs(bytes_of(text) - size) <= max(5, 0.0051 * size)


def test_units_are_decimal() -> None:
    assert [bytes_of(text) for text in ("1.5gb", "0.1 kB", "2TB")] == [1_500_000_000, 100, 2_000_000_000_000]
    assert [size_text(size) for size in (0, 47_040_000, 999_600)] == ["0.00 kB", "47.0 MB", "1.00 MB"]
