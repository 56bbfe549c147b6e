"""Which epoch is best, and when there have been enough without a better one. A small pure object: the loop asks it."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from tui_trainer.data_sets import Task

RISING = (
    "val_accuracy",
    "val_macro_f1",
    "val_roc_auc",
    "val_pr_auc",
)  # better when larger; every other figure is better when smaller


def monitored(monitor: str, task: Task) -> str:
    """The figure that `auto` stands for."""
    if monitor != "auto":
        return monitor
    return "val_rmse" if task == "values" else "val_loss"  # the accuracy of a small split ties too often


@dataclass(frozen=True)
class EarlyStopping:
    """The record so far: best value, its epoch, and epochs since."""

    metric: str
    best: float | None = None
    best_epoch: int = 0
    epochs_since: int = 0

    def seen(self, value: float | None, epoch: int, min_change: float) -> EarlyStopping:
        """The record after one more epoch; a value that is undefined or not finite is never better."""
        if value is not None and math.isfinite(value) and self._is_better(value, min_change):
            return replace(self, best=value, best_epoch=epoch, epochs_since=0)
        return replace(self, epochs_since=self.epochs_since + 1)

    def is_exhausted(self, patience: int) -> bool:
        """Whether training should stop; a patience of 0 never stops."""
        return 0 < patience <= self.epochs_since

    def _is_better(self, value: float, min_change: float) -> bool:
        if self.best is None:
            return True
        gain = value - self.best if self.metric in RISING else self.best - value
        return gain > min_change
