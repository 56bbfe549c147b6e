"""What the steps tell beside the loss: that the learning rate is far off."""

from __future__ import annotations

import math
import statistics
from collections import deque

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict
from tui_trainer.first_aid.gradients import linear
from tui_trainer.first_aid.units import DeadUnits, worst
from tui_trainer.inside_events import NetMeasured

LOOK_FOR_A_RATE = "Look for a rate: tui-trainer lr-find tries them all in one short run"


def ratios(event: NetMeasured) -> list[float]:
    """Of each layer, the size of a step beside its weights; a thousandth is usual (Karpathy, CS231n)."""
    return [layer.update_ratio for layer in linear(event) if layer.update_ratio is not None]


class RateTooLow(Rule):
    """Steps change next to nothing, and the training loss falls as little, high as it still is.

    No layer moves by a ten-thousandth of its weights a step, and in three epochs the loss fell by less than 2 %, from
    above half of what a guess loses. A learning rate that a schedule has lowered, or is still raising, is its affair.
    Twice a guess's loss, or units that are dead, are no work of small steps: training blew up before.
    """

    kind = "lr_too_low"
    RATIO, USUAL, FALL, LEFT, BLOWN_UP, EPOCHS = 1e-4, 1e-3, 0.02, 0.5, 2.0, 3

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._losses: deque[float] = deque(maxlen=self.EPOCHS + 1)
        self._rates: deque[float] = deque(maxlen=self.EPOCHS + 1)
        self._first_loss: float | None = None
        self._highest_rate = 0.0

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if isinstance(event, NetMeasured):
            return self._verdict(event, case)
        if isinstance(event, EpochEnded):
            self._losses.append(event.train_loss)
            self._rates.append(event.lr)
            self._first_loss = event.train_loss if self._first_loss is None else self._first_loss
            self._highest_rate = max(self._highest_rate, event.lr)
        return None

    def _verdict(self, event: NetMeasured, case: Case) -> Verdict:
        losses, rates, ratio = self._losses, self._rates, max(ratios(event), default=None)
        if ratio is None or self._first_loss is None or len(losses) <= self.EPOCHS:
            return None
        fallen = 1 - losses[-1] / losses[0] if losses[0] else 0.0
        is_settled = rates[-1] >= 0.5 * self._highest_rate and rates[-1] <= 1.05 * rates[0]
        start, (_, dead) = case.guess or self._first_loss, worst(event, "dead") or (None, 0.0)
        is_unlearned = self.LEFT * start < losses[-1] <= self.BLOWN_UP * start and dead < DeadUnits.SHARE
        if not (ratio < self.RATIO and abs(fallen) < self.FALL and is_settled and is_unlearned):
            return "fine"
        return Symptom(
            cause="the learning rate is far too low: training hardly moves",
            evidence=f"a step changes no layer by more than {ratio:.2g} of its weights, where a thousandth is "
            f"usual, and in {self.EPOCHS} epochs the training loss went from {losses[0]:.4g} to {losses[-1]:.4g}, at a "
            f"learning rate of {case.config.optimizer.lr:g}",
            remedies=remedies.chosen(
                remedies.other_rate(case, self._wanted(ratio)),
                remedies.advice(LOOK_FOR_A_RATE),
            ),
        )

    def _wanted(self, ratio: float) -> float:
        """The power of ten that brings a step near its usual size, which goes with the rate."""
        return 10.0 ** min(6, max(1, round(math.log10(self.USUAL / max(ratio, 1e-12)))))


class RateTooHigh(Rule):
    """Steps are so large that nothing is learned.

    The median layer moves by a tenth of its weights a step (a hundred times the usual) in three looks in a row, while
    the training loss does not fall and is hardly below a guess's; or some layer by a two-hundredth, while the loss of
    two epochs in a row is more than twice a guess's. (Starting weights that are too large give such losses too, and
    small steps.) Without any look: from the beginning on no epoch came near a guess's loss, by half of it, and the
    third or a later one lost more than one before it, as no net does that is on its way down.
    """

    kind = "lr_too_high"
    RATIO, LOOKS, FALL, LEFT = 0.1, 3, 0.02, 0.9
    RATIO_OF_A_GUESS, GUESS, EPOCHS = 0.005, 2.0, 2
    NEVER_NEAR, FIRST_EPOCHS, FEWEST_STEPS = 1.5, 3, 20

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._losses: deque[float] = deque(maxlen=self.EPOCHS)
        self._first_loss: float | None = None
        self._lowest = math.inf
        self._since, self._epochs = since, 0
        self._bad = 0
        self._largest = 0.0

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        losses = self._losses
        if isinstance(event, EpochEnded):
            losses.append(event.train_loss)
            self._first_loss = event.train_loss if self._first_loss is None else self._first_loss
            if self._was_never_near(event, case):
                return self._symptom(
                    f"in {self._epochs:,} epochs the training loss was never below {self._lowest:.4g}", case
                )
            is_far = min(losses) > self.GUESS * (case.guess or math.inf)
            if len(losses) == self.EPOCHS and is_far and self._largest > self.RATIO_OF_A_GUESS:
                return self._symptom(
                    f"a step changed a layer by {self._largest:.2g} of its weights, where a thousandth is usual", case
                )
            if case.guess and losses[-1] < self.LEFT * case.guess:
                return "fine"
        if not isinstance(event, NetMeasured) or not (measured := ratios(event)):
            return None
        ratio = statistics.median(measured)
        self._largest = max(measured)
        has_fallen = len(losses) < self.EPOCHS or losses[-1] < (1 - self.FALL) * losses[0]
        is_unlearned = self._first_loss is not None and losses[-1] > self.LEFT * (case.guess or self._first_loss)
        self._bad = self._bad + 1 if ratio > self.RATIO and is_unlearned and not has_fallen else 0
        if self._bad >= self.LOOKS:
            return self._symptom(
                f"a step changes the median layer by {ratio:.2g} of its weights, where a thousandth is usual", case
            )
        if self._bad == 0 and (not losses or losses[-1] < self.GUESS * (case.guess or math.inf)):
            self.good_until = event.step
            return "fine"
        return None

    def _was_never_near(self, event: EpochEnded, case: Case) -> bool:
        has_risen = event.train_loss > self._lowest
        self._lowest = min(self._lowest, event.train_loss)
        self._epochs += 1
        is_early = self._epochs < self.FIRST_EPOCHS or event.step - self._since < self.FEWEST_STEPS
        return not is_early and has_risen and self._lowest > self.NEVER_NEAR * (case.guess or math.inf)

    def _symptom(self, what: str, case: Case) -> Symptom:
        known = f", that of a guess {case.guess:.4g}" if case.guess else ""
        starts_large = case.config.model.init in ("uniform", "normal")
        return Symptom(
            cause="the starting weights, or the learning rate, are far too large: nothing is learned"
            if starts_large
            else "the learning rate is far too high: steps throw the weights about",
            evidence=f"{what}, at a learning rate of {case.config.optimizer.lr:g}; the training loss is "
            f"{self._losses[-1]:.4g}{known}",
            remedies=remedies.chosen(
                remedies.other_start(case) if starts_large else None,
                remedies.other_rate(case, 0.1, goes_back=True),
                remedies.clipped(case) if case.config.optimizer.name == "sgd" else None,
                remedies.advice(LOOK_FOR_A_RATE),
            ),
            good_until=self.good_until,
        )
