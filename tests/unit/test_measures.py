"""What is said of a run follows its task, in lines that fit 80 columns."""

from __future__ import annotations

from io import StringIO
from typing import Any

import pytest
from rich.console import Console

from tests.ui.run_folders import ended, epoch
from tests.ui.test_tasks import AREAS, AT_END, binary, labels, values
from tui_trainer import words
from tui_trainer.events import EpochEnded, RunEnded
from tui_trainer.headless.terminal import TerminalPrinter
from tui_trainer.measures import Kind, headline, kind_of
from tui_trainer.words import epoch_line

RUNS: list[tuple[Kind, tuple[Any, ...]]] = [("labels", labels(40 - 10)), ("binary", binary()), ("values", values())]
NAMES = {"labels": {"macro_f1", "acc"}, "binary": {"acc", "auc"}, "values": {"rmse", "mae", "r2"}}


@pytest.mark.parametrize(("kind", "events"), RUNS, ids=[kind for kind, _ in RUNS])
def test_every_event_tells_its_task(kind: Kind, events: tuple[Any, ...]) -> None:
    assert [kind_of(event) for event in events] == [kind] * len(events)


@pytest.mark.parametrize(("kind", "events"), RUNS, ids=[kind for kind, _ in RUNS])
def test_the_line_of_an_epoch_follows_the_task_and_fits(kind: Kind, events: tuple[Any, ...]) -> None:
    whole = events[2]
    assert isinstance(whole, EpochEnded)
    named = {word.removeprefix("val_") for word in epoch_line(whole).split() if word.startswith("val_")}
    assert named == {"loss", *NAMES[kind]}
    late = whole.model_copy(update={"epoch": 1000, "epochs": 1000})
    for width in (80, 100, 120):
        line = epoch_line(late, width)
        assert len(line) <= width
        assert line.split("val_")[2].split()[0] in NAMES[kind]


def test_more_than_two_classes_say_what_they_always_said() -> None:
    plain = epoch(3, macro_f1=0.9)
    assert kind_of(plain) == "classes"
    assert "val_loss 0.3667  val_acc 0.9300  lr 0.001" in epoch_line(plain)
    assert (
        words.test_line(ended(class_names=list("abc")))
        == "test_loss 0.2000  test_acc 0.9550  (weights of the last epoch)"
    )
    assert headline(plain) == "93.00%"


@pytest.mark.parametrize(("kind", "events"), RUNS, ids=[kind for kind, _ in RUNS])
def test_the_last_lines_have_every_figure_of_the_test(kind: Kind, events: tuple[Any, ...]) -> None:
    end = events[-1]
    assert isinstance(end, RunEnded)
    text = words.test_line(end)
    told = {word for word in text.split() if word.startswith("test_")}
    areas = {"test_auc", "test_pr_auc", "test_log_loss", "test_calibration_error"}
    expected = {
        "labels": {"test_loss", "test_macro_f1", "test_acc", "test_micro_f1"} | areas,
        "binary": {"test_loss", "test_acc"} | areas,
        "values": {"test_loss", "test_rmse", "test_mae", "test_r2"},
    }
    assert told == expected[kind]
    assert all(len(line) <= 80 for line in text.splitlines()[1:])


@pytest.mark.parametrize(("kind", "events"), RUNS, ids=[kind for kind, _ in RUNS])
@pytest.mark.parametrize("width", [80, 140])
def test_the_results_on_a_terminal_fit_it(kind: Kind, events: tuple[Any, ...], width: int) -> None:
    out = StringIO()
    printer = TerminalPrinter(Console(file=out, width=width, highlight=False, force_terminal=False))
    end = events[-1].model_copy(update={"tested_on": "best", "best_epoch": 2, "last_test_loss": 0.3})
    for event in (*events[:-1], end):
        printer.show(event)
    lines = out.getvalue().splitlines()
    text = "\n".join(lines)
    assert max(map(len, lines)) <= width
    (head,) = (
        line
        for line in lines
        if "loss" in line and "validation" not in line and "test" not in line and "Ep" not in line
    )
    wanted = {"labels": ["macro F1", "all labels right"], "binary": ["ROC-AUC", "accuracy"], "values": ["RMSE", "MAE"]}
    assert all(word in head for word in wanted[kind])
    assert "…" not in text
    if kind == "labels":
        (first,) = (line for line in lines if line.startswith("label 7 "))
        assert first.split() == ["label", "7", "0.0700", "0.5000", "0.2500", "1,007"]
    if kind != "values":
        assert f"{AT_END['test_pr_auc']:.4f}" in text


def test_of_many_labels_the_worst_are_printed() -> None:
    names = [f"label {n}" for n in range(90)]
    lists = {"test_precision": [0.5] * 90, "test_recall": [0.5] * 90, "test_f1": [n / 90 for n in range(90)]}
    end = ended(class_names=names, test_micro_f1=0.5, test_macro_f1=0.5, test_support=[9] * 90, **lists)
    out = StringIO()
    TerminalPrinter(Console(file=out, width=80)).show(end)
    assert "the 30 lowest F1 of 90 labels" in out.getvalue()
    assert "label 29 " in out.getvalue()
    assert "label 30 " not in out.getvalue()


def test_a_figure_that_is_undefined_leaves_no_gap() -> None:
    whole = dict.fromkeys(AREAS)
    one_class = epoch(1, confusion=[[9, 0], [0, 0]], support=[9, 0], **whole)
    assert headline(one_class) == "91.00%"
    assert "  lr" in epoch_line(one_class)
