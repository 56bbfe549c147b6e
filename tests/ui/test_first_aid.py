"""First aid in the dashboard: an open alert cannot be missed, and one key does what a remedy says."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.ui.looks_inside import BLOWN_UP, OVERFITTING, STARVED, with_these
from tests.ui.scenes import recorded, run_with, scene, until_epoch
from tests.ui.screens import opened, settled, shown, text_of
from tests.ui.test_dashboard import asked, say
from tui_trainer import launch
from tui_trainer.config import RunConfig
from tui_trainer.events import CommandRejected
from tui_trainer.inside_events import AlertPassed, Remedy, RemedyApplied, WentBack
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.finder import FinderScreen
from tui_trainer.ui.first_aid import FirstAid

BIG = (120, 40)


@pytest.fixture
def launched(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, Any]]]:
    """What would have been resumed, with which changes: no process is started."""
    seen: list[tuple[str, dict[str, Any]]] = []

    def launch_nothing(run: RunDir, changes: dict[str, Any], apply: str = "") -> None:
        seen.append((run.name, {**json.loads(json.dumps(changes)), **({"apply": apply} if apply else {})}))

    monkeypatch.setattr(launch, "launch", launch_nothing)
    return seen


async def test_an_alert_is_told_in_a_line_in_the_log_and_beside_the_state(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            assert "remedies" not in text_of(app)
            say(desk.run, OVERFITTING)
            await shown(
                pilot, lambda: "! The net learns the training samples by heart  val_loss 0.0911" in text_of(app)
            )
            await shown(pilot, lambda: "● training  cpu  ! 1 alert" in text_of(app))
            await shown(pilot, lambda: "! Alert: the net" in text_of(app))
            assert "a remedies" in text_of(app).splitlines()[-1]


async def test_one_that_passed_goes(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            assert "by heart  val_loss" in text_of(app)
            assert "and 1 more" in text_of(app)
            say(desk.run, AlertPassed(alert="overfitting-1", epoch=7, step=6100))
            await shown(pilot, lambda: "! The net waits for its data  61 %" in text_of(app))
            say(desk.run, AlertPassed(alert="data_starvation-1", epoch=7, step=6100))
            await shown(pilot, lambda: "alert" not in text_of(app).splitlines()[0])
            assert not app.screen.query_one("#alert").display


@pytest.mark.parametrize("keys", [["1"], ["enter"], ["down", "up", "enter"]], ids="-".join)
async def test_a_key_asks_for_the_remedy_and_the_screen_waits_for_the_answer(keys: list[str], tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a")
            await shown(pilot, lambda: "sets dropout 0.2, from the last good checkpoint on" in text_of(app))
            await pilot.press(*keys)
            await shown(pilot, lambda: "training, applying" in text_of(app))
            (line,) = asked(desk)
            assert (line["command"], line["alert"], line["remedy"]) == ("apply", "overfitting-1", 1)
            say(
                desk.run,
                RemedyApplied(alert="overfitting-1", sentence="Go back", step=6000, id=line["id"]),
                WentBack(epochs=10, epochs_done=6, step=5628, live={"dropout": 0.2}),
            )
            await shown(pilot, lambda: "applying" not in text_of(app))
            await shown(pilot, lambda: "Went back to step" in text_of(app))


async def test_a_refusal_is_told(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a", "right", "1")
            await shown(pilot, lambda: asked(desk))
            assert asked(desk)[0]["alert"] == "data_starvation-1"
            say(desk.run, CommandRejected(line="{}", why="no such alert", id=asked(desk)[0]["id"]))
            await shown(pilot, lambda: "refused: no such alert" in text_of(app))


async def test_a_remedy_for_a_new_run_fills_the_form_and_leaves_this_one_alone(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a", "2")
            await shown(pilot, lambda: "○ ready" in text_of(app))
            assert "simplenet-1 goes on" in text_of(app)
            assert desk.form.config().model.hidden == (64,)
            assert desk.form.values["lr"] == 0.0003  # as the run had it
            assert not app.screen.query_one("#alert").display
            assert (tmp_path / "simplenet-1" / "commands.jsonl").read_text() == ""


async def test_what_was_filled_in_is_told(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a", "2")
            await shown(pilot, lambda: "Filled in: hidden 64. space trains it." in text_of(app))


async def test_another_screens_remedy_makes_the_window_say_that_it_is_over(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a")
            await shown(pilot, lambda: "2 alerts" in text_of(app))
            say(desk.run, RemedyApplied(alert="overfitting-1", sentence="Go back", step=6000, id="somebody-1"))
            await shown(pilot, lambda: "Over: it passed by itself, or a remedy was applied" in text_of(app))
            assert "1  Go back" not in text_of(app)
            await pilot.press("1")
            await shown(pilot, lambda: "Nothing to apply: it passed" in text_of(app))
            await pilot.press("right")
            await shown(pilot, lambda: "1  Stop here" in text_of(app))
            assert asked(desk) == []


async def test_whoever_was_away_reads_what_is_over(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        say(desk.run, *(AlertPassed(alert=one.alert, epoch=7, step=6100) for one in (OVERFITTING, STARVED)))
        async with opened(desk, BIG) as (app, pilot):
            assert "a past alerts" in text_of(app).splitlines()[-1]
            await pilot.press("a")
            await shown(pilot, lambda: "! The net waits for its data  epoch 6, over" in text_of(app))
            await pilot.press("right", "enter", "1")
            await shown(pilot, lambda: "val_loss 0.0911 now" in text_of(app))
            assert asked(desk) == []


@pytest.mark.parametrize("size", [(60, 18), (80, 16), (120, 23)])
async def test_in_a_low_window_the_keys_and_the_remedy_under_the_cursor_are_seen(
    size: tuple[int, int], tmp_path: Path
) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, size) as (app, pilot):
            await pilot.press("a")
            await shown(pilot, lambda: "esc puts it" in text_of(app))
            assert "1 of 2 alerts" in text_of(app)
            await pilot.press("down", "down")
            await shown(pilot, lambda: "3  Find more" in text_of(app))
            assert "val_loss 0.0911 now" in text_of(app)


async def test_advice_to_look_for_a_rate_is_done_by_enter(tmp_path: Path) -> None:
    advice = Remedy(sentence="Look for a rate: tui-trainer lr-find tries them all", where="advice")
    slow = OVERFITTING.model_copy(update={"alert": "lr_too_low-1", "kind": "lr_too_low", "remedies": [advice]})
    run = run_with(tmp_path, with_these(recorded(), slow))
    async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), BIG) as (app, pilot):
        await pilot.press("a")
        await shown(pilot, lambda: "n, then r, does it here" in text_of(app))
        await pilot.press("enter")
        await shown(pilot, lambda: isinstance(app.screen, FinderScreen))
        assert app.desk.run is None


async def test_advice_changes_nothing_and_keeps_the_window(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a", "3")
            await shown(pilot, lambda: "Nothing to apply" in text_of(app))
            await pilot.press("9")
            assert isinstance(app.screen, FirstAid)
            assert asked(desk) == []


async def test_what_was_put_away_comes_back_with_the_key_alone(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a", "escape")
            await settled(pilot)
            assert isinstance(app.screen, Dashboard)
            assert not app.screen.query_one("#alert").display
            assert "! 2 alerts" in text_of(app)
            say(desk.run, BLOWN_UP)
            await shown(pilot, lambda: "! The loss is no number any more" in text_of(app))
            assert "more  a remedies" not in text_of(app)
            await pilot.press("a")
            await shown(pilot, lambda: "3 alerts, the newest first" in text_of(app))


async def test_a_run_that_diverged_is_resumed_with_the_remedys_values(
    tmp_path: Path, launched: list[tuple[str, dict[str, Any]]]
) -> None:
    with scene("blown_up", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            assert "a remedies, space resumes" in text_of(app)
            await pilot.press("a")
            await shown(
                pilot, lambda: "resumes from the last good checkpoint with learning rate 0.00015" in text_of(app)
            )
            await pilot.press("enter")
            await shown(pilot, lambda: launched)
            assert launched == [("simplenet-1", {"apply": "non_finite_loss-1:1"})]
            assert asked(desk) == []


async def test_a_complete_run_is_asked_how_many_epochs_more(
    tmp_path: Path, launched: list[tuple[str, dict[str, Any]]]
) -> None:
    run = run_with(tmp_path, with_these(recorded(), OVERFITTING, STARVED))
    async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), BIG) as (app, pilot):
        await pilot.press("a", "1")
        await shown(pilot, lambda: "Nothing to apply: the run has ended" in text_of(app))
        await pilot.press("right", "1")
        await shown(pilot, lambda: "How many shall it be in all?" in text_of(app))
        assert "Go back, and train on with dropout (dropout 0.2): this takes" in text_of(app)
        await pilot.press("ctrl+u", *"15", "enter")
        await shown(pilot, lambda: launched)
        assert launched == [("simplenet-1", {"dropout": 0.2, "epochs": 15})]


async def test_a_complete_run_goes_back_where_a_remedy_does(
    tmp_path: Path, launched: list[tuple[str, dict[str, Any]]]
) -> None:
    earlier = OVERFITTING.model_copy(update={"good_until": 2814})
    run = run_with(tmp_path, with_these(recorded(), earlier))
    async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), BIG) as (app, pilot):
        await pilot.press("a")
        await shown(pilot, lambda: "resumes from the last good checkpoint with dropout 0.2" in text_of(app))
        await pilot.press("1")
        await shown(pilot, lambda: launched)
        assert launched == [("simplenet-1", {"apply": "overfitting-1:1"})]


async def test_whoever_only_looks_on_sees_the_remedies_and_applies_none(tmp_path: Path) -> None:
    run = run_with(tmp_path, with_these(until_epoch(recorded(), 6.3), OVERFITTING))
    desk = Desk(Wish(tmp_path, RunConfig(), "x", run=run, is_readonly=True))
    with run.take_lock():
        async with opened(desk, BIG) as (app, pilot):
            for number in "123":
                await pilot.press("a", number)
                await shown(pilot, lambda: "this would steer the run" in text_of(app))
                await pilot.press("escape")
            assert asked(desk) == []
            assert desk.run


async def test_without_an_alert_the_key_says_so(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("a")
            await shown(pilot, lambda: "Nothing looks wrong" in text_of(app))
