"""Few bytes on the line: only cells that changed, and of a style only what differs; the screen is the same."""

from __future__ import annotations

import pyte
from hypothesis import given
from hypothesis import strategies as st
from rich.color import ColorSystem
from rich.console import Console
from rich.segment import Segment
from rich.style import Style
from textual._compositor import ChopsUpdate
from textual.strip import Strip

from tui_trainer.ui.ascii import ascii_only
from tui_trainer.ui.charts import BLOCKS
from tui_trainer.ui.lean import LeanUpdate, lean
from tui_trainer.ui.painted import changed_spans
from tui_trainer.ui.palette import THEMES, palette_for

WIDTH = 24
colours = st.sampled_from(["red", "green", "#102030", "#8090a0", "default"])
styles = st.builds(
    lambda colour, ground, bold, reverse: Style(color=colour, bgcolor=ground, bold=bold, reverse=reverse),
    colours, colours, st.booleans(), st.booleans(),
)  # fmt: skip
pieces = st.lists(
    st.builds(
        lambda text, style: Segment(text, style), st.text(st.sampled_from("ab │━"), min_size=1, max_size=6), styles
    ),
    min_size=1,
)
strips = pieces.map(lambda parts: Strip(parts).adjust_cell_length(WIDTH, Style()))
console = Console(force_terminal=True, color_system="truecolor", width=WIDTH)


def screen_after(*texts: str) -> list[list[tuple[object, ...]]]:
    """What a terminal shows: a cell is (character, colours, bold, reverse)."""
    screen = pyte.Screen(WIDTH, 2)
    stream = pyte.Stream(screen)
    for text in texts:
        stream.feed(text)
    return [
        [(cell.data, cell.fg, cell.bg, cell.bold, cell.reverse) for cell in (screen.buffer[y][x] for x in range(WIDTH))]
        for y in range(2)
    ]


def update(lines: list[Strip], spans: list[tuple[int, int, int]]) -> ChopsUpdate:
    return ChopsUpdate([{0: line} for line in lines], spans, [[WIDTH] for _ in lines])


def whole(lines: list[Strip]) -> str:
    return update(lines, [(y, 0, WIDTH) for y in range(len(lines))]).render_segments(console)


@given(st.tuples(strips, strips), st.tuples(strips, strips))
def test_repainting_what_changed_gives_the_same_screen_as_repainting_all(
    old: tuple[Strip, Strip], new: tuple[Strip, Strip]
) -> None:
    spans = [(y, *span) for y in range(2) for span in changed_spans(old[y], new[y])]
    small = LeanUpdate([{0: line} for line in new], spans, [[WIDTH], [WIDTH]]).render_segments(console) if spans else ""
    assert screen_after(whole(list(old)), small) == screen_after(whole(list(new)))
    assert len(small) <= len(whole(list(new))) + 24 * len(spans)


def test_a_lean_update_sends_a_cell_and_not_its_line() -> None:
    old = Strip([Segment("loss 0.1234" + " " * 13, Style(color="red"))])
    new = Strip([Segment("loss 0.1235" + " " * 13, Style(color="red"))])
    spans = [(0, *span) for span in changed_spans(old, new)]
    assert spans == [(0, 10, 11)]
    sent = lean(update([new], spans))
    assert isinstance(sent, LeanUpdate)
    text = sent.render_segments(console)
    assert "5" in text
    assert "loss" not in text


def test_sixteen_colours_tell_hits_from_misses_without_shades() -> None:
    coarse = palette_for(THEMES[0], has_colour=True, is_coarse=True)
    grounds = [
        coarse.heat(share, is_hit=is_hit).bgcolor for share, is_hit in ((0.9, True), (0.3, False), (0.01, False))
    ]
    assert [ground and ground.name for ground in grounds] == ["blue", "red", None]


def test_equal_lines_are_not_touched() -> None:
    line = Strip([Segment("same", Style(bold=True))])
    assert not list(changed_spans(line, Strip([Segment("same", Style(bold=True))])))


def test_fewer_colours_are_what_the_terminal_gets() -> None:
    poor = Console(force_terminal=True, color_system="standard", width=WIDTH)
    assert poor._color_system == ColorSystem.STANDARD
    text = LeanUpdate([{0: Strip([Segment("x", Style(color="#ff0000"))])}], [(0, 0, 1)], [[1]]).render_segments(poor)
    assert "38;2" not in text


@given(st.text(max_size=30))
def test_ascii_has_the_same_width_and_nothing_else_in_it(text: str) -> None:
    from rich.cells import cell_len

    plain = ascii_only(text)
    assert plain.isascii()
    assert cell_len(plain) == cell_len(text)


def test_bars_in_ascii_have_the_more_ink_the_higher_they_are() -> None:
    ink = {".": 1, ",": 2, ":": 3, "-": 4, "=": 5, "+": 6, "*": 7, "#": 8}  # dots of a usual terminal's font, in order
    assert [ink[mark] for mark in ascii_only(BLOCKS)] == list(range(1, 9))
