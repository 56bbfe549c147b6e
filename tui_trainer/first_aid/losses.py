"""What the training loss alone tells: that it is no number, that it diverges, that it stands still."""

from __future__ import annotations

import math
import statistics
from collections import deque

from tui_trainer.events import EpochEnded, Event, Progress
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict, beside
from tui_trainer.inside_events import Remedy

REPORTS = 9  # the median of so many reports of progress: one bad batch says nothing


def non_finite_loss(what: str, case: Case, good_until: int, last_loss: float | None) -> Symptom:
    """Of a loss or a weight that is no number any more: `what` says which, and at which step."""
    before = "" if last_loss is None else f"; the last loss that was one is {last_loss:.4g}"
    return Symptom(
        cause="the loss is no finite number any more: nothing can be learned from it",
        evidence=f"{what}, at a learning rate of {case.config.optimizer.lr:g}{before}",
        remedies=remedies.chosen(
            remedies.other_rate(case, 0.1, goes_back=True),
            remedies.clipped(case, goes_back=True),
            remedies.scaled_inputs(case) or remedies.normalized(case),
        ),
        good_until=good_until,
    )


class Divergence(Rule):
    """The training loss has lost much of what it had gained.

    Of an epoch: twice the lowest epoch's, and a quarter of the way back to the loss at the beginning (or to that of a
    guess); two epochs in a row, or one that is worse than the beginning. Within an epoch: the median of nine reports is
    three times the loss at the beginning and twice its own lowest. A loss near 0 may double as it likes.
    """

    kind = "divergence"
    FACTOR, SHARE, EPOCHS = 2.0, 0.25, 2
    FACTOR_WITHIN = 3.0

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self.lowest = self._lowest_median = self._lowest_val = math.inf
        self.last: float | None = None
        self._first: float | None = None
        self._bad = 0
        self._recent: deque[float] = deque(maxlen=REPORTS)

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        match event:
            case Progress():
                return self._within(event, case)
            case EpochEnded():
                return self._at_end(event, case)
        return None

    def _within(self, event: Progress, case: Case) -> Verdict:
        self.last = event.loss
        start = max((level for level in (self._first, case.guess) if level is not None), default=None)
        if start is None:
            return None
        if event.loss <= self.FACTOR * min(self.lowest, start) and event.epoch_fraction < 1:
            self.good_until = event.step
        self._recent.append(event.loss)
        if len(self._recent) < REPORTS:
            return None
        median = statistics.median(self._recent)
        self._lowest_median = min(self._lowest_median, median)
        if median > self.FACTOR_WITHIN * start and median > self.FACTOR * self._lowest_median:
            return self._symptom(median, start, f"reports up to step {event.step:,}", case)
        return None

    def _at_end(self, event: EpochEnded, case: Case) -> Verdict:
        loss = self.last = event.train_loss
        if self._first is None:
            self._first = loss
        start = max(self._first, case.guess or 0.0)
        lost = loss - self.lowest  # -inf at first
        is_bad = loss > self.FACTOR * self.lowest and lost > self.SHARE * (start - self.lowest)
        self._bad = self._bad + 1 if is_bad else 0
        if is_bad and (self._bad >= self.EPOCHS or loss > start):
            return self._symptom(loss, start, f"epoch {event.epoch:,}", case)
        if is_bad:
            return None
        self.lowest = min(self.lowest, loss)
        val, known = event.val_loss or 0.0, min(self._lowest_val, start)
        if val <= self.FACTOR * max(
            loss, known
        ):  # the weights at the epoch's end: its training loss knows them not yet
            self.good_until = event.step
            self._lowest_val = min(self._lowest_val, val)
        return "fine"

    def _symptom(self, loss: float, start: float, where: str, case: Case) -> Symptom:
        lowest = min(self.lowest, self._lowest_median)
        return Symptom(
            cause="the training loss diverges: it has lost what it had gained",
            evidence=f"{loss:.4g} in {where}, {beside(loss, lowest, 'the lowest')}; it began at {start:.3g}",
            remedies=remedies.chosen(
                remedies.other_rate(case, 0.5, goes_back=True),
                remedies.clipped(case, goes_back=True),
                remedies.other_rate(case, 0.1, goes_back=True),
            ),
            good_until=self.good_until,
        )


class Plateau(Rule):
    """Neither the training loss nor the validation's has become better for long, and there is much left to learn.

    Long: a window of 10 epochs, or of 15 % of those asked for, beside the window before it: both losses within half a
    percent. Much: a tenth of what a guess loses. Where the learning rate has been lowered, or early stopping will end
    the run, standing still is the plan. A window of more than 50 epochs is one of 50 blocks, or a few less, of some
    epochs each, and judged once a block: what is kept does not grow with the run.
    """

    kind = "plateau"
    WINDOW, SHARE_OF_EPOCHS, BLOCKS = 10, 0.15, 50
    CHANGE, PASSED, LEFT, ANNEALED = 0.005, 0.02, 0.1, 0.5
    LEARNED = 0.95  # of a guess's loss: above it nothing has been

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._blocks: deque[tuple[float, float]] = deque(maxlen=2 * self.BLOCKS + 1)  # mean training, validation loss
        self._size, self._train, self._val, self._epochs = 1, 0.0, 0.0, 0  # the block that is not full yet
        self._first_loss: float | None = None
        self._highest_lr = 0.0

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if not isinstance(event, EpochEnded) or event.val_loss is None:
            return None
        self._highest_lr = max(self._highest_lr, event.lr)
        self._first_loss = event.train_loss if self._first_loss is None else self._first_loss
        asked_for = max(self.WINDOW, math.ceil(self.SHARE_OF_EPOCHS * event.epochs))
        size = math.ceil(asked_for / self.BLOCKS)
        count = math.ceil(asked_for / size)
        if not self._has_filled(event.train_loss, event.val_loss, size) or len(self._blocks) < 2 * count + 1:
            return None
        now, before = list(self._blocks)[-count:], list(self._blocks)[-2 * count : -count]
        (train, val), (train_before, val_before) = (
            map(statistics.fmean, zip(*blocks, strict=True)) for blocks in (now, before)
        )
        return self._verdict((train_before, train), (val_before, val), count * size, event, case)

    def _has_filled(self, train: float, val: float, size: int) -> bool:
        """One more epoch; whether it was the last of its block."""
        if size != self._size:  # other epochs are asked for
            self._blocks.clear()
            self._size, self._train, self._val, self._epochs = size, 0.0, 0.0, 0
        self._train, self._val, self._epochs = self._train + train, self._val + val, self._epochs + 1
        if self._epochs < size:
            return False
        self._blocks.append((self._train / size, self._val / size))
        self._train, self._val, self._epochs = 0.0, 0.0, 0
        return True

    def _verdict(
        self, trains: tuple[float, float], vals: tuple[float, float], window: int, event: EpochEnded, case: Case
    ) -> Verdict:
        (train_before, train), (val_before, val) = trains, vals
        start = case.guess or self._first_loss or 0.0
        ends_itself = case.config.training.patience > 0 or event.lr < self.ANNEALED * self._highest_lr
        moved = max(_share(train, train_before), _share(val, val_before))
        if ends_itself or train < self.LEFT * start:
            return "fine"
        if moved > self.CHANGE:
            return "fine" if moved > self.PASSED else None
        is_guess = case.guess is not None and train > self.LEARNED * case.guess
        known = f"; a guess that does not look at the inputs loses {case.guess:.4g}" if is_guess else ""
        return Symptom(
            cause=f"nothing has become better for {2 * window:,} epochs",
            evidence=f"training loss {train_before:.4g} then {train:.4g}, loss on {case.split} {val_before:.4g} then "
            f"{val:.4g}, means of {window:,} epochs each{known}",
            remedies=self._remedies(case, has_learned=not is_guess),
        )

    def _remedies(self, case: Case, *, has_learned: bool) -> tuple[Remedy, ...]:
        """Smaller steps settle what has been learned; where nothing was, they lead nowhere."""
        if has_learned:
            return remedies.chosen(
                remedies.other_rate(case, 0.1),
                remedies.larger(case),
                remedies.stopping("the best weights are kept, and more epochs will hardly change them"),
            )
        return remedies.chosen(
            remedies.other_rate(case, 10.0),
            remedies.normalized(case),
            remedies.other_start(case)
            or remedies.other_activation(case, "relu", "its derivative is 1 where it is not 0"),
            remedies.stopping("nothing has been learned that more epochs could better"),
        )


def _share(now: float, before: float) -> float:
    """By which share a loss has changed."""
    return abs(now / before - 1) if before else 0.0
