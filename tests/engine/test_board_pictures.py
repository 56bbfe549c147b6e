"""The pictures that TensorBoard shows: what colour a cell has, and that every number of classes gets one."""

from __future__ import annotations

import io

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from tui_trainer.worker.board import pictures


def opened(drawn: pictures.Png) -> Image.Image:
    picture = Image.open(io.BytesIO(drawn.data))
    assert (picture.size, picture.mode) == (drawn.size, "RGB")
    return picture


def test_hits_are_blue_mistakes_orange_and_what_never_happened_white() -> None:
    drawn = opened(pictures.confusion_matrix([[9, 1], [0, 5]], ["a", "b"]))
    left, top = drawn.width - 8 - 2 * 46, drawn.height - 8 - 2 * 34
    corners = [[drawn.getpixel((left + 46 * column + 2, top + 34 * row + 2)) for column in (0, 1)] for row in (0, 1)]
    assert corners[1] == [(255, 255, 255), pictures.BLUE]
    hit, mistake = corners[0]
    assert isinstance(hit, tuple)
    assert isinstance(mistake, tuple)
    assert hit[2] > hit[0]
    assert mistake[0] > mistake[2]


@pytest.mark.parametrize("classes", [1, 2, 30, 31, 90, 91, 1000])
def test_every_number_of_classes_gets_a_picture_of_a_size_that_fits_a_screen(classes: int) -> None:
    matrix = [[5 if row == column else 0 for column in range(classes)] for row in range(classes)]
    drawn = opened(pictures.confusion_matrix(matrix, [f"class number {n}" for n in range(classes)]))
    assert max(drawn.size) <= 1600


@settings(max_examples=30)
@given(st.lists(st.text(max_size=40), min_size=1, max_size=30), st.integers(1, 64), st.integers(1, 64))
def test_any_names_and_sizes_can_be_drawn(names: list[str], width: int, height: int) -> None:
    opened(pictures.confusion_matrix([[1] * len(names)] * len(names), names))
    one = Image.new("L", (width, height), 100)
    opened(pictures.grid([one] * len(names), [(pictures.short(name, 24), "x") for name in names], "heading"))


def test_a_long_name_keeps_both_ends() -> None:
    assert pictures.short("letter number 12", 11) == "lette…er 12"
    assert pictures.short("tab\there", 11) == "tab?here"


def test_large_pictures_are_reduced_and_small_ones_enlarged_by_whole_pixels() -> None:
    large = opened(pictures.grid([Image.new("L", (1024, 768), 100)] * 25, [("a", "b")] * 25, "heading"))
    assert max(large.size) < 900
    one = Image.new("L", (2, 1))
    one.putpixel((1, 0), 255)
    small = opened(pictures.grid([one], [("a", "b")], "heading"))
    assert [small.getpixel((6 + x, 30)) for x in (0, 41, 42, 83)] == [*[(0, 0, 0)] * 2, *[(255, 255, 255)] * 2]
