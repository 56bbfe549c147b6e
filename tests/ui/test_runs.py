"""The screen of all runs, on run folders that no worker ever touched."""

from __future__ import annotations

from pathlib import Path

import pytest
from textual.geometry import Region
from textual.widgets import Input

from tests.ui.run_folders import NASTY, ended, epoch, listed, make_run, row, started, told
from tests.ui.screens import shown, text_of
from tui_trainer.knobs import KNOBS
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.asking import AskText, AskYes
from tui_trainer.ui.dashboard import Dashboard
from tui_trainer.ui.run_table import RunTable
from tui_trainer.ui.runs import RunsScreen


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """With room for runs."""
    return tmp_path / "runs"


def looked(app: TrainerApp) -> bool:
    """The clock's look at the disk, without waiting for it."""
    assert isinstance(app.screen, RunsScreen)
    app.screen.look()
    return True


async def test_runs_are_listed_newest_first_with_their_figures(folder: Path) -> None:
    make_run(folder, "old")
    make_run(folder, "new", hidden=(64,))
    async with listed(folder, (160, 50)) as (app, _, table):
        assert table.row_count == 2
        assert [row(table, 0)[1], row(table, 1)[1]] == ["new", "old"]
        mark, _, state, data, model, epochs, best, test, age, duration = row(table, 0)
        assert (mark, state, data, model, epochs) == (" ", "✔ completed", "digits", "64-128-10", "3/3")
        assert (best, test, duration) == ("93.00% (3)", "95.50%", "1:05")
        assert age.endswith(" ago")
        assert "9,610 parameters" in text_of(app)


@pytest.mark.parametrize("size", [(80, 24), (120, 40), (160, 50)])
async def test_footer_and_heading_fit_every_size(folder: Path, size: tuple[int, int]) -> None:
    make_run(folder, "a" * 100)
    async with listed(folder, size) as (app, pilot, table):
        await shown(pilot, lambda: "✔ completed" in text_of(app))
        assert table.row_count == 1
        lines = text_of(app).splitlines()
        assert lines[0].startswith(" Runs  1 run")
        assert "enter" in lines[-1]
        assert "esc" in lines[-1]


async def test_the_cursor_begins_on_the_run_that_is_open(folder: Path) -> None:
    old = make_run(folder, "old")
    make_run(folder, "new")
    async with listed(folder, run=old) as (_, pilot, table):
        await shown(pilot, lambda: table.current and table.facts[table.current].run.name == "old")


async def test_enter_opens_the_run(folder: Path) -> None:
    make_run(folder, "old")
    make_run(folder, "new")
    async with listed(folder) as (app, pilot, table):
        assert table.row_count == 2
        await pilot.press("down", "enter")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        assert app.desk.run
        assert app.desk.run.name == "old"


@pytest.mark.parametrize("key", ["escape", "q"])
async def test_one_goes_back_with_nothing_changed(folder: Path, key: str) -> None:
    make_run(folder, "one")
    async with listed(folder) as (app, pilot, table):
        assert table.row_count == 1
        await pilot.press(key)
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        assert app.desk.run is None


async def test_an_empty_folder_says_what_to_do(folder: Path) -> None:
    async with listed(folder, (80, 24)) as (app, pilot, table):
        assert table.row_count == 0
        assert "No runs here yet." in text_of(app)
        await pilot.press("enter", "x", "d", "R", "r", "space", "c")
        assert isinstance(app.screen, RunsScreen)
        make_run(folder, "first")
        await shown(pilot, lambda: looked(app) and "first" in text_of(app))


async def test_a_run_that_comes_later_stands_at_the_top_and_one_that_is_deleted_goes(folder: Path) -> None:
    old = make_run(folder, "old")
    async with listed(folder) as (app, pilot, table):
        assert table.row_count == 1
        make_run(folder, "new")
        await shown(pilot, lambda: looked(app) and table.row_count == 2)
        assert row(table, 0)[1] == "new"
        assert table.cursor_row == 1  # still on the old one
        old.remove()
        await shown(pilot, lambda: looked(app) and table.row_count == 1)


async def test_a_living_run_is_kept_up_to_date(folder: Path) -> None:
    run = make_run(folder, "living", [started(), epoch(1)])
    with run.take_lock():
        async with listed(folder) as (app, pilot, table):
            assert row(table, 0)[2] == "● training"
            with run.events.open("a") as file:
                file.write(epoch(2).to_line())
            await shown(pilot, lambda: looked(app) and row(table, 0)[5] == "2/3")
            assert row(table, 0)[6] == "92.00% (2)"
    async with listed(folder) as (app, _, table):
        assert row(table, 0)[2] == "✗ lost"
        assert "Its worker is gone without a word" in text_of(app)


async def test_a_row_is_repainted_only_where_it_changed(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = make_run(folder, "living", [started(), epoch(1)])
    with run.take_lock():
        async with listed(folder) as (app, pilot, table):
            painted: list[int] = []
            refresh = RunTable.refresh

            def count(self: RunTable, *regions: Region, **options: bool) -> RunTable:
                if not self._is_quiet:
                    painted.extend(region.width for region in regions or [self.region])
                return refresh(self, *regions, **options)

            monkeypatch.setattr(RunTable, "refresh", count)
            with run.events.open("a") as file:
                file.write(epoch(2).to_line())
            await shown(pilot, lambda: looked(app) and row(table, 0)[5] == "2/3")
            assert painted
            assert max(painted) < 20


async def test_renaming_asks_and_the_dashboard_follows(folder: Path) -> None:
    make_run(folder, "other")
    run = make_run(folder, "before")
    async with listed(folder, run=run) as (app, pilot, table):
        await pilot.press("R")
        await shown(pilot, lambda: isinstance(app.screen, AskText))
        app.screen.query_one(Input).value = "other"
        await shown(pilot, lambda: "exists; choose another name" in text_of(app))
        app.screen.query_one(Input).value = "after"
        await pilot.press("enter")
        await shown(pilot, lambda: row(table, 0)[1] == "after")
        assert (folder / "after").is_dir()
        assert not (folder / "before").exists()
        assert app.desk.run
        assert app.desk.run.name == "after"


@pytest.mark.parametrize("key", ["x", "delete"])
async def test_deleting_asks_first(folder: Path, key: str) -> None:
    make_run(folder, "old")
    make_run(folder, "new")
    async with listed(folder) as (app, pilot, table):
        for answer, rows in (("escape", 2), ("n", 2), ("enter", 2), ("y", 1)):
            if not isinstance(app.screen, AskYes):
                await pilot.press(key)
            await shown(pilot, lambda: isinstance(app.screen, AskYes) and "Delete new?" in text_of(app))
            await pilot.press(answer)
            if answer == "enter":
                await pilot.press("n")
            await shown(pilot, lambda: isinstance(app.screen, RunsScreen))
            assert table.row_count == rows
        assert sorted(path.name for path in folder.iterdir()) == ["old"]
        assert row(table, 0)[1] == "old"


async def test_deleting_the_run_that_is_open_leaves_its_settings_in_the_form(folder: Path) -> None:
    run = make_run(folder, "open", lr=0.02)
    async with listed(folder, run=run) as (app, pilot, _):
        await pilot.press("x")
        await shown(pilot, lambda: isinstance(app.screen, AskYes))
        await pilot.press("y")
        await shown(pilot, lambda: "No runs here yet." in text_of(app))
        await pilot.press("escape")
        await shown(pilot, lambda: "Next run:" in text_of(app))
        assert app.desk.run is None
        assert app.desk.form.value(KNOBS["lr"]) == 0.02


async def test_a_living_run_is_neither_deleted_nor_renamed_nor_resumed(folder: Path) -> None:
    run = make_run(folder, "living", [started(), epoch(1)])
    with run.take_lock():
        async with listed(folder) as (app, pilot, _):
            for key, sentence in (("x", "is being trained by"), ("R", "is being trained by"), ("r", "enter opens it")):
                app.clear_notifications()
                await pilot.press(key)
                await shown(pilot, lambda sentence=sentence: sentence in told(app))  # type: ignore[misc]
                assert isinstance(app.screen, RunsScreen)
    assert run.config.is_file()


async def test_duplicating_fills_the_form(folder: Path) -> None:
    make_run(folder, "mine-3", lr=0.02, hidden=(7,))
    async with listed(folder) as (app, pilot, _):
        await pilot.press("d")
        await shown(pilot, lambda: isinstance(app.screen, Dashboard))
        await shown(pilot, lambda: "Next run:" in text_of(app))
        assert app.desk.run is None
        assert app.desk.form.value(KNOBS["lr"]) == 0.02
        assert app.desk.form.value(KNOBS["hidden"]) == (7,)


async def test_settings_that_cannot_be_read_are_said_and_not_duplicated(folder: Path) -> None:
    make_run(folder, "broken").config.write_text("[optimizer]\nlr = 'fast [red]'\n")
    async with listed(folder) as (app, pilot, _):
        await pilot.press("d")
        await shown(pilot, lambda: "config.toml, line 2" in told(app))
        assert isinstance(app.screen, RunsScreen)


@pytest.mark.parametrize("key", ["r", "d", "R", "x", "delete"])
async def test_read_only_nothing_is_changed(folder: Path, key: str) -> None:
    make_run(folder, "one")
    async with listed(folder, is_readonly=True) as (app, pilot, _):
        await pilot.press(key)
        await shown(pilot, lambda: "Opened read-only" in told(app))
        assert isinstance(app.screen, RunsScreen)
        assert "delete" not in text_of(app)
        assert "read-only" in text_of(app).splitlines()[0]


async def test_what_a_run_says_is_neither_markup_nor_a_command_to_the_terminal(folder: Path) -> None:
    (folder / "[bold]y\x1b[2J").mkdir(parents=True)
    make_run(folder, "gone").path.rename(folder / "[bold]y\x1b[2J" / "inside")
    events = [
        started(data=NASTY, class_names=[NASTY] * 10, device=NASTY, hidden=[10**30], parameters=10**30),
        epoch(1, epochs=2**53 - 1, step=2**53 - 1, val_accuracy=1e300, time=-1e300),
        ended(reason="failed", message=NASTY, seconds=1e300, test_accuracy=-1e300, time=1e300),
    ]
    run = make_run(folder, "nasty", events)
    run.path.rename(run.path.with_name("[bold]x\x1b[2J"))
    with (folder / "[bold]x\x1b[2J" / "events.jsonl").open("ab") as file:
        file.write(b'\xff\xfe{"event":"run_ended"\n[[[[\n{"event":"progress","time":Infinity}\n')
    async with listed(folder, (160, 50)) as (app, pilot, table):
        assert row(table, 0)[1] == "[bold]x\\x1b[2J"
        assert "[red]x[/red]" in text_of(app)
        assert "\x1b" not in text_of(app)
        await pilot.press("x")
        await shown(pilot, lambda: "Delete [bold]x" in text_of(app))
        await pilot.press("n", "R")
        await shown(pilot, lambda: "Rename [bold]x" in text_of(app))


async def test_resuming_a_complete_run_asks_for_more_epochs(folder: Path) -> None:
    make_run(folder, "complete")
    async with listed(folder) as (app, pilot, _):
        await pilot.press("r")
        await shown(pilot, lambda: isinstance(app.screen, AskText) and "3 of 3 are done" in text_of(app))
