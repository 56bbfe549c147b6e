"""Run folders that no worker ever touched, and the screen that lists them."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from textual.pilot import Pilot

from tests.ui.screens import shown, text_of
from tui_trainer import runs_folder
from tui_trainer.config import RunConfig
from tui_trainer.events import EpochEnded, RunEnded, RunStarted
from tui_trainer.knobs import changed
from tui_trainer.run_dir import RunDir
from tui_trainer.said import Said
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.run_table import RunTable
from tui_trainer.ui.runs import RunsScreen

NASTY = "[red]x[/red]\x1b]0;owned\x07\x1b[2J"


def started(**different: object) -> RunStarted:
    """A run on the digits."""
    facts = {
        "run": "x", "run_dir": "/x", "data": "digits", "task": "classes", "outputs": 10,
        "class_names": list("0123456789"), "inputs": 64, "hidden": [128], "parameters": 9610, "train_samples": 1000,
        "validation_samples": 200, "test_samples": 200, "evaluated_on": "validation", "monitor": "val_loss",
        "epochs": 3, "steps_per_epoch": 16, "seed": 0, "device": "cpu", "device_name": "a CPU", "threads": 1,
        "precision": "fp32", "pid": 1, "host": "here", **different,
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


COMPLETE = (started(), epoch(1), epoch(2), epoch(3), ended())


def make_run(folder: Path, name: str, events: Sequence[Said] = COMPLETE, **settings: object) -> RunDir:
    """Laid out as a worker's, with what it would have said."""
    run = runs_folder.create(folder, name, "run")
    runs_folder.lay_out(run, changed(RunConfig(), settings))
    run.events.write_text("".join(event.to_line() for event in events))
    return run


@asynccontextmanager
async def listed(
    folder: Path, size: tuple[int, int] = (120, 40), *, run: RunDir | None = None, is_readonly: bool = False
) -> AsyncIterator[tuple[TrainerApp, Pilot[None], RunTable]]:
    """The program with the screen of all runs open, once they are all read."""
    app = TrainerApp(Desk(Wish(folder, RunConfig(), "digits", run=run, is_readonly=is_readonly)))
    async with app.run_test(size=size) as pilot:
        await pilot.press("o")
        await shown(pilot, lambda: " Runs " in text_of(app) and "reading…" not in text_of(app))
        assert isinstance(app.screen, RunsScreen)
        yield app, pilot, app.screen.query_one(RunTable)


def row(table: RunTable, number: int) -> list[str]:
    """What stands in a row."""
    return [cell.plain for cell in table.get_row_at(number)]


def told(app: TrainerApp) -> str:
    """What was notified so far."""
    return "\n".join(notification.message for notification in app._notifications)
