"""The curve of a learning-rate range test (Smith 2017, arXiv:1506.01186), and the rate that it suggests.

Two rates are usual: where the smoothed loss falls fastest, and a tenth of where it is lowest. The first is low where a
net learns most of it early (values to predict), the second for plain SGD, which bears rates up to its lowest loss.
The suggestion is their geometric mean, never below the first, and never above a third of the rate of the lowest loss,
which is at the edge of what the net bears. Of sixteen recipes and variants of them, trained with for some epochs, 12
had a lower validation loss with it than with a tenth or ten times of it; a tenth was better for softmax regression and
for digits in batches of 8 or all at once, ten times by 1 % for california-quantile.
"""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

from tui_trainer.finder_events import Point, RangeEnd

DECADES_OF_MEMORY = 0.6  # of the exponential mean: by decades, so that more steps give the same curve, less noisy
DECADES_OF_BASE = 0.5  # at the start, where next to nothing is learned yet
DECADES_OF_SLOPE = 0.25
RISEN = 4.0  # times its lowest smoothed loss: the test ends
BELOW_LOWEST, LEAST_BELOW_LOWEST = 10.0, 3.0
LEAST_FALL = 0.02  # of the loss at the start
LEAST_OVER_NOISE = 0.5  # of the standard deviation of batches' losses at the start: three of the smoothed loss's
MOST_LOSS = 1e30  # above it a loss counts as no number
FEW_BASE_STEPS = 3


@dataclass(frozen=True)
class Suggestion:
    """`lr` is None where the curve suggests none; `sentence` says why, or what to beware of."""

    lr: float | None
    lowest: float | None
    steepest: float | None
    sentence: str


class Curve:
    """Losses of steps whose learning rate rises from `low` to `high` by a constant factor."""

    def __init__(self, low: float, high: float, steps: int) -> None:
        self.low, self.high, self.steps = low, high, steps
        self.points: list[Point] = []
        self.is_broken = False  # a loss was no number
        self._decades = math.log10(high / low) / max(1, steps - 1)  # a step
        self._keep = math.exp(-self._decades / DECADES_OF_MEMORY)
        self._mean = 0.0
        self._lowest = math.inf

    def lr_at(self, step: int) -> float:
        """Of a step, from 0; beyond the last one it stays."""
        share = min(1.0, step / max(1, self.steps - 1))
        return min(self.high, max(self.low, self.low * math.pow(self.high / self.low, share)))

    @property
    def base(self) -> int:
        """Steps at the start that tell where the loss stood."""
        return max(FEW_BASE_STEPS, round(DECADES_OF_BASE / self._decades))

    def add(self, losses: Iterable[float]) -> None:
        """Of the next steps. Bias-corrected as in Kingma & Ba 2015, section 3; nothing is added after the end."""
        for loss in losses:
            if self.end:
                return
            if not abs(loss) < MOST_LOSS:
                self.is_broken = True
                return
            self._mean = self._keep * self._mean + (1 - self._keep) * loss
            smoothed = self._mean / (1 - self._keep ** (len(self.points) + 1))
            self._lowest = min(self._lowest, smoothed)
            self.points.append((self.lr_at(len(self.points)), loss, smoothed))

    @property
    def end(self) -> RangeEnd | None:
        """Why the test is over; None while it is not. A rise is told from noise by being above the start as well."""
        if self.is_broken:
            return "not_finite"
        if len(self.points) > self.base:
            last = self.points[-1][2]
            if last > RISEN * abs(self._lowest) and last > self.points[self.base - 1][2]:
                return "rose"
        return "all_steps" if len(self.points) >= self.steps else None

    def suggestion(self) -> Suggestion:
        """See the module. Never outside of the range."""
        base = self.base
        if len(self.points) <= base:
            at = f"{self.lr_at(len(self.points)):.2g}"
            return _none(
                f"the loss is no number at learning rate {at} already; give a lower --from, or look at the data with "
                "--check"
            )
        start, noise = _mean_and_deviation([loss for _, loss, _ in self.points[:base]])
        lowest = min(range(base - 1, len(self.points)), key=lambda step: self.points[step][2])
        fall = start - self.points[lowest][2]
        if fall <= max(LEAST_FALL * abs(start), LEAST_OVER_NOISE * noise):
            return _none(
                f"the loss never clearly fell ({start:.4g} at the start, {self.points[lowest][2]:.4g} at the lowest); "
                "check the data and the net with --check, or give a wider range with --from and --to"
            )
        best, steepest = self.points[lowest][0], self._steepest(start, fall, lowest)
        lr = min(math.sqrt(steepest * max(steepest, best / BELOW_LOWEST)), best / LEAST_BELOW_LOWEST)
        lr = min(self.high, max(self.low, float(f"{lr:.2g}")))  # rounded, it may be out of the range
        is_open = self.end == "all_steps" and lowest >= len(self.points) - base
        beware = f"the loss still fell at the end of the range; a --to above {self.high:g} would tell more"
        return Suggestion(lr, best, steepest, beware if is_open else "")

    def _steepest(self, start: float, fall: float, lowest: int) -> float:
        """Over the logarithm of the rate, between a tenth and nine tenths of the fall: before it there is noise."""
        half = max(1, round(DECADES_OF_SLOPE / self._decades / 2))
        smoothed = [point[2] for point in self.points]

        def slope(step: int) -> float:
            before, after = max(0, step - half), min(len(smoothed) - 1, step + half)
            return (smoothed[after] - smoothed[before]) / (after - before)

        inside = [step for step in range(lowest + 1) if 0.1 * fall <= start - smoothed[step] <= 0.9 * fall]
        return self.points[min(inside or [lowest], key=slope)][0]


def _none(sentence: str) -> Suggestion:
    return Suggestion(None, None, None, sentence)


def _mean_and_deviation(values: list[float]) -> tuple[float, float]:
    mean = sum(values) / len(values)
    return mean, math.sqrt(sum((value - mean) ** 2 for value in values) / len(values))
