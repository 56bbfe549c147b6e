"""The screen of all runs and the comparison, on run folders that no worker ever touched."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot
from textual.widgets import DataTable

from tui_trainer import runs_folder
from tui_trainer.config import RunConfig
from tui_trainer.events import EpochEnded, RunEnded, RunStarted, Said
from tui_trainer.knobs import changed
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.compare import CompareScreen
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.run_table import RunTable
from tui_trainer.ui.runs import RunsScreen

NASTY = "[red]x[/red]\x1b]0;owned\x07\x1b[2J"


def started(run: RunDir, **different: object) -> RunStarted:
    """A run on the digits."""
    facts = {
        "run": run.name, "run_dir": str(run.path), "data": "digits", "task": "classes", "class_names": list("0123456789"),
        "inputs": 64, "outputs": 10, "hidden": [128], "parameters": 9610, "train_samples": 1000,
        "validation_samples": 200, "test_samples": 200, "evaluated_on": "validation", "monitor": "val_loss", "epochs": 3,
        "steps_per_epoch": 16, "seed": 0, "device": "cpu", "device_name": "a CPU", "threads": 1, "precision": "fp32",
        "pid": 1, "host": "here", **different,
    }  # fmt: skip
    return RunStarted.model_validate(facts)


def epoch(number: int, **different: object) -> EpochEnded:
    """One that is better than the one before."""
    facts = {
        "epoch": number, "epochs": 3, "step": 16 * number, "train_loss": 1 / number, "lr": 0.001,
        "samples_per_second": 1000.0, "seconds": 1.0, "is_best": True, "val_loss": 1.1 / number,
        "val_accuracy": 0.9 + number / 100, **different,
    }  # fmt: skip
    return EpochEnded.model_validate(facts)


def ended(**different: object) -> RunEnded:
    """Complete."""
    facts = {"reason": "completed", "message": "3 of 3 epochs", "seconds": 65.0, "epochs_done": 3, "step": 48}
    return RunEnded.model_validate({**facts, "test_loss": 0.2, "test_accuracy": 0.955, **different})


def make_run(folder: Path, name: str, *events: Said, **settings: object) -> RunDir:
    """Laid out as a worker's, with what it would have said."""
    run = runs_folder.create(folder, name, "run")
    runs_folder.lay_out(run, changed(RunConfig(), settings))
    said = events or (started(run), *(epoch(number) for number in (1, 2, 3)), ended())
    run.events.write_text("".join(event.to_line() for event in said))
    return run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With room for runs."""
    return tmp_path / "runs"


@contextmanager
def app_on(folder: Path, run: RunDir | None = None, *, is_readonly: bool = False) -> Iterator[TrainerApp]:
    """The program, not yet begun."""
    yield TrainerApp(Desk(Wish(folder, RunConfig(), "digits", run=run, is_readonly=is_readonly)))


async def until(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 5) -> None:
    """Lets the app go on until this holds."""
    end = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < end, f"did not come true in time; on screen:\n{seen(pilot)}"
        await pilot.pause(0.01)


def seen(pilot: Pilot[None]) -> str:
    """The text on screen."""
    return "\n".join("".join(segment.text for segment in line) for line in pilot.app.screen._compositor.render_strips())


def told(pilot: Pilot[None]) -> str:
    """What was notified so far."""
    return "\n".join(notification.message for notification in pilot.app._notifications)


async def open_runs(pilot: Pilot[None], rows: int) -> RunTable:
    """The screen, with so many runs read."""
    await pilot.press("o")
    await until(pilot, lambda: isinstance(pilot.app.screen, RunsScreen))
    await until(pilot, lambda: "reading…" not in seen(pilot) and "Runs" in seen(pilot))
    table = pilot.app.screen.query_one(RunTable)
    assert table.row_count == rows
    return table


def row(table: DataTable[object], number: int) -> list[str]:
    """What stands in a row."""
    return [str(cell) for cell in table.get_row_at(number)]


async def test_runs_are_listed_newest_first_with_their_figures(folder: Path) -> None:
    make_run(folder, "old")
    make_run(folder, "new", hidden=(64,))
    with app_on(folder) as app:
        async with app.run_test(size=(160, 50)) as pilot:
            table = await open_runs(pilot, 2)
            assert [row(table, 0)[1], row(table, 1)[1]] == ["new", "old"]
            mark, _, state, data, model, epochs, best, test, age, duration = row(table, 0)
            assert (mark, state, data, model, epochs) == (" ", "✔ completed", "digits", "64-128-10", "3/3")
            assert (best, test, duration) == ("93.00% (3)", "95.50%", "1:05")
            assert age.endswith(" ago")
            assert "9,610 parameters" in seen(pilot)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)])
async def test_footer_and_heading_fit_every_size(folder: Path, size: tuple[int, int]) -> None:
    make_run(folder, "a" * 100)
    with app_on(folder) as app:
        async with app.run_test(size=size) as pilot:
            await open_runs(pilot, 1)
            lines = seen(pilot).splitlines()
            assert lines[0].startswith(" Runs  1 run")
            assert "enter" in lines[-1]
            assert "esc" in lines[-1]
            assert "✔ completed" in seen(pilot)


async def test_enter_opens_the_run(folder: Path) -> None:
    make_run(folder, "old")
    make_run(folder, "new")
    with app_on(folder) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_runs(pilot, 2)
            await pilot.press("down", "enter")
            await until(pilot, lambda: isinstance(app.screen, Dashboard))
            assert app.desk.run
            assert app.desk.run.name == "old"


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_one_goes_back_with_nothing_changed(folder: Path, key: str) -> None:
    make_run(folder, "one")
    with app_on(folder) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_runs(pilot, 1)
            await pilot.press(key)
            await until(pilot, lambda: isinstance(app.screen, Dashboard))
            assert app.desk.run is None


async def test_an_empty_folder_says_what_to_do(folder: Path) -> None:
    with app_on(folder) as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await open_runs(pilot, 0)
            assert "No runs here yet." in seen(pilot)
            await pilot.press("enter", "x", "d", "R", "r", "space", "c")
            assert isinstance(app.screen, RunsScreen)
            make_run(folder, "first")
            app.screen.look()
            await until(pilot, lambda: "first" in seen(pilot))


async def test_a_run_that_comes_later_stands_at_the_top_and_one_that_is_deleted_goes(folder: Path) -> None:
    old = make_run(folder, "old")
    with app_on(folder) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            table = await open_runs(pilot, 1)
            make_run(folder, "new")
            assert isinstance(app.screen, RunsScreen)
            app.screen.look()
            await until(pilot, lambda: table.row_count == 2)
            assert row(table, 0)[1] == "new"
            assert table.cursor_row == 1  # still on the old one
            old.remove()
            await until(pilot, lambda: not app.screen._is_reading)  # type: ignore[attr-defined]
            app.screen.look()
            await until(pilot, lambda: table.row_count == 1)


async def test_a_living_run_is_kept_up_to_date(folder: Path) -> None:
    run = make_run(folder, "living", *(event for event in (epoch(1),)))
    run.events.write_text(started(run).to_line() + epoch(1).to_line())
    with run.take_lock(), app_on(folder) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            table = await open_runs(pilot, 1)
            assert row(table, 0)[2] == "● training"
            with run.events.open("a") as file:
                file.write(epoch(2).to_line())
            await until(pilot, lambda: row(table, 0)[5] == "2/3")
            assert row(table, 0)[6] == "92.00% (2)"


async def test_comparing_shows_names_figures_and_only_the_settings_that_differ(folder: Path) -> None:
    make_run(folder, "small", hidden=(64,), lr=0.01)
    make_run(folder, "large", hidden=(512, 256), lr=0.01)
    with app_on(folder) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_runs(pilot, 2)
            await pilot.press("space", "down", "space", "c")
            await until(pilot, lambda: isinstance(app.screen, CompareScreen))
            await until(pilot, lambda: "512,256" in seen(pilot))
            screen = seen(pilot)
            assert screen.count("small") == screen.count("large") == 2  # in the legend and over the table
            assert "hidden" in screen
            assert "learning rate" not in screen
            assert "93.00% (3)" in screen
            assert "95.50%" in screen
            assert "validation loss" in screen
            await pilot.press("y")
            await until(pilot, lambda: "validation accuracy" in seen(pilot))
            await pilot.press("y", "l")
            await until(pilot, lambda: "training loss by epoch · log" in seen(pilot))
            await pilot.press("escape")
            await until(pilot, lambda: isinstance(app.screen, RunsScreen))


async def test_comparing_says_so_where_no_setting_differs_and_fits_a_small_screen(folder: Path) -> None:
    for number in range(8):
        make_run(folder, f"same-{number}")
    with app_on(folder) as app:
        async with app.run_test(size=(80, 24)) as pilot:
            await open_runs(pilot, 8)
            for _ in range(8):
                await pilot.press("space", "down")
            await pilot.press("c")
            await until(pilot, lambda: "reading…" not in seen(pilot) and "Compare" in seen(pilot))
            assert "━ same-7" in seen(pilot)
            await pilot.press("end")
            await until(pilot, lambda: "Their settings do not differ." in seen(pilot))


async def test_comparing_needs_two_to_eight_runs(folder: Path) -> None:
    for number in range(9):
        make_run(folder, f"run-{number}")
    with app_on(folder) as app:
        async with app.run_test(size=(120, 40)) as pilot:
            await open_runs(pilot, 9)
            await pilot.press("c")
            await until(pilot, lambda: "Mark two to 8 runs with space" in told(pilot))
            await pilot.press("space", "c")
            await until(pilot, lambda: "mark another with space" in told(pilot))
            for _ in range(8):
                await pilot.press("down", "space")
            await pilot.press("c")
            await until(pilot, lambda: "9 runs are marked; at most 8" in told(pilot))
            assert isinstance(app.screen, RunsScreen)
