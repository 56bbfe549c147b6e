"""A series of splits on a terminal: two lines a split, how far it is, and the table at its end."""

from __future__ import annotations

import io

import pytest
from rich.console import Console

from tui_trainer.events import EpochEnded, Progress, RunEnded, Warned
from tui_trainer.headless.splits import SplitsTerminal, seconds_left
from tui_trainer.split_events import SplitBegan, SplitsEnded, Spread
from tui_trainer.split_series import spreads
from tui_trainer.words import describe


def progress(time: float, left: float) -> Progress:
    return Progress(
        time=time, epoch=2, epochs=4, step=9, epoch_fraction=0.5, loss=0.25, lr=0.1, samples_per_second=9,
        seconds_left=left,
    )  # fmt: skip


def test_the_first_split_is_timed_by_its_epochs_and_the_next_ones_by_those_before() -> None:
    first = SplitBegan(time=100, number=1, count=20, left=20, run="a")
    assert seconds_left(first, None) is None
    assert seconds_left(first, progress(104, left=6)) == pytest.approx(6 + 19 * 10)
    later = SplitBegan(time=300, number=2, count=20, left=19, run="b", seconds_left=190)
    assert seconds_left(later, None) == 190
    assert seconds_left(later, progress(304, left=6)) == 186
    last = SplitBegan(time=300, number=20, count=20, left=1, run="b", seconds_left=10)
    assert seconds_left(last, progress(309, left=6)) == 6


def test_a_terminal_shows_a_split_in_two_lines_and_a_warning_once() -> None:
    out = io.StringIO()
    printer = SplitsTerminal(Console(file=out, force_terminal=True, width=90, highlight=False))
    for number in (1, 2):
        printer.show(SplitBegan(time=0, number=number, count=2, left=3 - number, run=f"it.split-{number}"))
        printer.show(Warned(message="few rows"))
        printer.show(progress(1, left=1))
        printer.show(
            EpochEnded(epoch=1, epochs=1, step=1, train_loss=1, lr=0.1, samples_per_second=1, seconds=1, is_best=True)
        )
        printer.show(RunEnded(reason="completed", message="", test_loss=0.5, test_rmse=number, tested_on="last"))
    spread = {"test_rmse": Spread(mean=1.5, std=0.5, standard_error=0.5)}
    printer.show(SplitsEnded(name="it", count=2, done=2, message="2 of 2 splits are done", figures=spread))
    printer.close()
    text = out.getvalue()
    assert text.count("Warning: few rows") == 1
    assert text.count("test_rmse 1 ") == text.count("test_rmse 2 ") == 1
    assert "epoch 2/4  loss 0.2500" in text
    assert "Epoch 1/1" not in text
    assert "over 2 splits" in text
    assert "1.5000" in text


def test_deviations_are_numpys_and_a_figure_that_one_run_lacks_is_left_out() -> None:
    ends = [RunEnded(reason="completed", message="", test_loss=value, test_rmse=value) for value in (1.0, 2.0, 6.0)]
    ends.append(RunEnded(reason="completed", message="", test_loss=3.0))
    figures = spreads(ends)
    assert list(figures) == ["test_loss"]
    assert figures["test_loss"].mean == 3
    assert figures["test_loss"].std == pytest.approx(3.5**0.5)  # squares 4, 1, 9, 0 over 4
    assert figures["test_loss"].standard_error == pytest.approx((14 / 3) ** 0.5 / 2)
    assert spreads(ends[:1])["test_rmse"] == Spread(mean=1, std=0)
    assert spreads([]) == {}


def test_a_series_that_is_not_done_says_how_many_are() -> None:
    ended = SplitsEnded(
        name="it", count=20, done=0, message="0 of 20 splits are done. To go on: the same command again"
    )
    assert describe(ended) == "it: 0 of 20 splits are done. To go on: the same command again"
