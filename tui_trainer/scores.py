"""The figures of one evaluation, as events carry them."""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict

DETAILS = ("precision", "recall", "f1", "support", "confusion", "pairs")  # grow with the classes


class Scores(BaseModel):
    """What a task does not have, or a split leaves undefined (an area needs two classes), is null.

    `confusion[true][predicted]` counts samples; lists go by class or label. `val_loss` is the training's, weights of
    classes included; `val_log_loss` is without them. Of labels, `val_accuracy` is the share of samples with all labels
    right, and areas are means over labels.
    """

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    val_loss: float | None = None
    val_accuracy: float | None = None
    val_rmse: float | None = None  # over all values; the mean of several columns is taken before the root
    val_mae: float | None = None
    val_r2: float | None = None
    val_roc_auc: float | None = None  # of more than two classes, these four are measured once, on the test split
    val_pr_auc: float | None = None  # average precision
    val_log_loss: float | None = None
    val_calibration_error: float | None = None
    macro_precision: float | None = None
    macro_recall: float | None = None
    macro_f1: float | None = None
    micro_f1: float | None = None  # of labels
    precision: list[float] | None = None
    recall: list[float] | None = None
    f1: list[float] | None = None
    support: list[int] | None = None
    confusion: list[list[int]] | None = None
    pairs: list[tuple[float, float]] | None = None  # (true, predicted) of a sample of a regression, original units
