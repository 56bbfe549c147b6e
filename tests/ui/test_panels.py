"""Panels by their keys: the plot, the matrix, and what a run says that nobody should trust."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.looks_inside import OVERFITTING, with_these
from tests.ui.scenes import GPUS, recorded, run_with, scene, until_epoch
from tests.ui.screens import opened, settled, shown, text_of
from tui_trainer import devices
from tui_trainer.config import RunConfig
from tui_trainer.events import EpochEnded, Event, Paused
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.panels.confusion import ConfusionPanel
from tui_trainer.ui.panels.losses import LossesPanel
from tui_trainer.words import shortened

BIG = (120, 40)


async def test_a_run_that_an_alert_paused_says_which(tmp_path: Path) -> None:
    alert = OVERFITTING.model_copy(update={"step": 6002})
    run = run_with(tmp_path, [*with_these(until_epoch(recorded(), 6.3), alert), Paused(step=6002)])
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), (80, 24)) as (app, _):
            assert "paused by ! overfitting; space goes on" in text_of(app)


async def test_help_that_is_cut_ends_with_an_ellipsis(tmp_path: Path) -> None:
    with scene("ready", tmp_path) as desk:
        desk.form.go_to("data")
        async with opened(desk, (80, 24)) as (app, _):
            below = text_of(app).splitlines()[-3]
            assert below.rstrip("│ ").endswith(" …")


async def test_figures_of_long_runs_use_the_room_there_is(tmp_path: Path) -> None:
    run = run_with(tmp_path, long_run())
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), (80, 24)) as (app, _):
            assert "best loss 0.0717 (epoch 1,166, 97.90%)" in text_of(app)


def long_run() -> list[Event]:
    """As the recorded one, of 60,000 epochs."""
    events = []
    for event in until_epoch(recorded(), 6.3):
        far = {"epochs": 60_000} if hasattr(event, "epochs") else {}
        if isinstance(event, EpochEnded) and event.epoch == 6:
            far["epoch"] = 1166
        events.append(event.model_copy(update=far))
    return events


@pytest.mark.parametrize(("width", "words"), [(40, "epoch 3  97.31%  val 0.0911"), (26, "epoch 3  97.31%  val …")])
def test_words_are_not_cut_in_two(width: int, words: str) -> None:
    assert shortened("epoch 3  97.31%  val 0.0911", width) == words


async def test_the_plot_follows_its_keys(tmp_path: Path) -> None:
    with scene("completed", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            panel = app.screen.query_one(LossesPanel)
            before = text_of(app)
            for key, title in (("p", "recent"), ("l", "log"), ("f", "smooth 0.6"), ("i", "lr"), ("y", "accuracy")):
                await pilot.press(key)
                await settled(pilot)
                assert title in str(panel.border_title)
                assert text_of(app) != before
                before = text_of(app)
            await pilot.press("left", "left")
            await settled(pilot)
            assert "epoch 9" in text_of(app)
            assert "lr 0.0003" in text_of(app)
            await pilot.press("escape")
            assert panel.cursor is None


async def test_the_matrix_goes_back_through_the_epochs_and_reads_a_cell(tmp_path: Path) -> None:
    with scene("completed", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("3")
            await settled(pilot)
            assert "Confusion matrix · test split" in text_of(app)
            for _ in range(10):
                await pilot.press("left_square_bracket")
            await settled(pilot)
            assert "Confusion matrix · epoch 1 " in text_of(app)
            first = next(event for event in recorded() if event.event == "epoch_ended")
            await pilot.press("down", "down", "percent_sign")
            await settled(pilot)
            count = first.confusion[1][0] if first.confusion else -1
            assert f"1: {count:,} of 1,135 taken for 0" in text_of(app)
            await pilot.press(*["right_square_bracket"] * 12)
            await settled(pilot)
            assert "test split" in text_of(app)


async def test_a_hundred_classes_are_scrolled(tmp_path: Path) -> None:
    events = until_epoch(recorded(), 2.5)
    names = [f"class {n}" for n in range(100)]
    matrix = [[(7 if row == column else (row + column) % 3) for column in range(100)] for row in range(100)]
    for number, event in enumerate(events):
        if event.event == "run_started":
            events[number] = event.model_copy(update={"class_names": names, "outputs": 100})
        if event.event == "epoch_ended":
            events[number] = event.model_copy(update={"confusion": matrix})
    run = run_with(tmp_path, events)
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), BIG) as (app, pilot):
            app.screen.query_one(ConfusionPanel)._cell = (97, 97)
            await pilot.press("3", *["down"] * 4, *["right"] * 4)
            await settled(pilot)
            text = text_of(app)
            assert "class 99: 7 of" in text
            assert "class 99" in text.split("class 99:")[0]


async def test_what_a_run_says_cannot_steer_the_terminal(tmp_path: Path) -> None:
    events = until_epoch(recorded(), 2.5)
    for number, event in enumerate(events):
        if event.event == "run_started":
            names = ["\x1b]0;owned\x07", "[red]x[/red]", *map(str, range(2, 10))]
            events[number] = event.model_copy(update={"class_names": names})
    run = run_with(tmp_path, events)
    run.log.write_text("\x1b[2Jgone [bold]not markup[/bold]\n")
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), (200, 60)) as (app, _pilot):
            text = text_of(app)
            assert "\x1b" not in text
            assert "[bold]not markup[/bold]" in text


async def test_several_gpus_share_each_batch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", lambda: GPUS)
    with scene("ready", tmp_path) as desk:
        desk.form.set_text("device", "cuda:0,cuda:1")
        async with opened(desk, (120, 60)) as (app, pilot):
            await shown(pilot, lambda: text_of(app).count("1/2 of each batch") == 2)
            assert "● cuda:0" in text_of(app)
            assert "● cuda:1" in text_of(app)
            assert "○ cpu" in text_of(app)


async def test_a_run_of_two_processes_shows_their_shares(tmp_path: Path) -> None:
    first, *rest = until_epoch(recorded(), 2.5)
    told = first.model_copy(update={"devices": ["cpu", "cpu"]})
    run = run_with(tmp_path, [told, *rest])
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "digits", run=run)), BIG) as (app, pilot):
            await shown(pilot, lambda: "2 processes, each 1/2 of a batch" in text_of(app))
            assert "training  2 x cpu" in text_of(app)
