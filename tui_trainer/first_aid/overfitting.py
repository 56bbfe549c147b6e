"""That a net learns its training samples by heart."""

from __future__ import annotations

import statistics

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict, times


class Overfitting(Rule):
    """The validation loss has risen for long while the training loss fell, and the answers have become worse, too.

    A validation loss that rises alone is no harm: a net that grows surer of its answers pays more for the few that
    are wrong, and gets no more of them wrong (Guo et al. 2017 measure this miscalibration). So the share of errors (or
    the RMSE) of the last five epochs must be a tenth above the lowest mean of five, and the validation loss a fifth
    above its own, while the training loss fell by a fifth since. Early stopping ends a run by itself.
    """

    kind = "overfitting"
    EPOCHS = 5
    RISE, WORSE, FALL = 1.2, 1.1, 0.8
    FEWEST_ERRORS = 5  # more than at the best epoch: of a small split a few samples make a large share

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._epochs: list[EpochEnded] = []

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if not isinstance(event, EpochEnded) or event.val_loss is None or case.config.training.patience:
            return None
        self._epochs.append(event)
        if event.is_best:
            self.good_until = event.step
        if len(self._epochs) < 2 * self.EPOCHS:
            return None
        losses, errors = (self._means(of) for of in (_loss, _error))
        best = min(range(len(losses)), key=losses.__getitem__)
        lowest, lowest_error = losses[best], min(errors)
        train = [epoch.train_loss for epoch in self._epochs]
        now, before = statistics.fmean(train[-self.EPOCHS :]), statistics.fmean(train[best : best + self.EPOCHS])
        is_worse = errors[-1] > self.WORSE * lowest_error and errors[-1] - lowest_error > self._margin(event)
        if not (losses[-1] > self.RISE * lowest and now < self.FALL * before and is_worse):
            return "fine"
        at = self._epochs[best + self.EPOCHS // 2]
        what = "RMSE" if event.val_rmse is not None else "share of errors"
        return Symptom(
            cause=f"the net learns the training samples by heart: it becomes worse on {case.split}",
            evidence=f"since epoch {at.epoch} the training loss fell from {before:.4g} to {now:.4g} while the loss on "
            f"{case.split} rose {times(losses[-1], lowest)} ({lowest:.4g} to {losses[-1]:.4g}) and the {what} from "
            f"{lowest_error:.4g} to {errors[-1]:.4g}",
            remedies=remedies.chosen(
                remedies.more_dropout(case, goes_back=True),
                remedies.more_decay(case, goes_back=True),
                remedies.stopping("the weights of the best epoch are kept"),
            ),
            good_until=self.good_until,
        )

    def _means(self, of: object) -> list[float]:
        values = [of(epoch) for epoch in self._epochs]  # type: ignore[operator]
        return [statistics.fmean(values[n : n + self.EPOCHS]) for n in range(len(values) - self.EPOCHS + 1)]

    def _margin(self, event: EpochEnded) -> float:
        if event.val_accuracy is None:
            return 0.0
        samples = sum(map(sum, event.confusion)) if event.confusion else 0
        return self.FEWEST_ERRORS / samples if samples else 0.01


def _loss(epoch: EpochEnded) -> float:
    return epoch.val_loss or 0.0


def _error(epoch: EpochEnded) -> float:
    """What people judge the task by, as something to be small."""
    if epoch.val_accuracy is not None:
        return 1 - epoch.val_accuracy
    return epoch.val_rmse if epoch.val_rmse is not None else epoch.val_loss or 0.0
