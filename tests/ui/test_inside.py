"""The panel of the net's inside: what it says of each layer, what it marks, and the pictures."""

from __future__ import annotations

import base64
from contextlib import AbstractAsyncContextManager
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from textual.pilot import Pilot

from tests.ui.looks_inside import OUTPUT, layer, measured, picture, with_these
from tests.ui.run_folders import NASTY
from tests.ui.scenes import recorded, run_with, scene, until_epoch
from tests.ui.screens import opened, settled, shown, text_of
from tests.ui.test_dashboard import say
from tui_trainer.config import RunConfig
from tui_trainer.inside_events import Histogram, NetMeasured, WeightPicture
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.layer_table import compact, complaints, drawing, heights, norm_text, ratio_text, sparks
from tui_trainer.ui.palette import DARK, NO_COLOUR
from tui_trainer.ui.panels.inside import InsidePanel
from tui_trainer.ui.weight_pictures import LEVELS, Page, Pixels, lines

BIG = (120, 40)
counts = st.lists(st.integers(0, 10**9), min_size=1, max_size=80)


def opened_with(
    tmp_path: Path, look: NetMeasured, size: tuple[int, int] = BIG
) -> AbstractAsyncContextManager[tuple[TrainerApp, Pilot[None]]]:
    """A finished run of simplenet that looked inside like this."""
    run = run_with(tmp_path, with_these(until_epoch(recorded(), 6.3), look))
    return opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), size)


async def test_its_key_shows_every_figure_of_every_layer(tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            assert "Inside" not in text_of(app)
            await pilot.press("6")
            await settled(pilot)
            text = text_of(app)
            assert "Inside · epoch 6" in text
            assert "Confusion" not in text
            row = next(line for line in text.splitlines() if "linear1" in line)
            for figure in ("128", "100.5k", "200.7k", "11.3", "0.0421", "8.1e-4", "3%"):
                assert figure in row
            await pilot.press("5")
            await settled(pilot)
            assert "Confusion" in text_of(app)
            assert "Inside" not in text_of(app)


async def test_what_looks_wrong_is_marked_and_said_in_words(tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("6")
            await settled(pilot)
            assert "62%!" in text_of(app)  # in linear2, which the cursor therefore begins at
            assert "! most units never answer" in text_of(app)
            await pilot.press("up")
            await settled(pilot)
            assert "most units never answer" not in text_of(app)


@pytest.mark.parametrize("size", [(40, 20), (80, 24), (160, 50)])
async def test_all_that_looks_wrong_is_said_in_full(size: tuple[int, int], tmp_path: Path) -> None:
    look = measured(layer("linear1", gradient_norm=0.0, update_ratio=1e-9, dead=0.9), pictures=0)
    async with opened_with(tmp_path, look, size) as (app, pilot):
        await pilot.press("6", "m")
        await settled(pilot)
        said = " ".join(text_of(app).replace("│", " ").split())
        assert "! no gradient arrives; steps hardly move the weights; most units never answer" in said


async def test_the_footer_has_the_keys_that_do_something(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("6")
            await settled(pilot)
            footer = text_of(app).splitlines()[-1]
            assert not any(word in footer for word in ("pictures", "units", "layer"))
            say(desk.run, measured(pictures=2))
            await shown(pilot, lambda: "↑ ↓ layer  p pictures" in text_of(app).splitlines()[-1])
            await pilot.press("p")
            await shown(pilot, lambda: "first weights, 2 of 128 units" in text_of(app))
            assert "units" not in text_of(app).splitlines()[-1]  # both are there


async def test_a_wide_screen_has_a_column_for_it(tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, (160, 50)) as (app, _):
            text = text_of(app)
            for words in ("Inside · epoch 6", "Confusion matrix", "Log", "Losses", "first weights 1-3 of 16"):
                assert words in text
            assert app.screen.query_one("#inside").size.width == app.screen.query_one("#log").size.width == 46


async def test_pictures_alone_are_larger_and_are_paged_through(tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, (80, 24)) as (app, pilot):
            await pilot.press("6", "p")
            await settled(pilot)
            assert "first weights 1-2 of 16" in text_of(app)
            await pilot.press("right", "right")
            await settled(pilot)
            assert "first weights 5-6 of 16" in text_of(app)
            await pilot.press("left")
            await settled(pilot)
            assert "first weights 3-4 of 16" in text_of(app)
            await pilot.press("p")
            await settled(pilot)
            assert "linear1" in text_of(app)


async def test_a_run_that_was_not_measured_says_so(tmp_path: Path) -> None:
    with scene("completed", tmp_path) as desk:
        async with opened(desk, (200, 60)) as (app, pilot):
            assert "Inside" not in text_of(app)  # no empty column beside an old run
            await pilot.press("6")
            await shown(pilot, lambda: "was not measured" in text_of(app))


async def test_a_look_that_comes_is_shown_and_one_without_pictures_keeps_those_there_were(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, (200, 60)) as (app, pilot):
            assert "Measured at the end of an epoch" in text_of(app)
            say(desk.run, measured())
            await shown(pilot, lambda: "Inside · epoch 6" in text_of(app))
            say(desk.run, measured(layer("linear1", update_ratio=2.5e-7), pictures=0, epoch=7, step=6566))
            app.screen.query_one(InsidePanel).seconds_between = 0  # type: ignore[misc]
            await shown(pilot, lambda: "2.5e-7!" in text_of(app))
            assert "first weights 1-4 of 16 (of 128 units)  epoch 6" in text_of(app)


async def test_sixty_four_layers_are_scrolled(tmp_path: Path) -> None:
    look = measured(*(layer(f"linear{number}", dead=number / 1000) for number in range(1, 64)))
    async with opened_with(tmp_path, look, (80, 24)) as (app, pilot):
        await pilot.press("6")
        await settled(pilot)
        assert "linear1 " in text_of(app)
        assert "output" not in text_of(app)
        assert "layer 1/64" in text_of(app)
        await pilot.press(*["pagedown"] * 7)
        await settled(pilot)
        assert "output  10 units" in text_of(app)
        assert "linear1 " not in text_of(app)


@pytest.mark.parametrize("size", [(20, 5), (40, 12), (80, 24), (100, 34), (120, 40), (159, 34), (160, 34), (300, 90)])
async def test_whatever_was_measured_fits_in_any_size(size: tuple[int, int], tmp_path: Path) -> None:
    nothing = {"weight_norm": None, "gradient_norm": None, "update_ratio": None, "dead": None}
    odd = layer(NASTY * 3, **nothing, activations=None, weights=Histogram(low=0, high=0, counts=[]))
    one = layer("x", units=1, saturated=1.0, activations=Histogram(low=2, high=2, counts=[7, *[0] * 31]))
    look = measured(odd, one).model_copy(
        update={"pictures": [picture(0, 1, 1), picture(1, 300, 2), WeightPicture(
            unit=9, width=5, height=5, scale=1, pixels="!")]}
    )  # fmt: skip
    async with opened_with(tmp_path, look, size) as (app, pilot):
        for keys in (["6"], ["down"], ["p"], ["right"], ["m"]):
            await pilot.press(*keys)
            await settled(pilot)
            assert "\x1b" not in text_of(app)


def test_healthy_layers_have_no_complaint() -> None:
    assert complaints(layer("linear1")) == complaints(OUTPUT) == {}


@pytest.mark.parametrize(
    ("different", "column"),
    [
        ({"dead": 0.51}, "dead"),
        ({"saturated": 0.51}, "satur."),
        ({"update_ratio": 9e-6}, "update"),
        ({"update_ratio": 0.11}, "update"),
        ({"update_ratio": None}, "update"),
        ({"gradient_norm": 0.0}, "gradient"),
        ({"gradient_norm": None}, "gradient"),
        ({"weight_norm": None}, "weights"),
    ],
)
def test_what_looks_wrong_is_complained_of_in_its_column(different: dict[str, float | None], column: str) -> None:
    assert list(complaints(layer("linear1", **different))) == [column]


@given(st.floats(0, 1e308))
def test_numbers_keep_to_their_columns(number: float) -> None:
    assert len(norm_text(number)) <= 8
    assert len(ratio_text(number)) <= 8
    assert float(norm_text(number)) == pytest.approx(number, rel=0.05)
    assert len(compact(min(number, 9.99e14))) <= 6


@given(counts, st.integers(1, 40), st.integers(4, 12))
def test_a_histogram_keeps_to_its_room_and_shows_whatever_is_in_it(numbers: list[int], width: int, height: int) -> None:
    histogram = Histogram(low=-1, high=1, counts=numbers)
    bars = sparks(histogram, width)
    assert len(bars) <= width
    assert [bar == " " for bar in bars] == [top == 0 for top in heights(histogram, width)]
    drawn = drawing("x", histogram, width, height, NO_COLOUR)
    assert len(drawn) == height
    assert all(len(line.plain) <= max(width, 4) for line in drawn)


def test_a_histogram_has_its_bounds_and_0_below() -> None:
    drawn = drawing("weights", Histogram(low=-1, high=3, counts=[1] * 41), 41, 6, DARK)
    assert drawn[-1].plain.index("0") == 10
    assert (drawn[-1].plain.split()[0], drawn[-1].plain.split()[-1]) == ("-1", "3")


def pixels_of(rows: list[list[int]]) -> WeightPicture:
    raw = bytes(value for row in rows for value in row)
    return WeightPicture(unit=3, width=len(rows[0]), height=len(rows), scale=1.0, pixels=base64.b64encode(raw).decode())


def test_half_blocks_have_the_upper_pixel_in_front_of_the_lower() -> None:
    page = Page(1, 1, 1)
    (row, caption) = lines([pixels_of([[255], [1]])], page, DARK, is_plain=False)
    style = row.spans[0].style
    assert row.plain == "▀"
    assert not isinstance(style, str)
    assert style.color
    assert style.bgcolor
    assert tuple(style.color.get_truecolor()) == DARK.val
    assert tuple(style.bgcolor.get_truecolor()) == DARK.train
    assert caption.plain == "3"


def test_without_colour_signs_tell_above_0_from_below() -> None:
    row = lines([pixels_of([[255, 180, 128, 76, 1]] * 2)], Page(1, 1, 1), NO_COLOUR, is_plain=True)[0]
    assert row.plain == "#+ -="


@given(st.lists(st.lists(st.integers(0, 255), min_size=6, max_size=6), min_size=1, max_size=9), st.integers(1, 7))
def test_a_smaller_picture_has_the_mean_of_its_pixels(rows: list[list[int]], smaller: int) -> None:
    small = Pixels.of(pixels_of(rows), smaller)
    assert small
    assert (small.width, small.height) == (-(-6 // smaller), -(-len(rows) // smaller))
    block = [value for row in rows[:smaller] for value in row[:smaller]]
    assert abs(small.level(0, 0) - (sum(block) / len(block) - 128) / 127 * LEVELS) <= 0.51


@given(st.integers(1, 40), st.integers(1, 40), st.integers(1, 200), st.integers(2, 60), st.booleans())
def test_a_page_fits_its_room(width: int, height: int, columns: int, rows: int, wants_several: bool) -> None:
    page = Page.fitting(picture(0, width, height), columns, rows, wants_several=wants_several)
    if page is None:
        assert rows < 3 or wants_several
        return
    some = [picture(unit, width, height) for unit in range(page.across * page.down)]
    drawn = lines(some, page, DARK, is_plain=False)
    assert len(drawn) <= rows - 1
    assert max(line.cell_len for line in drawn) <= columns
