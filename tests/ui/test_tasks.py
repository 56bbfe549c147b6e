"""The panels follow the task: labels, two classes, values."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from textual.pilot import Pilot

from tests.ui.run_folders import ended, epoch, make_run, row, started
from tests.ui.run_folders import listed as all_runs
from tests.ui.screens import opened, settled, text_of
from tui_trainer.config import RunConfig
from tui_trainer.events import RunEnded
from tui_trainer.said import Said
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.compare import CompareScreen
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.panels.losses import LossesPanel

AREAS = {"val_roc_auc": 0.9412, "val_pr_auc": 0.8731, "val_log_loss": 0.2345, "val_calibration_error": 0.0456}
AT_END = {f"test_{name.removeprefix('val_')}": value - 0.01 for name, value in AREAS.items()}
NAMES = [f"label {n}" for n in range(30)]


def labels(count: int) -> tuple[Said, ...]:
    """A run on labels; the n-th has a precision of n %."""
    shares = [n / 100 for n in range(count)]
    lists = {
        "precision": shares,
        "recall": [0.5] * count,
        "f1": [0.25] * count,
        "support": [1000 + n for n in range(count)],
    }
    whole = {"val_accuracy": 0.61, "macro_f1": 0.7777, "micro_f1": 0.8123, **lists, **AREAS}
    last = {f"test_{name}": value for name, value in lists.items()}
    last |= {"test_macro_f1": 0.7666, "test_micro_f1": 0.8, "test_accuracy": 0.6, **AT_END}
    begun = started(task="labels", class_names=NAMES[:count], outputs=count)
    return begun, epoch(1, **whole), epoch(2, **whole), ended(class_names=NAMES[:count], **last)


def binary() -> tuple[Said, ...]:
    """A run on two classes."""
    names = ["no", "yes"]
    whole = {"confusion": [[60, 5], [7, 28]], "support": [65, 35], **AREAS}
    last = {"test_confusion": [[61, 4], [6, 29]], "test_accuracy": 0.9, "class_names": names, **AT_END}
    return started(class_names=names, outputs=1, is_binary=True), epoch(1, **whole), epoch(2, **whole), ended(**last)


def values() -> tuple[Said, ...]:
    """A run on values."""
    whole = {
        "val_accuracy": None, "val_rmse": 55.5, "val_mae": 44.25, "val_r2": 0.4321,
        "pairs": [(float(n), n + (-1.0) ** n * 9) for n in range(0, 200, 7)],
    }  # fmt: skip
    last = {"test_accuracy": None, "test_rmse": 56.5, "test_mae": 45.25, "test_r2": 0.4}
    return started(task="values", class_names=[], outputs=1), epoch(1, **whole), epoch(2, **whole), ended(**last)


@asynccontextmanager
async def shown(
    folder: Path, events: tuple[Said, ...], size: tuple[int, int] = (120, 40), *, is_done: bool = False
) -> AsyncIterator[tuple[TrainerApp, Pilot[None]]]:
    run = make_run(folder, "run", events if is_done else [event for event in events if not isinstance(event, RunEnded)])
    with run.take_lock():
        async with opened(Desk(Wish(folder, RunConfig(), "x", run=run)), size) as (app, pilot):
            yield app, pilot


async def test_labels_are_a_table_that_scrolls(tmp_path: Path) -> None:
    async with shown(tmp_path, labels(30)) as (app, pilot):
        text = text_of(app)
        assert "Labels · epoch 2" in text
        assert "precision" in text
        assert "label 0 " in text
        assert "1,000" in text
        assert "label 29" not in text
        await pilot.press("3", "m", *["down"] * 30)
        await settled(pilot)
        assert "label 29: precision 29.0%, recall 50.0%, F1 0.2500, of 1,029" in text_of(app)


async def test_labels_of_the_test_split_follow_at_the_end_and_earlier_epochs_can_be_seen(tmp_path: Path) -> None:
    async with shown(tmp_path, labels(4), is_done=True) as (app, pilot):
        text = text_of(app)
        assert "Labels · test split" in text
        assert "test macro F1 0.7666, all labels right 60.00%, loss 0.2000" in text
        assert "ROC-AUC 0.9312" in text
        await pilot.press("3", "left_square_bracket")
        await settled(pilot)
        assert "Labels · epoch 2" in text_of(app)
        assert "ROC-AUC 0.9412" in text_of(app)


@pytest.mark.parametrize("size", [(80, 24), (200, 60)])
async def test_labels_fit_any_screen(tmp_path: Path, size: tuple[int, int]) -> None:
    async with shown(tmp_path, labels(30), size) as (app, pilot):
        await pilot.press("3")
        await settled(pilot)
        text = text_of(app)
        assert "label 3" in text
        assert "precision" in text


async def test_two_classes_have_their_areas_below_the_matrix(tmp_path: Path) -> None:
    async with shown(tmp_path, binary()) as (app, pilot):
        text = text_of(app)
        for words in ("Confusion matrix · epoch 2", "ROC-AUC 0.9412", "PR-AUC 0.8731", "calibration error 0.0456"):
            assert words in text
        assert "best loss 0.5500 (epoch 2, 92.00%, AUC 0.941)" in text
        titles = []
        for _ in range(4):
            await pilot.press("y")
            await settled(pilot)
            titles.append(app.screen.query_one(LossesPanel).figure)
        assert titles == ["accuracy", "ROC-AUC", "lr", "loss"]


async def test_values_have_their_errors_below_the_scatter(tmp_path: Path) -> None:
    async with shown(tmp_path, values(), is_done=True) as (app, pilot):
        text = text_of(app)
        assert "RMSE 55.5   MAE 44.25   R² 0.4321" in text
        assert "test RMSE 56.5, MAE 45.25, R² 0.4000, loss 0.2000" in text
        await pilot.press("2", "y")
        await settled(pilot)
        assert app.screen.query_one(LossesPanel).figure == "R²"


async def test_the_losses_panel_of_labels_plots_their_f1(tmp_path: Path) -> None:
    async with shown(tmp_path, labels(4)) as (app, pilot):
        assert "labels      F1" in text_of(app)
        await pilot.press("2", "y")
        await settled(pilot)
        panel = app.screen.query_one(LossesPanel)
        assert panel.figure == "macro F1"
        assert [points for _, points, _, _ in panel._curves()] == [[(1.0, 0.7777), (2.0, 0.7777)]]


async def test_runs_and_their_comparison_follow_the_task(tmp_path: Path) -> None:
    for name, events in (("labelled", labels(3)), ("binary", binary()), ("values", values())):
        make_run(tmp_path, name, events)
    async with all_runs(tmp_path) as (app, pilot, table):
        found = {cells[1]: cells[6:8] for cells in (row(table, number) for number in range(3))}
        assert found["labelled"] == ["F1 0.7777 (2)", "F1 0.7666"]
        assert found["binary"] == ["92.00% (2)", "90.00%"]
        assert found["values"] == ["RMSE 55.5 (2)", "RMSE 56.5"]
        place = list(found).index("binary")
        await pilot.press(*["down"] * place)
        await settled(pilot)
        assert "AUC 0.941 (epoch 2)" in text_of(app)  # the line below the table has what the row leaves out
        await pilot.press(*["up"] * place, "space", "down", "space", "down", "space", "c")
        await settled(pilot)
        assert isinstance(app.screen, CompareScreen)
        assert {"val_roc_auc", "val_mae", "macro_f1"} <= set(app.screen.figures)


async def test_label_names_cannot_steer_the_terminal(tmp_path: Path) -> None:
    begun, *rest = labels(2)
    nasty = begun.model_copy(update={"class_names": ["\x1b]0;owned\x07", "[red]x[/red]"]})
    async with shown(tmp_path, (nasty, *rest)) as (app, _):
        assert "\x1b" not in text_of(app)
        assert "[red]x" in text_of(app)
