"""Runs over one another, on run folders that no worker ever touched."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.ui.run_folders import NASTY, ended, epoch, listed, make_run, started, told
from tests.ui.screens import shown, text_of
from tui_trainer.events import HyperparametersChanged
from tui_trainer.ui.compare import CompareScreen
from tui_trainer.ui.runs import RunsScreen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With room for runs."""
    return tmp_path / "runs"


async def test_comparing_shows_names_figures_and_only_the_settings_that_differ(folder: Path) -> None:
    make_run(folder, "small", hidden=(64,), lr=0.01)
    make_run(folder, "large", hidden=(512, 256), lr=0.01)
    async with listed(folder) as (app, pilot, table):
        assert table.row_count == 2
        await pilot.press("space", "down", "space", "c")
        await shown(pilot, lambda: isinstance(app.screen, CompareScreen))
        await shown(pilot, lambda: "512,256" in text_of(app))
        screen = text_of(app)
        assert screen.count("small") == screen.count("large") == 2  # in the legend and over the table
        assert "hidden" in screen
        assert "learning rate" not in screen
        assert "93.00% (3)" in screen
        assert "95.50%" in screen
        assert "validation loss" in screen
        await pilot.press("y")
        await shown(pilot, lambda: "validation accuracy" in text_of(app))
        await pilot.press("y", "l")
        await shown(pilot, lambda: "training loss by epoch · log" in text_of(app))
        await pilot.press("escape")
        await shown(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_comparing_says_so_where_no_setting_differs_and_fits_a_small_screen(folder: Path) -> None:
    for number in range(8):
        make_run(folder, f"same-{number}")
    async with listed(folder, (80, 24)) as (app, pilot, table):
        assert table.row_count == 8
        for _ in range(8):
            await pilot.press("space", "down")
        await pilot.press("c")
        await shown(pilot, lambda: "reading…" not in text_of(app) and "Compare" in text_of(app))
        assert "━ same-7" in text_of(app)
        await pilot.press("end")
        await shown(pilot, lambda: "Their settings do not differ." in text_of(app))


async def test_comparing_needs_two_to_eight_runs(folder: Path) -> None:
    for number in range(9):
        make_run(folder, f"run-{number}")
    async with listed(folder) as (app, pilot, table):
        assert table.row_count == 9
        await pilot.press("c")
        await shown(pilot, lambda: "Mark two to 8 runs with space" in told(app))
        await pilot.press("space", "c")
        await shown(pilot, lambda: "mark another with space" in told(app))
        for _ in range(8):
            await pilot.press("down", "space")
        await pilot.press("c")
        await shown(pilot, lambda: "9 runs are marked; at most 8" in told(app))
        assert isinstance(app.screen, RunsScreen)


async def test_what_was_changed_in_training_and_other_tasks_are_told_apart(folder: Path) -> None:
    steered = HyperparametersChanged(step=16, epoch=2, values={"lr": 3e-4}, before={"lr": 1e-3})
    make_run(folder, "steered", [started(), epoch(1), steered, epoch(2)])
    values = epoch(1, val_accuracy=None, val_rmse=55.5)
    make_run(folder, "values", [started(task="values"), values, ended(test_accuracy=None, test_rmse=56.5)])
    async with listed(folder) as (app, pilot, _):
        await pilot.press("space", "down", "space", "c")
        await shown(pilot, lambda: "0.001 → 0.0003" in text_of(app))
        assert "RMSE 55.5 (1)" in text_of(app)
        assert "✗ lost" in text_of(app)
        for words in ("validation accuracy", "validation RMSE", "training loss", "validation loss"):
            await pilot.press("y")
            await shown(pilot, lambda words=words: f"{words} by epoch" in text_of(app))  # type: ignore[misc]


async def test_a_living_run_goes_on(folder: Path) -> None:
    make_run(folder, "done")
    run = make_run(folder, "living", [started(), epoch(1)])
    with run.take_lock():
        async with listed(folder) as (app, pilot, _):
            await pilot.press("space", "down", "space", "c")
            await shown(pilot, lambda: "● training" in text_of(app))
            screen = app.screen
            assert isinstance(screen, CompareScreen)
            with run.events.open("a") as file:
                file.write(epoch(2).to_line())
            await shown(pilot, lambda: screen.look() or "2/3" in text_of(app))  # type: ignore[func-returns-value]


@pytest.mark.parametrize("variable", ["", "NO_COLOR"])
async def test_damaged_and_nasty_runs_are_shown_as_far_as_they_can_be_read(
    folder: Path, variable: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if variable:
        monkeypatch.setenv(variable, "1")
    make_run(folder, "fine")
    make_run(folder, "empty", [])
    make_run(folder, "huge", [started(data=NASTY), epoch(1, val_loss=1e300), epoch(2, val_loss=-1e300, step=2**53 - 1)])
    live = HyperparametersChanged(step=1, epoch=1, values={"lr": [NASTY], NASTY: {}}, before={})
    make_run(folder, "nasty", [started(class_names=[NASTY]), live, epoch(1), epoch(2)])
    make_run(folder, "broken").config.write_text(f"{NASTY!r}")
    async with listed(folder) as (app, pilot, table):
        for _ in range(table.row_count):
            await pilot.press("space", "down")
        await pilot.press("c")
        await shown(pilot, lambda: "Compare" in text_of(app) and "reading…" not in text_of(app))
        for _ in range(4):
            await pilot.press("y", "l", "pagedown")
        await shown(pilot, lambda: "not valid TOML" in text_of(app))
        assert "config.toml" in text_of(app)
        assert "\x1b" not in text_of(app)
        assert ("━ fine" in text_of(app)) == (not variable)  # a marker of its own where there is no colour
