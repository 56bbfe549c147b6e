"""Where alerts are seen: the line, the plot, the lists of runs; in any size."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tests.ui.looks_inside import BLOWN_UP, OVERFITTING, with_these
from tests.ui.run_folders import COMPLETE, NASTY, listed, make_run, row
from tests.ui.scenes import recorded, run_with, scene, until_epoch
from tests.ui.screens import opened, settled, shown, text_of
from tests.ui.test_dashboard import say
from tui_trainer.config import RunConfig
from tui_trainer.headless import show_runs
from tui_trainer.history import History
from tui_trainer.inside_events import Alerted, AlertPassed, Remedy, WentBack
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.first_aid import FirstAid

BIG = (120, 40)


async def test_the_line_can_be_clicked(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.click("#alert", offset=(5, 0))
            await shown(pilot, lambda: isinstance(app.screen, FirstAid))


async def test_the_plot_marks_where_something_began_to_look_wrong(tmp_path: Path) -> None:
    with scene("alert", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            await pilot.press("2", "left")
            await settled(pilot)
            assert any("lr 0.0003  ! the net" in line for line in text_of(app).splitlines())  # below the plot


def test_a_mark_of_an_alert_stands_at_its_step_and_a_step_back_takes_it_along() -> None:
    history = History()
    for event in [*with_these(until_epoch(recorded(), 6.3), OVERFITTING), BLOWN_UP]:
        history.add(event)
    at_its_end, within = (mark for mark in history.marks if mark.is_alert)
    assert at_its_end.at == 6.0
    assert within.at == pytest.approx(6 + 374 / 938, abs=0.01)  # step 6,002 of 938 an epoch
    history.add(WentBack(epochs=10, epochs_done=6, step=5628))
    assert [mark for mark in history.marks if mark.is_alert] == [at_its_end]


@pytest.mark.parametrize("size", [(20, 5), (40, 10), (80, 24), (200, 60)])
async def test_whatever_an_alert_says_fits_in_any_size(size: tuple[int, int], tmp_path: Path) -> None:
    remedies = [Remedy(sentence=NASTY * 5, where=where, values={"hidden": [1] * 40, "odd": NASTY}) for where in
                ("here", "new_run", "advice")]  # fmt: skip
    odd = Alerted(alert="x", kind="plateau", epoch=6, step=5628, cause=NASTY * 9, evidence=NASTY, remedies=remedies * 4)
    none = odd.model_copy(update={"alert": "y", "remedies": []})
    run = run_with(tmp_path, with_these(until_epoch(recorded(), 6.3), odd, none))
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), size) as (app, pilot):
            for keys in ([], ["a"], ["1"], ["left"], ["down"], ["escape"]):
                await pilot.press(*keys)
                await settled(pilot)
                assert "\x1b" not in text_of(app)


async def test_the_line_comes_and_goes_in_one_frame(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, BIG) as (app, pilot):
            for number in (1, 2):
                alert = OVERFITTING.model_copy(update={"alert": f"overfitting-{number}"})
                say(desk.run, alert)
                await shown(pilot, lambda: app.screen.query_one("#alert").size.height)
                assert "! The net learns" in text_of(app).splitlines()[3]
                say(desk.run, AlertPassed(alert=alert.alert, epoch=7, step=6100))
                await shown(pilot, lambda: "! The net learns" not in text_of(app))
                assert "Hyperparameters" in text_of(app).splitlines()[3]


async def test_the_list_of_runs_marks_one_with_an_open_alert(tmp_path: Path) -> None:
    make_run(tmp_path, "one", [*COMPLETE[:-1], OVERFITTING, COMPLETE[-1]])
    make_run(tmp_path, "two", [*COMPLETE[:-1], OVERFITTING, AlertPassed(alert="overfitting-1", epoch=3, step=48)])
    async with listed(tmp_path) as (app, pilot, table):
        states = {row(table, number)[1]: row(table, number)[2] for number in range(2)}
        assert states["one"] == "✔ completed !"
        assert "!" not in states["two"]
        await pilot.press("home", *["down"] * [row(table, number)[1] for number in range(2)].index("one"))
        await shown(pilot, lambda: "! the net learns the training samples by heart" in text_of(app))


def test_the_list_without_a_screen_marks_it_too(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    make_run(tmp_path, "one", [*COMPLETE[:-1], OVERFITTING, COMPLETE[-1]])
    assert show_runs(tmp_path, as_json=False) == 0
    assert "completed !" in capsys.readouterr().out
    show_runs(tmp_path, as_json=True)
    assert json.loads(capsys.readouterr().out)[0]["alerts"] == ["overfitting-1"]
