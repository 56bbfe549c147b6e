"""The screen of the finders: on what was made here, and once on a real one from a process of its own."""

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
from tests.unit.test_lr_curve import valley
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.events import PhaseBegan
from tui_trainer.finder_events import BatchFound, BatchRow, BatchTried, FinderEvent, LrFound, LrTried
from tui_trainer.knobs import build
from tui_trainer.lr_curve import Curve
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.finder import Find, FinderScreen
from tui_trainer.ui.finding import What, found

CURVE = Curve(1e-6, 10.0, 200)
CURVE.add(valley(CURVE.lr_at(step)) for step in range(200))
RATES = (16, 138_000.0), (32, 244_000.0), (64, 327_000.0), (128, 475_000.0), (256, 580_000.0), (512, 600_000.0)
ROWS = [
    BatchRow(size=size, samples_per_second=rate, seconds_a_step=size / rate, steps_an_epoch=60_000 // size, memory=9000)
    for size, rate in RATES
]


def lr_found() -> LrFound:
    suggestion = CURVE.suggestion()
    return LrFound(
        data="digits", optimizer="adam", device="cpu", lr=0.001, batch_size=64, low=1e-6, high=10.0, steps=164,
        epochs=7.5, seconds=1.2, end="rose", points=CURVE.points, suggestion=suggestion.lr, lowest=suggestion.lowest,
        steepest=suggestion.steepest, sentence="",
    )  # fmt: skip


async def made(config: RunConfig, what: What) -> AsyncGenerator[FinderEvent, None]:
    """Both, done at once."""
    yield PhaseBegan(what="reading digits")
    if what == "lr":
        yield LrTried(done=80, steps=200, points=CURVE.points[:80], samples_per_second=9e4, seconds_left=1.0)
        yield lr_found()
        return
    for done, row in enumerate(ROWS, 1):
        yield BatchTried(done=done, of=6, row=row, seconds_left=0.2)
    yield BatchFound(
        data="digits", optimizer="adam", device="cpu", lr=0.001, batch_size=64, rows=ROWS, largest=512, end="memory",
        knee=256, knee_lr=0.002, sentence="1,024 does not fit: it would take about 2 GB", advice="Mind the rate.",
        seconds=3.0,
    )  # fmt: skip


async def refused(config: RunConfig, what: What) -> AsyncGenerator[FinderEvent, None]:
    yield PhaseBegan(what="reading digits")
    raise InputError(f"people.csv, row 3: {NASTY} is no number")


async def half(config: RunConfig, what: What) -> AsyncGenerator[FinderEvent, None]:
    """It never ends."""
    yield LrTried(done=120, steps=200, points=CURVE.points[:120], samples_per_second=91_234.0, seconds_left=2.0)
    await asyncio.Event().wait()


@asynccontextmanager
async def finding(
    find: Find, size: tuple[int, int] = (120, 40), *, is_ascii: bool = False
) -> AsyncIterator[tuple[TrainerApp, Pilot[None]]]:
    """The screen over the dashboard."""
    app = TrainerApp(Desk(Wish(Path("runs"), build({"data": "digits"}), "digits")), is_ascii=is_ascii)
    async with app.run_test(size=size) as pilot:
        app.push_screen(FinderScreen(app.desk.form, find))
        await shown(pilot, lambda: " Learning rate" in text_of(app))
        yield app, pilot


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)], ids=lambda size: f"{size[0]}x{size[1]}")
async def test_a_curve_and_a_table_in_every_size(size: tuple[int, int]) -> None:
    async with finding(made, size) as (app, pilot):
        await shown(pilot, lambda: "Suggestion: --lr" in text_of(app))
        await settled(pilot)
        check_snapshot(f"finder-lr-{size[0]}x{size[1]}.txt", text_of(app))
        await pilot.press("b")
        await shown(pilot, lambda: "Knee: 256" in text_of(app))
        await settled(pilot)
        check_snapshot(f"finder-batch-{size[0]}x{size[1]}.txt", text_of(app))


async def test_in_ascii_no_character_is_outside_it() -> None:
    async with finding(made, (80, 24), is_ascii=True) as (app, pilot):
        await shown(pilot, lambda: "Suggestion: --lr" in text_of(app))
        await settled(pilot)
        assert text_of(app).isascii()
        check_snapshot("finder-ascii-80x24.txt", text_of(app))


async def test_a_suggestion_that_is_taken_stands_in_the_form() -> None:
    async with finding(made) as (app, pilot):
        await shown(pilot, lambda: "enter take" in text_of(app))
        await pilot.press("enter")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        assert app.desk.form.values["lr"] == lr_found().suggestion
        assert app.desk.form.current.knob
        assert app.desk.form.current.knob.name == "lr"


async def test_a_batch_size_that_is_taken_stands_in_the_form() -> None:
    async with finding(made) as (app, pilot):
        await shown(pilot, lambda: "b batch size" in text_of(app))
        await pilot.press("b")
        await shown(pilot, lambda: "enter take 256" in text_of(app))
        await pilot.press("enter")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        assert app.desk.form.values["batch_size"] == 256
        assert app.desk.form.values["lr"] == 0.001


async def test_the_curve_grows_while_it_is_measured_and_escape_ends_it() -> None:
    async with finding(half) as (app, pilot):
        await shown(pilot, lambda: "step 120 of 200" in text_of(app))
        assert "91,234 samples/s" in text_of(app)
        assert "1e-3" in text_of(app)
        await pilot.press("r")
        await shown(pilot, lambda: "esc ends it" in told(app))
        await pilot.press("enter")
        await shown(pilot, lambda: "nothing to take yet" in told(app))
        await pilot.press("escape")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        await shown(pilot, lambda: not app.workers._workers)
        assert app.desk.form.values["lr"] == 0.001


async def test_what_is_refused_is_said_in_its_sentence() -> None:
    async with finding(refused, (80, 24)) as (app, pilot):
        await shown(pilot, lambda: "people.csv, row 3" in text_of(app))
        assert "\x1b" not in text_of(app)
        assert "Correct it in the form (esc), or press r to try again." in text_of(app)


async def test_a_run_that_is_open_gets_no_finder(tmp_path: Path) -> None:
    run = make_run(tmp_path / "runs", "it")
    app = TrainerApp(Desk(Wish(tmp_path / "runs", RunConfig(), "digits", run=run)))
    async with app.run_test(size=(120, 40)) as pilot:
        await shown(pilot, lambda: "completed" in text_of(app))
        await pilot.press("r")
        await shown(pilot, lambda: "n sets up another one" in told(app))


async def test_the_key_tests_what_the_form_says_in_a_process_of_its_own() -> None:
    config = build({"data": "iris", "threads": 1, "batch_size": 10, "optimizer": "sgd"})
    app = TrainerApp(Desk(Wish(Path("runs"), config, "iris")))
    async with app.run_test(size=(120, 40)) as pilot:
        await pilot.press("r")
        await shown(pilot, lambda: "starting" in text_of(app))
        await shown(pilot, lambda: "iris, sgd," in text_of(app), seconds=60)
        assert "of 10 samples" in text_of(app)
        assert "Suggestion: --lr" in text_of(app)
        await shown(pilot, lambda: not app.workers._workers)
    assert not Path("runs").exists()


async def test_whoever_stops_listening_ends_the_process() -> None:
    os.mkfifo("endless.csv")  # nobody ever writes into it
    steps = found(build({"data": "./endless.csv", "target": "x"}), "batch_size")
    first = await anext(steps)
    assert isinstance(first, PhaseBegan)
    (child,) = [one for one in psutil.Process().children() if "batch-find" in one.cmdline()]
    async with asyncio.timeout(20):
        await steps.aclose()
    assert not child.is_running()


async def test_a_key_while_it_measures_is_answered() -> None:
    async with finding(half) as (app, pilot):
        await shown(pilot, lambda: "120" in text_of(app))
        await pilot.press("b")
        await shown(pilot, lambda: "It is measuring; esc ends it." in told(app))


async def test_another_search_may_begin_while_the_process_of_the_first_one_ends() -> None:
    async def ends_slowly(config: RunConfig, what: What) -> AsyncGenerator[FinderEvent, None]:
        if what == "batch_size":
            yield PhaseBegan(what="measuring sizes")
        else:
            yield lr_found()
        try:
            await asyncio.Event().wait()
        finally:
            await asyncio.sleep(0)

    async with finding(ends_slowly) as (app, pilot):
        await shown(pilot, lambda: "take" in text_of(app).splitlines()[-1])
        await pilot.press("b")
        await shown(pilot, lambda: "measuring sizes" in text_of(app))
        await settled(pilot)
        assert "It was ended" not in text_of(app)
