"""Curves of a run in bounded memory: the recent in full, the whole run thinned. Folded from the same events.

Positions are in epochs (3.25 is a quarter into the fourth). Whatever a resume makes void is taken back.
"""

from __future__ import annotations

from array import array
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator
from typing import NamedTuple

from tui_trainer.errors import printable
from tui_trainer.events import EpochEnded, Event, HyperparametersChanged, Progress, RunResumed, RunStarted
from tui_trainer.inside_events import Alerted, WentBack
from tui_trainer.words import changes

CAPACITY = 1024  # points of the whole run
RECENT = 600  # points in full
MOST_MARKS = 200


class Point(NamedTuple):
    """One value, at an optimizer step and a position in epochs."""

    step: int
    at: float
    value: float


class Series:
    """One figure over a run. When full, neighbours are averaged in pairs, so that the whole run stays in view."""

    def __init__(self, capacity: int = CAPACITY, recent: int = RECENT) -> None:
        self._capacity = capacity
        self._steps, self._at, self._values = array("q"), array("d"), array("d")
        self._stride = 1  # raw points in each kept one
        self._sum, self._count = 0.0, 0  # of raw points that do not fill a kept one yet
        self.recent: deque[Point] = deque(maxlen=recent)
        self.total = 0

    def __len__(self) -> int:
        return len(self._values) + bool(self._count)

    def add(self, point: Point) -> None:
        """One more value, later than all before."""
        self.total += 1
        self.recent.append(point)
        self._sum += point.value
        self._count += 1
        if self._count >= self._stride:
            self._keep(point.step, point.at, self._sum / self._count)
            self._sum, self._count = 0.0, 0

    def _keep(self, step: int, at: float, value: float) -> None:
        self._steps.append(step)
        self._at.append(at)
        self._values.append(value)
        if len(self._values) >= self._capacity:
            pairs = [_mean(list(self._kept(n, n + 2))) for n in range(0, len(self._values), 2)]
            self._steps = array("q", [pair.step for pair in pairs])
            self._at = array("d", [pair.at for pair in pairs])
            self._values = array("d", [pair.value for pair in pairs])
            self._stride *= 2

    def _kept(self, start: int, end: int) -> Iterator[Point]:
        columns = (self._steps[start:end], self._at[start:end], self._values[start:end])
        return (Point(*row) for row in zip(*columns, strict=True))

    def whole(self) -> list[Point]:
        """The whole run, oldest first, at most `capacity` points; the newest is always there in full."""
        points = list(self._kept(0, len(self._values)))
        if not self.recent:
            return points
        return [*points, self.recent[-1]] if self._count else [*points[:-1], self.recent[-1]]

    def cut_after(self, step: int) -> None:
        """Forget what was said of later steps."""
        keep = bisect_right(self._steps, step)
        del self._steps[keep:], self._at[keep:], self._values[keep:]
        if self.recent and self.recent[-1].step > step:
            self._sum, self._count = 0.0, 0
        self.recent = deque((point for point in self.recent if point.step <= step), maxlen=self.recent.maxlen)


def _mean(points: list[Point]) -> Point:
    """The mean value, at the place of the last point: a curve never reaches beyond what was said."""
    return Point(points[-1].step, points[-1].at, sum(point.value for point in points) / len(points))


class Mark(NamedTuple):
    """A hyperparameter was changed here, or something began to look wrong."""

    step: int
    at: float
    text: str
    is_alert: bool = False


BY_STEP = ("loss", "lr", "samples_per_second", "accuracy")
BY_EPOCH = (
    "train_loss", "val_loss", "train_accuracy", "val_accuracy", "val_rmse", "val_mae", "val_r2", "val_roc_auc",
    "val_pr_auc", "macro_f1",
)  # fmt: skip


class History:
    """All series of a run. `version` grows with every change."""

    def __init__(self) -> None:
        self.by_step = {name: Series() for name in BY_STEP}
        self.by_epoch = {name: Series() for name in BY_EPOCH}
        self.marks: deque[Mark] = deque(maxlen=MOST_MARKS)
        self.version = 0
        self._steps_per_epoch = 1

    def add(self, event: Event) -> None:
        """Take what an event adds to the curves."""
        self.version += 1
        match event:
            case RunStarted():
                self._steps_per_epoch = max(1, event.steps_per_epoch)
            case Progress():
                at = event.epoch - 1 + event.epoch_fraction
                self._extend(self.by_step, event, event.step, at)
            case EpochEnded():
                self._extend(self.by_epoch, event, event.step, float(event.epoch))
                self._steps_per_epoch = max(1, round(event.step / event.epoch))
            case HyperparametersChanged():
                self.marks.append(Mark(event.step, self._position(event), changes(event)))
            case Alerted():
                self.marks.append(Mark(event.step, self._position(event), printable(event.cause), is_alert=True))
            case RunResumed() | WentBack():
                self._cut_after(event.step)
            case _:
                self.version -= 1

    def _extend(self, many: dict[str, Series], event: Event, step: int, at: float) -> None:
        for name, series in many.items():
            if (value := getattr(event, name)) is not None:
                series.add(Point(step, at, value))

    def _position(self, event: HyperparametersChanged | Alerted) -> float:
        """Between the start of its epoch and its end, from the steps an epoch takes."""
        for last in (self.by_epoch["train_loss"].recent, self.by_step["loss"].recent):
            if last and last[-1].step == event.step:
                return last[-1].at
        fraction = (event.step % self._steps_per_epoch) / self._steps_per_epoch
        return event.epoch - 1 + fraction

    def _cut_after(self, step: int) -> None:
        for series in (*self.by_step.values(), *self.by_epoch.values()):
            series.cut_after(step)
        kept = [mark for mark in self.marks if mark.step <= step]
        self.marks = deque(kept, maxlen=MOST_MARKS)
