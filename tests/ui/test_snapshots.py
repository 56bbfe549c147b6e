"""Every state in three sizes, without colour, and in ASCII, as it was when somebody last looked at it.

UPDATE_SNAPSHOTS=1 pytest tests/ui/test_snapshots.py     # then look at what changed before it is committed
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.scenes import GPUS, SCENES, scene
from tests.ui.screens import check_snapshot, opened, picture_of, settled, text_of
from tui_trainer import devices
from tui_trainer.ui.keybar import PANELS

SIZES = ((80, 24), (120, 40), (200, 60))


@pytest.mark.parametrize("size", SIZES, ids=lambda size: f"{size[0]}x{size[1]}")
@pytest.mark.parametrize("name", SCENES)
async def test_every_state_in_every_size(name: str, size: tuple[int, int], tmp_path: Path) -> None:
    with scene(name, tmp_path) as desk:
        async with opened(desk, size) as (app, _):
            check_snapshot(f"{name}-{size[0]}x{size[1]}.txt", text_of(app))


@pytest.mark.parametrize("panel", range(1, len(PANELS) + 1))
async def test_a_small_screen_shows_each_panel_in_its_turn(panel: int, tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, (80, 24)) as (app, pilot):
            await pilot.press(str(panel))
            await settled(pilot)
            check_snapshot(f"panel-{panel}-80x24.txt", text_of(app))


@pytest.mark.parametrize(
    ("keys", "size"),
    [("6", (80, 24)), ("6p", (80, 24)), ("6", (120, 40)), ("6m", (120, 40)), ("6", (160, 50)), ("6", (200, 60))],
    ids=lambda value: value if isinstance(value, str) else f"{value[0]}x{value[1]}",
)
async def test_the_inside_of_the_net_in_every_place_it_has(keys: str, size: tuple[int, int], tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, size) as (app, pilot):
            await pilot.press(*keys)
            await settled(pilot)
            check_snapshot(f"inside-{keys}-{size[0]}x{size[1]}.txt", text_of(app))


@pytest.mark.parametrize("theme", ["trainer-dark", "trainer-light"])
async def test_the_inside_of_the_net_in_colour(theme: str, tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, (80, 24)) as (app, pilot):
            app.theme = theme
            await pilot.press("6", "p")
            await settled(pilot)
            check_snapshot(f"inside-{theme}.svg", picture_of(app, "inside"))


@pytest.mark.parametrize("is_ascii", [False, True], ids=["no-colour", "ascii"])
async def test_the_inside_of_the_net_without_colour_or_in_ascii(
    is_ascii: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not is_ascii:
        monkeypatch.setenv("NO_COLOR", "1")
    with scene("measured", tmp_path) as desk:
        async with opened(desk, (120, 40), is_ascii=is_ascii) as (app, pilot):
            await pilot.press("6", "m")
            await settled(pilot)
            assert not is_ascii or text_of(app).isascii()
            check_snapshot(f"inside-{'ascii' if is_ascii else 'no-colour'}-120x40.txt", text_of(app))


@pytest.mark.parametrize("size", SIZES[:2], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_the_window_of_the_alerts(size: tuple[int, int], tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, size) as (app, pilot):
            await pilot.press("a")
            await settled(pilot)
            check_snapshot(f"first-aid-{size[0]}x{size[1]}.txt", text_of(app))


@pytest.mark.parametrize("name", SCENES)
async def test_in_ascii_no_character_is_outside_it(name: str, tmp_path: Path) -> None:
    with scene(name, tmp_path) as desk:
        async with opened(desk, (120, 40), is_ascii=True) as (app, _):
            text = text_of(app)
            assert text.isascii(), sorted({mark for mark in text if not mark.isascii()})
            assert "?" not in text.replace("? help", "")
            check_snapshot(f"{name}-ascii-120x40.txt", text)


@pytest.mark.parametrize("name", SCENES)
async def test_without_colour_there_is_none(name: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("NO_COLOR", "1")
    with scene(name, tmp_path) as desk:
        async with opened(desk, (120, 40)) as (app, _):
            for strip in app.screen._compositor.render_strips():
                for _text, style, _control in strip:
                    for colour in (style.color, style.bgcolor) if style else ():
                        assert colour is None or colour.is_default
            check_snapshot(f"{name}-no-colour-120x40.txt", text_of(app))


@pytest.mark.parametrize("theme", ["trainer-dark", "trainer-light"])
async def test_the_pictures_in_colour(theme: str, tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, (120, 40)) as (app, pilot):
            app.theme = theme
            await settled(pilot)
            check_snapshot(f"{theme}.svg", picture_of(app, "tui-trainer attach simplenet-1"))


async def test_a_shared_machine_says_who_else_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: GPUS)
    with scene("ready", tmp_path) as desk:
        async with opened(desk, (120, 40)) as (app, pilot):
            await settled(pilot)
            check_snapshot("gpus-120x40.txt", text_of(app))
