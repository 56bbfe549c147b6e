"""What the steps tell beside the loss: that the learning rate is far off."""

from __future__ import annotations

import math
import statistics

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict
from tui_trainer.first_aid.gradients import linear
from tui_trainer.inside_events import NetMeasured


def ratios(event: NetMeasured) -> list[float]:
    """Of each layer, the size of a step beside its weights; a thousandth is usual (Karpathy, CS231n)."""
    return [layer.update_ratio for layer in linear(event) if layer.update_ratio is not None]


class RateTooLow(Rule):
    """Steps change next to nothing, and the training loss falls as little, high as it still is.

    No layer moves by a ten-thousandth of its weights a step, and in three epochs the loss fell by less than 2 %, from
    above half of what a guess loses. A learning rate that a schedule has lowered, or is still raising, is its affair.
    """

    kind = "lr_too_low"
    RATIO, FALL, LEFT, EPOCHS = 1e-4, 0.02, 0.5, 3

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._rates: list[float] = []
        self._ratio: float | None = None

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if isinstance(event, NetMeasured):
            self._ratio = max(ratios(event), default=None)
        if not isinstance(event, EpochEnded):
            return self._verdict(case) if isinstance(event, NetMeasured) else None
        self._losses.append(event.train_loss)
        self._rates.append(event.lr)
        return None

    def _verdict(self, case: Case) -> Verdict:
        losses, rates = self._losses[-self.EPOCHS - 1 :], self._rates[-self.EPOCHS - 1 :]
        if self._ratio is None or len(losses) <= self.EPOCHS:
            return None
        fallen = 1 - losses[-1] / losses[0] if losses[0] else 0.0
        is_settled = rates[-1] >= 0.5 * max(self._rates) and rates[-1] <= 1.05 * rates[0]
        is_unlearned = losses[-1] > self.LEFT * (case.guess or self._losses[0])
        if not (self._ratio < self.RATIO and abs(fallen) < self.FALL and is_settled and is_unlearned):
            return "fine"
        return Symptom(
            cause="the learning rate is far too low: training hardly moves",
            evidence=f"a step changes no layer by more than {self._ratio:.1e} of its weights (a thousandth is usual), "
            f"and in {self.EPOCHS} epochs the training loss went from {losses[0]:.4g} to {losses[-1]:.4g}, at a "
            f"learning rate of {case.config.optimizer.lr:g}",
            remedies=remedies.chosen(
                remedies.other_rate(case, 10.0),
                remedies.advice("Look for a rate: tui-trainer lr-find tries them all in one short run"),
            ),
        )


class RateTooHigh(Rule):
    """Steps are so large that nothing is learned.

    The median layer moves by a tenth of its weights a step in two looks in a row (a hundred times the usual), or by a
    hundredth while the training loss of three epochs is no better than a guess.
    """

    kind = "lr_too_high"
    RATIO, RATIO_OF_A_GUESS, GUESS, LOOKS, EPOCHS = 0.1, 0.01, 0.98, 2, 3

    def __init__(self) -> None:
        self._losses: list[float] = []
        self._bad = 0

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if isinstance(event, EpochEnded):
            self._losses.append(event.train_loss)
        if not isinstance(event, NetMeasured) or not (measured := ratios(event)):
            return None
        ratio = statistics.median(measured)
        guess = case.guess or math.inf
        learns_nothing = len(self._losses) >= self.EPOCHS and min(self._losses[-self.EPOCHS :]) > self.GUESS * guess
        is_large = ratio > self.RATIO
        self._bad = self._bad + 1 if is_large else 0
        if not (self._bad >= self.LOOKS or (learns_nothing and ratio > self.RATIO_OF_A_GUESS)):
            return None if is_large else "fine"
        loss = f"; the training loss is {self._losses[-1]:.4g}" if self._losses else ""
        known = f", a guess would have {guess:.4g}" if loss and math.isfinite(guess) else ""
        return Symptom(
            cause="the learning rate is far too high: steps throw the weights about",
            evidence=f"a step changes the median layer by {ratio:.2g} of its weights (a thousandth is usual), at a "
            f"learning rate of {case.config.optimizer.lr:g}{loss}{known}",
            remedies=remedies.chosen(
                remedies.other_rate(case, 0.1, goes_back=True),
                remedies.clipped(case),
                remedies.advice("Look for a rate: tui-trainer lr-find tries them all in one short run"),
            ),
        )
