"""Pictures in the cells of a terminal: what fits, and what is drawn."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.engine.preview import Picture
from tui_trainer.headless.picture_grid import Grid, grid, in_blocks, in_shades


@pytest.mark.parametrize(
    ("columns", "width", "height", "wanted"),
    [
        (78, 28, 28, Grid(4, 18, 9)),  # smaller, so that four stand side by side
        (158, 28, 28, Grid(5, 28, 14)),  # as they are
        (78, 8, 8, Grid(4, 16, 8)),  # twice as large
        (158, 224, 224, Grid(4, 38, 19)),
        (158, 40, 20, Grid(4, 38, 10)),  # 19 rows of pixels, and one more
        (3, 28, 28, Grid(1, 3, 2)),
    ],
)
def test_pictures_are_as_large_as_leaves_four_side_by_side(columns: int, width: int, height: int, wanted: Grid) -> None:
    assert grid(columns, width, height) == wanted


@given(st.integers(4, 400), st.integers(1, 1024), st.integers(1, 1024), st.none() | st.integers(1, 40))
def test_what_is_drawn_never_exceeds_the_width(columns: int, width: int, height: int, across: int | None) -> None:
    found = grid(columns, width, height, across)
    if across is not None:
        assert found.across == across
    assert found.across * (found.cells + 1) - 1 <= max(columns, 2 * found.across)


def picture(*rows: str) -> Picture:
    """`X` is red, anything else black."""
    levels = b"".join(bytes((255, 0, 0)) if sign == "X" else bytes(3) for row in rows for sign in row)
    return Picture(len(rows[0]), len(rows), levels)


def test_a_half_block_has_the_upper_pixel_on_the_lower_one() -> None:
    (line,) = in_blocks(picture("X.", ".X"), 2, 1)
    assert line.plain == "▀▀"
    colours = [(str(span.style.color.name), str(span.style.bgcolor.name)) for span in line.spans]  # type: ignore[union-attr]
    assert colours == [("#ff0000", "#000000"), ("#000000", "#ff0000")]


def test_without_colours_a_denser_sign_is_brighter() -> None:
    white = Picture(3, 2, bytes((0, 0, 0, 128, 128, 128, 255, 255, 255)) * 2)
    assert in_shades(white, 3, 1, is_ascii=False)[0].plain == " ▒█"
    assert in_shades(white, 3, 1, is_ascii=True)[0].plain == " +@"


def test_a_large_picture_is_averaged_and_a_small_one_keeps_its_edges() -> None:
    dots = Picture(4, 4, bytes((255, 255, 255, 0, 0, 0)) * 8)
    assert {line.plain for line in in_shades(dots, 2, 1, is_ascii=False)} == {"▒▒"}
    edge = Picture(2, 2, bytes((0, 0, 0, 255, 255, 255)) * 2)
    assert [line.plain for line in in_shades(edge, 4, 2, is_ascii=False)] == ["  ██"] * 2
