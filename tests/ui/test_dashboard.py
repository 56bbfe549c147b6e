"""Keys and what they ask for: every press ends in a line of commands.jsonl, a window, or another look."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from tests.ui.scenes import GPUS, scene
from tests.ui.screens import opened, settled, shown, text_of
from tui_trainer import devices, recipes
from tui_trainer.events import CommandRejected, Continued, HyperparametersChanged, Paused
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk
from tui_trainer.ui.keybar import PANELS
from tui_trainer.ui.keys import KEYS, of_room

BIG = (120, 40)


def asked(desk: Desk) -> list[dict[str, Any]]:
    """What was appended for the worker."""
    assert desk.run
    return [json.loads(line) for line in desk.run.commands.read_text().splitlines()]


def say(run: RunDir | None, *events: Any) -> None:
    """As the worker would."""
    assert run
    with run.events.open("a") as file:
        file.writelines(event.to_line() for event in events)


@pytest.mark.parametrize(
    ("key", "command", "doing"),
    [
        ("space", "pause", "pausing"),
        ("s", "stop", "stopping"),
        ("w", "save", "saving"),
        ("v", "evaluate", "evaluating"),
    ],
)
async def test_a_key_asks_and_the_screen_waits_for_the_answer(
    key: str, command: str, doing: str, tmp_path: Path
) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press(key)
            await shown(pilot, lambda: f"training, {doing}" in text_of(app))
            assert [line["command"] for line in asked(desk)] == [command]
            await pilot.press(key)  # a second time while it waits asks nothing more
            await shown(pilot, lambda: "asked already" in text_of(app))
            assert len(asked(desk)) == 1


async def test_the_state_changes_when_the_run_has_answered(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("space")
            say(desk.run, Paused(step=6000, id=asked(desk)[0]["id"]))
            await shown(pilot, lambda: "‖ paused" in text_of(app))
            assert "pausing" not in text_of(app)


async def test_a_refused_command_is_told_with_its_reason(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("w")
            say(desk.run, CommandRejected(line="{}", why="no room on the [disk]", id=asked(desk)[0]["id"]))
            await shown(pilot, lambda: "refused: no room on the [disk]" in text_of(app))


async def test_a_live_value_is_stepped_sent_and_marked(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("e", "right")
            await settled(pilot)
            assert "0.0003 → 0.0005" in text_of(app)
            assert asked(desk) == []
            await pilot.press("enter")
            line = asked(desk)[0]
            assert (line["command"], line["lr"]) == ("set", 0.0005)
            change = {"values": {"lr": 0.0005}, "before": {"lr": 0.0003}, "id": line["id"]}
            say(desk.run, HyperparametersChanged(step=6000, epoch=7, **change))
            await shown(pilot, lambda: "lr 0.0003 -> 0.0005" in text_of(app))
            assert "0.0003 →" not in text_of(app)


async def test_a_typed_value_is_checked_while_it_is_typed(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("e", "enter", *"fast")
            await shown(pilot, lambda: "fast is not allowed; expected a number above 0" in text_of(app))
            await pilot.press("enter")
            assert asked(desk) == []
            await pilot.press("ctrl+u", *"0.25", "enter")
            await shown(pilot, lambda: asked(desk))
            assert asked(desk)[0]["lr"] == 0.25


async def test_more_epochs_are_asked_for_in_all(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("plus")
            await shown(pilot, lambda: "How many shall it be in all?" in text_of(app))
            await pilot.press("ctrl+u", "3")
            await shown(pilot, lambda: "7 have begun already" in text_of(app))
            await pilot.press("ctrl+u", *"25", "enter")
            await shown(pilot, lambda: asked(desk))
            assert asked(desk)[0]["epochs"] == 25


@pytest.mark.parametrize("key", [key for key in KEYS if key.steers and not key.room], ids=lambda key: key.action)
async def test_read_only_nothing_is_asked(key: Any, tmp_path: Path) -> None:
    with scene("readonly", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press(key.keys.split(",")[0])
            await shown(pilot, lambda: "Opened read-only" in text_of(app))
            assert asked(desk) == []
            assert len(app.screen_stack) == 1


async def test_every_panel_is_reached_by_tab_and_by_number_and_has_its_keys_in_the_footer(tmp_path: Path) -> None:
    with scene("measured", tmp_path) as desk:
        async with opened(desk, (200, 60)) as (app, pilot):
            seen = []
            for _ in PANELS:
                await pilot.press("tab")
                assert app.focused
                seen.append(app.focused.id)
                await settled(pilot)
                footer = text_of(app).splitlines()[-1]
                for key in of_room(str(app.focused.id)):
                    assert key.rank == 9 or key.label in footer
            assert sorted(map(str, seen)) == sorted(PANELS)
            for number, name in enumerate(PANELS, 1):
                await pilot.press(str(number))
                assert app.focused
                assert app.focused.id == name


async def test_maximised_a_panel_has_the_screen_and_gives_it_back(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("3", "m")
            await settled(pilot)
            assert "Losses" not in text_of(app)
            assert app.screen.query_one("#confusion").size.width > 110
            await pilot.press("m")
            await settled(pilot)
            assert "Losses" in text_of(app)


async def test_the_form_is_searched_edited_and_trains_what_it_says(tmp_path: Path) -> None:
    with scene("ready", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("slash", *"drop")
            await settled(pilot)
            assert "find: drop_" in text_of(app)
            assert "input dropout" in text_of(app)
            assert "learning rate" not in text_of(app)
            await pilot.press("enter", "right", "right", "escape")
            await settled(pilot)
            assert desk.form.config().model.input_dropout == 0.1
            desk.form.go_to("data")
            await pilot.press("enter")
            await shown(pilot, lambda: "data set to train on" in text_of(app) and len(app.screen_stack) == 2)
            await pilot.press("down", "enter")
            await shown(pilot, lambda: "Next run: iris" in text_of(app))
            await pilot.press("d")
            await shown(pilot, lambda: "Next run: digits" in text_of(app))


async def test_a_recipe_fills_the_form_and_keeps_the_machines_settings(tmp_path: Path) -> None:
    with scene("ready", tmp_path) as desk:
        desk.form.set_text("data_dir", "/data/sets")
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("c")
            await shown(pilot, lambda: "Fills the form" in text_of(app))
            names = [recipe.name for recipe in recipes.all_recipes()]
            await pilot.press("end", *["up"] * (len(names) - 1 - names.index("simplenet")), "enter")
            await shown(pilot, lambda: "mnist" in text_of(app))
            assert desk.form.stem == "simplenet"
            assert desk.form.values["data_dir"] == "/data/sets"


async def test_the_freest_gpu_is_chosen_and_another_can_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: GPUS)
    with scene("ready", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await shown(pilot, lambda: "● cuda:0" in text_of(app))
            await pilot.press("4", "down", "down", "enter")
            await shown(pilot, lambda: "● cuda:1" in text_of(app))
            assert desk.form.config().hardware.device == "cuda:1"


async def test_a_new_run_starts_from_the_settings_of_the_one_that_was_open(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("n")
            await shown(pilot, lambda: "○ ready" in text_of(app))
            assert "simplenet-1 goes on" in text_of(app)
            assert desk.form.values["lr"] == 0.0003  # as it was changed
            assert desk.form.stem == "simplenet"
            assert asked_nothing(tmp_path)


def asked_nothing(runs_dir: Path) -> bool:
    return (runs_dir / "simplenet-1" / "commands.jsonl").read_text() == ""


async def test_the_palette_has_every_key_and_runs_it(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("ctrl+p")
            await pilot.press(*"checkpoint now")
            await shown(pilot, lambda: "write a checkpoint now" in text_of(app))
            await pilot.press("down", "enter")
            await shown(pilot, lambda: asked(desk))
            assert asked(desk)[0]["command"] == "save"


async def test_help_names_every_key(tmp_path: Path) -> None:
    with scene("ready", tmp_path) as desk:
        async with opened(desk, (120, 100)) as (app, pilot):
            await pilot.press("question_mark")
            await shown(pilot, lambda: "in losses" in text_of(app))
            text = text_of(app)
            assert all(key.sentence[:40] in text for key in KEYS if key.room in ("", "losses"))
            await pilot.press("escape")
            assert isinstance(app.screen, Dashboard)


async def test_a_terminal_without_the_focus_is_looked_after_once_a_second(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, _):
            stage = app.screen
            assert isinstance(stage, Dashboard)
            looks: list[float] = []
            now = [time.monotonic() + 100]
            monkeypatch.setattr(stage, "look", lambda: looks.append(now[0]))
            monkeypatch.setattr("tui_trainer.ui.stage.time.monotonic", lambda: now[0])
            for has_focus, most in ((True, 12), (False, 3)):
                app.app_focus = has_focus
                looks.clear()
                for _tick in range(12):  # three seconds at four looks a second
                    now[0] += 0.25
                    stage.tick()
                assert len(looks) == most


async def test_nothing_is_painted_when_nothing_happens(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scene("paused", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            stage = app.screen
            assert isinstance(stage, Dashboard)
            painted: list[object] = []
            monkeypatch.setattr(app, "_display", lambda _screen, update: painted.append(update))
            for _ in range(5):
                stage.look()
                await pilot.pause()
            assert [update for update in painted if update is not None] == []
            say(desk.run, Continued(step=6000))
            await shown(pilot, lambda: any(painted))


async def test_a_field_under_the_pointer_says_what_it_is(tmp_path: Path) -> None:
    with scene("ready", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            row = text_of(app).partition("│  hidden")[0].count("\n")
            await pilot.hover("#hyperparameters", offset=(5, row - app.screen.query_one("#hyperparameters").region.y))
            await shown(
                pilot, lambda: "units of each hidden layer" in str(app.screen.query_one("#hyperparameters").tooltip)
            )


async def test_the_mouse_presses_what_the_footer_says(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            footer = text_of(app).splitlines()[-1]
            await pilot.click("#keys", offset=(footer.index("stop"), 0))
            await shown(pilot, lambda: asked(desk))
            assert asked(desk)[0]["command"] == "stop"


async def test_leaving_harms_nothing(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("q")
            await pilot.pause()
            assert not app.is_running or app._exit
            assert asked(desk) == []
        assert desk.run
        assert desk.run.is_alive()
