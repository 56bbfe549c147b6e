"""That a net learns its training samples by heart."""

from __future__ import annotations

import math
import statistics
from collections import deque
from typing import NamedTuple

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict, times


class _Epoch(NamedTuple):
    epoch: int
    train: float
    loss: float  # of the validation split
    error: float


class Overfitting(Rule):
    """The validation loss has risen for long while the training loss fell, and the answers have become worse, too.

    A validation loss that rises alone is no harm: a net that grows surer of its answers pays more for the few that
    are wrong, and gets no more of them wrong (Guo et al. 2017 measure this miscalibration). So the share of errors (or
    the RMSE) of the last five epochs must be a tenth above the lowest median of five, and the validation loss a fifth
    above its own, while the training loss fell by a fifth since; all of it five epochs in a row. It is over once, as
    long, half of either rise is gone. A loss that leaps in some epochs moves no median. Early stopping ends a run by
    itself.
    """

    kind = "overfitting"
    EPOCHS = 5
    RISE, WORSE, FALL = 1.2, 1.1, 0.8
    PASSED_RISE, PASSED_WORSE = 1.1, 1.05
    FEWEST_ERRORS = 5  # more than at the best epoch: of a small split a few samples make a large share

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._recent: deque[_Epoch] = deque(maxlen=self.EPOCHS)
        self._count = 0
        self._best: _Epoch | None = None  # the medians of five at the lowest validation loss, and their middle epoch
        self._lowest_error = math.inf
        self._bad = self._good = 0  # epochs in a row

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if not isinstance(event, EpochEnded) or event.val_loss is None or case.config.training.patience:
            return None
        self._recent.append(_Epoch(event.epoch, event.train_loss, event.val_loss, _error(event)))
        self._count += 1
        if event.is_best:
            self.good_until = event.step
        if self._count < self.EPOCHS:
            return None
        now = self._medians()
        self._best = best = now if self._best is None or now.loss < self._best.loss else self._best
        self._lowest_error = lowest = min(self._lowest_error, now.error)
        if self._count < 2 * self.EPOCHS:
            return None
        is_worse = now.error > self.WORSE * lowest and now.error - lowest > self._margin(event)
        is_bad = now.loss > self.RISE * best.loss and now.train < self.FALL * best.train and is_worse
        is_over = now.loss <= self.PASSED_RISE * best.loss or now.error <= self.PASSED_WORSE * lowest
        self._bad = self._bad + 1 if is_bad else 0
        self._good = self._good + 1 if is_over else 0
        if self._bad < self.EPOCHS:
            return "fine" if self._good >= self.EPOCHS else None
        what = "RMSE" if event.val_rmse is not None else "share of errors"
        return Symptom(
            cause=f"the net learns the training samples by heart: it becomes worse on {case.split}",
            evidence=f"since epoch {best.epoch} the training loss fell from {best.train:.4g} to {now.train:.4g} while "
            f"the loss on {case.split} rose {times(now.loss, best.loss)} ({best.loss:.4g} to {now.loss:.4g}) and the "
            f"{what} from {lowest:.4g} to {now.error:.4g}",
            remedies=remedies.chosen(
                remedies.more_dropout(case, goes_back=True),
                remedies.more_decay(case, goes_back=True),
                remedies.stopping("the weights of the best epoch are kept"),
            ),
            good_until=self.good_until,
        )

    def _medians(self) -> _Epoch:
        _, *columns = zip(*self._recent, strict=True)
        return _Epoch(self._recent[self.EPOCHS // 2].epoch, *map(statistics.median, columns))

    def _margin(self, event: EpochEnded) -> float:
        if event.val_accuracy is None:
            return 0.0
        samples = sum(map(sum, event.confusion)) if event.confusion else 0
        return self.FEWEST_ERRORS / samples if samples else 0.01


def _error(epoch: EpochEnded) -> float:
    """What people judge the task by, as something to be small."""
    if epoch.val_accuracy is not None:
        return 1 - epoch.val_accuracy
    return epoch.val_rmse if epoch.val_rmse is not None else epoch.val_loss or 0.0
