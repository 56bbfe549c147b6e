"""The screen of a check: on a report that was made here, and once on a real one from a process of its own."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncGenerator, AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import psutil
import pytest
from textual.pilot import Pilot

from tests.ui.run_folders import NASTY, make_run, told
from tests.ui.screens import check_snapshot, settled, shown, text_of
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.knobs import build
from tui_trainer.report import ClassCount, ColumnFacts, Disk, Leak, LeakSearch, Memory, Pace, Repeats, Report
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.asking import AskChoice
from tui_trainer.ui.check import Check, CheckScreen
from tui_trainer.ui.check_parts import ColumnTable
from tui_trainer.ui.checking import checked
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk, Wish

PEOPLE = Report(
    "people.csv", "classes", 108, 2, 29_304, 3_257, 16_281,
    notes=("2 rows of people.csv were dropped: their target is missing",),
    columns=(
        ColumnFacts("age", "number", 0, 73, "39"),
        ColumnFacts("workclass", "category", 1836, 8, "State-gov"),
        ColumnFacts("zip", "number", 0, 21_648, "77516"),
        ColumnFacts("person", "identifier", 0, 32_561, "a7c3-0001"),
        ColumnFacts("what somebody wrote about it", "text", 3, 3000, "a long text that goes on and on and on and on"),
        ColumnFacts("currency", "constant", 0, 1, "USD"),
        ColumnFacts("income", "target", 0, 2, "<=50K"),
        *(ColumnFacts(f"figure {number}", "number", number, number + 5, f"{number}.5") for number in range(12)),
    ),
    classes=(ClassCount("<=50K", 22_254, 2466, 12_435), ClassCount(">50K", 7050, 791, 3846)),
    constant_columns=("currency",),
    repeats=Repeats(24, 3, 3, 20, 29_304, 3257, 16_281, (("people.csv, row 3", "people.csv, row 77"),)),
    leaks=LeakSearch("accuracy", 18, 18, 2000, (Leak("zip", 0.998, 0.5),)),
    memory=Memory("cpu", 21_000_000, 300_000, 20_000_000_000, "device", ""),
    pace=Pace(14_210, 20, "eager", 2, 123_456.0, 0.05, 30, 42.3, 0.0),
    disk=Disk("runs", 200_000, 100_000, 900_000, 76_000_000_000),
    hidden=(128,),
)  # fmt: skip


async def made(config: RunConfig, runs_dir: Path) -> AsyncGenerator[str | Report, None]:
    """A check that is done at once."""
    yield "reading people.csv"
    yield PEOPLE


async def refused(config: RunConfig, runs_dir: Path) -> AsyncGenerator[str | Report, None]:
    """One that is not."""
    yield "reading people.csv"
    raise InputError(f"people.csv, row 3: {NASTY} is no number")


async def endless(config: RunConfig, runs_dir: Path) -> AsyncGenerator[str | Report, None]:
    """One that reads and reads."""
    yield "reading people.csv"
    await asyncio.Event().wait()


@asynccontextmanager
async def checking(check: Check, size: tuple[int, int] = (120, 40)) -> AsyncIterator[tuple[TrainerApp, Pilot[None]]]:
    """The screen over the dashboard."""
    app = TrainerApp(Desk(Wish(Path("runs"), build({"data": "digits"}), "digits")))
    async with app.run_test(size=size) as pilot:
        app.push_screen(CheckScreen(app.desk.form, Path("runs"), check))
        await shown(pilot, lambda: " Check " in text_of(app))
        yield app, pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_report_in_every_size(size: tuple[int, int]) -> None:
    async with checking(made, size) as (app, pilot):
        await shown(pilot, lambda: "column zip predicts the target alone" in text_of(app))
        await settled(pilot)
        check_snapshot(f"check-{size[0]}x{size[1]}.txt", text_of(app))


async def test_a_kind_that_is_chosen_goes_into_the_form_and_back_out_of_it() -> None:
    async with checking(made) as (app, pilot):
        await shown(pilot, lambda: "workclass" in text_of(app))
        await pilot.press("tab", "down", "down", "e")
        await shown(pilot, lambda: "Kind of zip" in text_of(app))
        await pilot.press("down", "down", "enter")
        await shown(pilot, lambda: "number → category" in text_of(app))
        assert app.desk.form.values["columns"] == {"zip": "category"}
        assert "r checks again" in told(app)
        await pilot.press("enter")  # in the table it asks too
        await shown(pilot, lambda: isinstance(app.screen, AskChoice))
        await pilot.press("home", "enter")
        await shown(pilot, lambda: "→" not in text_of(app))
        assert app.desk.form.values["columns"] == {}


async def test_the_kind_of_the_target_is_not_for_choosing() -> None:
    async with checking(made) as (app, pilot):
        await shown(pilot, lambda: "workclass" in text_of(app))
        app.screen.query_one(ColumnTable).move_cursor(row=6)
        await pilot.press("tab", "e")
        await shown(pilot, lambda: "income is what is predicted." in told(app))


async def test_what_is_refused_is_said_in_its_sentence() -> None:
    async with checking(refused, (80, 24)) as (app, pilot):
        await shown(pilot, lambda: "people.csv, row 3" in text_of(app))
        assert "\x1b" not in text_of(app)
        assert "Correct it in the form (esc), or press r to check again." in text_of(app)
        await pilot.press("e", "tab", "r")
        await shown(pilot, lambda: "people.csv, row 3" in text_of(app))
        await pilot.press("escape")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))


async def test_escape_ends_a_check_that_runs() -> None:
    async with checking(endless) as (app, pilot):
        await shown(pilot, lambda: "reading people.csv" in text_of(app))
        await pilot.press("r")
        await shown(pilot, lambda: "esc ends it" in told(app))
        await pilot.press("escape")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        await shown(pilot, lambda: not app.workers._workers)


async def test_escape_keeps_the_report_before_a_check_that_is_ended() -> None:
    calls = []

    async def once(config: RunConfig, runs_dir: Path) -> AsyncGenerator[str | Report, None]:
        calls.append(config)
        async for step in made(config, runs_dir) if len(calls) == 1 else endless(config, runs_dir):
            yield step

    async with checking(once) as (app, pilot):
        await shown(pilot, lambda: "workclass" in text_of(app))
        await pilot.press("r")
        await shown(pilot, lambda: "end it" in text_of(app))
        await pilot.press("escape")
        await shown(pilot, lambda: "check again" in text_of(app))
        assert isinstance(app.screen, CheckScreen)
        assert "workclass" in text_of(app)
        assert len(calls) == 2


async def test_the_key_checks_what_the_form_says_in_a_process_of_its_own() -> None:
    app = TrainerApp(Desk(Wish(Path("runs"), build({"data": "iris", "threads": 1}), "iris")))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("k")
        await shown(pilot, lambda: "starting" in text_of(app))
        await shown(pilot, lambda: "iris · 4-128-3 · 1,027 parameters" in text_of(app), seconds=60)
        assert "3 classes, 36 training rows each" in text_of(app)
        assert "versicolor" in text_of(app)
    assert not Path("runs").exists()


async def test_a_real_check_that_is_refused_says_why() -> None:
    config = build({"data": "./nowhere.csv", "threads": 1})
    app = TrainerApp(Desk(Wish(Path("runs"), config, "nowhere")))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("k")
        await shown(pilot, lambda: "no such file or folder" in text_of(app), seconds=60)


async def test_a_run_that_is_open_is_not_checked(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", "it")
    app = TrainerApp(Desk(Wish(tmp_path / "runs", RunConfig(), "digits", run=run)))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, lambda: "completed" in text_of(app))
        assert " k check" not in text_of(app)
        await pilot.press("k")
        await shown(pilot, lambda: "n sets up another one" in told(app))


async def test_whoever_stops_listening_ends_the_process() -> None:
    os.mkfifo("endless.csv")  # nobody ever writes into it
    steps = checked(build({"data": "./endless.csv", "target": "x"}), Path("runs"))
    assert await anext(steps) == "reading ./endless.csv"
    (child,) = [one for one in psutil.Process().children() if "--check" in one.cmdline()]
    folder = Path(next(word for word in child.cmdline() if word.endswith("form.toml"))).parent
    assert folder.is_dir()
    async with asyncio.timeout(20):
        await steps.aclose()
    assert not child.is_running()
    assert not folder.exists()
