"""Sparklines and a plot of the losses, of the figures that the task is judged by, or of the learning rate."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType

from tui_trainer.history import Mark, Point, Series
from tui_trainer.measures import Kind, kind_of
from tui_trainer.ui.charts import Curve, Picture, drawn, moved, nearest_point, nice_ticks, round_up, smoothed, sparkline
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.palette import RGB
from tui_trainer.ui.panels.panel import Panel, bindings

SMOOTHING = (0.0, 0.6, 0.9)
ROWS_FOR_PLOT = 8
Row = tuple[str, tuple[str, str], tuple[str, str]]  # (title, (word, series), (word, series))
OTHER_ROW: dict[Kind, Row] = {
    "values": ("error", ("RMSE", "val_rmse"), ("R²", "val_r2")),
    "labels": ("labels", ("F1", "macro_f1"), ("AUC", "val_roc_auc")),
}
FIGURES: dict[Kind, tuple[str, ...]] = {
    "classes": ("accuracy",), "binary": ("accuracy", "ROC-AUC"), "labels": ("macro F1", "ROC-AUC"),
    "values": ("R²", "RMSE"),
}  # fmt: skip
EVALUATED = {"R²": "val_r2", "RMSE": "val_rmse", "ROC-AUC": "val_roc_auc", "macro F1": "macro_f1"}
"""{figure that only evaluations have: its series}"""
Points = list[tuple[float, float]]
Curves = list[tuple[str, Points, RGB, str]]  # (word, points, colour, marker)


def short(value: float) -> str:
    """At most eight columns: `0.06529`, `3.06e-05`, `267,104`."""
    return f"{value:,.0f}" if 1000 <= abs(value) < 1e7 else f"{value:.4g}" if abs(value) >= 1e-4 else f"{value:.3g}"


def sign_of(mark: Mark) -> str:
    """What stands before the words of a vertical line."""
    return ALERT_SIGN if mark.is_alert else "│"


def where(mark: Mark) -> str:
    """`at epoch 5.2`."""
    if not mark.at:
        return "at the start"
    return f"at epoch {mark.at:.4g}" if mark.at < 1000 else f"at epoch {mark.at:,.0f}"


class LossesPanel(Panel):
    """What is shown is chosen by keys; the curves come with the view."""

    heading = "Losses"
    seconds_between = 2.0
    BINDINGS: ClassVar[list[BindingType]] = bindings("losses")

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.is_recent = False
        self.figure = "loss"
        self.is_log = False
        self.smoothing = 0.0
        self.shows_lr = False
        self.cursor: float | None = None  # in epochs
        self._drawn: tuple[Picture, int, int, list[Text]] | None = None

    def lines(self, width: int, height: int) -> list[Text]:
        """Sparklines, plot, and a line that reads values or tells the last change."""
        self._retitle()
        if not self.view.run:
            return self._empty(width, height)
        rows, curves = self._sparklines(width), self._curves()
        room = height - len(rows) - 1
        if room >= ROWS_FOR_PLOT:
            rows += self._plot(curves, width, room)
        rows += [Text("")] * (height - len(rows) - 1)
        return [*rows, self._reading(curves, width)]

    def _retitle(self) -> None:
        smooth = f"smooth {self.smoothing:g}" if self.smoothing else ""
        lr = "lr" if self.shows_lr and self.figure != "lr" else ""
        self.retitle(self.figure, "recent" if self.is_recent else "whole run", "log" if self.is_log else "", smooth, lr)

    def _empty(self, width: int, height: int) -> list[Text]:
        words = ["No run yet.", "", "space trains what the form says;", "its losses appear here as they fall."]
        rows = [Text("")] * max(0, (height - len(words)) // 2)
        return [*rows, *(Text(word.center(width), "dim") for word in words)]

    def _series(self, name: str) -> Series:
        history = self.view.history
        return history.by_epoch[name] if name in history.by_epoch else history.by_step[name]

    def _sparklines(self, width: int) -> list[Text]:
        """A row for the loss, a row for the other figure, a row for the running epoch."""
        started = self.view.state.started
        kind = kind_of(started)
        evaluated = started.evaluated_on[:4].replace("vali", "val") if started else "val"
        rows: list[Row] = [("loss", ("train", "train_loss"), (evaluated, "val_loss"))]
        accuracy: Row = ("accuracy", ("train", "train_accuracy"), (evaluated, "val_accuracy"))
        rows.append(OTHER_ROW.get(kind, accuracy))
        size = max(4, (width - 9) // 2 - 16)
        lines = []
        for title, left, right in rows:
            line = Text(f"{title:9}", "dim")
            for (word, name), colour in zip((left, right), (self.palette.train, self.palette.val), strict=True):
                values = [point.value for point in self._series(name).whole()]
                self._append_spark(line, word, values, size, colour)
            lines.append(line)
        epoch = self.view.state.epochs_done
        running = [point for point in self._series("loss").recent if point.at > epoch]
        if not running:  # epochs too short to look inside
            line = Text(f"{'speed':9}", "dim")
            rates = [point.value for point in self._series("samples_per_second").recent]
            self._append_spark(line, "/s", rates, size, self.palette.mark)
            return [*lines, line]
        line = Text(f"{'epoch':9}", "dim")
        self._append_spark(line, "loss", [point.value for point in running], size, self.palette.train)
        if kind in ("classes", "binary"):
            shares = [point.value for point in self._series("accuracy").recent if point.at > epoch]
            self._append_spark(line, "acc", shares, size, self.palette.train)
        return [*lines, line]

    def _append_spark(self, line: Text, word: str, values: Sequence[float], size: int, colour: RGB) -> None:
        spark = sparkline(values, size)
        line.append(f"{word:>5} ", "dim")
        line.append(f"{spark:{size}}", f"rgb({colour[0]},{colour[1]},{colour[2]})")
        line.append(f" {short(values[-1]):<8} " if values else " " * 10)

    def _curves(self) -> Curves:
        """Of the figure that is plotted."""
        palette, started = self.palette, self.view.state.started
        evaluated = started.evaluated_on if started else "validation"
        match self.figure:
            case "accuracy":
                names = [("train", "train_accuracy", palette.train, "."), (evaluated, "val_accuracy", palette.val, "o")]
            case name if name in EVALUATED:
                names = [(evaluated, EVALUATED[name], palette.val, "o")]
            case "lr":
                names = [("learning rate", "lr", palette.lr, "+")]
            case _:
                by_step = self._series("loss").total >= 2 * self._series("train_loss").total
                names = [("train", "loss" if by_step else "train_loss", palette.train, ".")]
                names.append((evaluated, "val_loss", palette.val, "o"))
        return [(word, self._points(name), colour, marker) for word, name, colour, marker in names]

    def _points(self, name: str) -> Points:
        series = self._series(name)
        points: Sequence[Point] = list(series.recent) if self.is_recent else series.whole()
        if self.is_recent and points:  # the last quarter of the run, as far as it is kept in full
            start = points[-1].at * 0.75
            points = [point for point in points if point.at >= start]
        values = [point.value for point in points]
        if name != "lr":
            values = smoothed(values, self.smoothing)
        return [(point.at, value) for point, value in zip(points, values, strict=True)]

    def _plot(self, curves: Curves, width: int, height: int) -> list[Text]:
        places = [at for _, points, _, _ in curves for at, _ in points]
        if not places:
            return [Text("The curves begin with the first figures.".center(width), "dim")]
        low, high = min(places), max(places)
        high = round_up(high) if high > low else low + 1  # the curve grows into the room: nothing else moves
        palette = self.palette
        marks = [
            (mark.at, palette.miss if mark.is_alert else palette.mark)
            for mark in self.view.history.marks
            if low <= mark.at <= high
        ]
        if self.cursor is not None and low <= self.cursor <= high:
            marks.append((self.cursor, self.palette.val))
        drawings = [Curve(tuple(points), colour, marker) for _, points, colour, marker in curves if points]
        if self.shows_lr and self.figure != "lr":
            rates = tuple(point for point in self._points("lr") if low <= point[0] <= high)
            drawings.append(Curve(rates, self.palette.lr, "+", on_right=True))
        is_plain = self.palette.ground is None or self.trainer.is_ascii
        ticks = tuple(nice_ticks(low, high, max(2, width // 12)))
        picture = Picture(
            tuple(drawings), tuple(marks), self.is_log, is_plain, self.trainer.is_ascii, (low, high), ticks
        )
        if self._drawn is None or self._drawn[:3] != (picture, width, height):
            self._drawn = (picture, width, height, drawn(picture, width, height))
        return [row.copy() for row in self._drawn[3]]

    def _reading(self, curves: Curves, width: int) -> Text:
        """The values under the cursor; without one the legend and the last change."""
        line = Text()
        if self.cursor is None:
            for word, points, colour, marker in curves:
                if points:
                    sign = marker if self.palette.ground is None or self.trainer.is_ascii else "━"
                    line.append(f"{sign} ", f"rgb({colour[0]},{colour[1]},{colour[2]})")
                    line.append(f"{word}  ", "dim")
            if self.view.history.marks:
                mark = self.view.history.marks[-1]
                line.append(f"{sign_of(mark)} {mark.text} {where(mark)}", "dim")
        else:
            line.append(f"epoch {self.cursor:.4g}  ", "bold")
            for word, points, _, _ in curves:
                if found := nearest_point(points, self.cursor):
                    line.append(f"{word} ", "dim")
                    line.append(f"{found[1]:.4g}  ")
            if found := nearest_point(self._points("lr"), self.cursor):
                line.append("lr ", "dim")
                line.append(f"{found[1]:.3g}  ")
            changes = [mark for mark in self.view.history.marks if abs(mark.at - self.cursor) < 0.5]
            if changes:
                line.append(f"{sign_of(changes[-1])} {changes[-1].text}", "dim")
        line.truncate(width, overflow="ellipsis")
        return line

    def action_plot_range(self) -> None:
        """Whole run or recent."""
        self.is_recent = not self.is_recent
        self.repaint()

    def action_plot_figure(self) -> None:
        """The next figure."""
        order = ["loss", *FIGURES[kind_of(self.view.state.started)], "lr"]
        self.figure = order[(order.index(self.figure) + 1) % len(order)] if self.figure in order else "loss"
        self.repaint()

    def action_plot_log(self) -> None:
        """Logarithmic or linear."""
        self.is_log = not self.is_log
        self.repaint()

    def action_plot_smooth(self) -> None:
        """Off, some, much."""
        self.smoothing = SMOOTHING[(SMOOTHING.index(self.smoothing) + 1) % len(SMOOTHING)]
        self.repaint()

    def action_plot_lr(self) -> None:
        """The learning rate in the plot, or not."""
        self.shows_lr = not self.shows_lr
        self.repaint()

    def action_plot_cursor(self, by: int) -> None:
        """The cursor by a point; 0 puts it away."""
        if by == 0:
            self.cursor = None
        else:
            longest = max((points for _, points, _, _ in self._curves()), key=len, default=[])
            stride = max(1, len(longest) // max(1, self.size.width))
            self.cursor = moved(longest, self.cursor, by * stride)
        self.repaint()
