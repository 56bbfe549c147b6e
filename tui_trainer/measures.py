"""The figures that each kind of task is judged by: which come first, what they are called, how they are written."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal

from tui_trainer.events import RunEnded, RunStarted
from tui_trainer.scores import Scores

Kind = Literal["classes", "binary", "labels", "values"]


@dataclass(frozen=True)
class Measure:
    """One figure. `name` stands behind val_ or test_ in the events."""

    name: str
    word: str
    short: str = ""  # where columns are few
    is_percent: bool = False
    is_in_units: bool = False  # of the target: of any size

    def of(self, figures: Scores | RunEnded) -> float | None:
        """Its value in an evaluation or at a run's end, if it was measured."""
        if isinstance(figures, RunEnded):
            value = getattr(figures, f"test_{self.name}")
        else:
            value = getattr(figures, f"val_{self.name}", None) if self.is_of_split else getattr(figures, self.name)
        return None if value is None else float(value)

    @property
    def is_of_split(self) -> bool:
        """Whether its field of `Scores` begins with val_."""
        return self.name not in ("macro_f1", "micro_f1")

    def shown(self, value: float) -> str:
        """`0.9731`, `55.12`."""
        return f"{value:.4g}" if self.is_in_units else f"{value:.4f}"

    def in_words(self, figures: Scores | RunEnded) -> str:
        """`accuracy 97.31%`, `ROC-AUC 0.9912`; "" where it was not measured."""
        value = self.of(figures)
        if value is None:
            return ""
        return f"{self.word} {value:.2%}" if self.is_percent else f"{self.word} {self.shown(value)}"


LOSS = Measure("loss", "loss")
ACCURACY = Measure("accuracy", "accuracy", "acc", is_percent=True)
ALL_RIGHT = Measure("accuracy", "all labels right", "acc", is_percent=True)
MACRO_F1, MICRO_F1 = Measure("macro_f1", "macro F1", "macro_f1"), Measure("micro_f1", "micro F1", "micro_f1")
ROC_AUC, PR_AUC = Measure("roc_auc", "ROC-AUC", "auc"), Measure("pr_auc", "PR-AUC", "pr_auc")
LOG_LOSS = Measure("log_loss", "log-loss", "log_loss")
CALIBRATION = Measure("calibration_error", "calibration error", "calibration_error")
RMSE = Measure("rmse", "RMSE", "rmse", is_in_units=True)
MAE = Measure("mae", "MAE", "mae", is_in_units=True)
R2 = Measure("r2", "R²", "r2")

FIRST: dict[Kind, tuple[Measure, ...]] = {
    "classes": (ACCURACY,),
    "binary": (ACCURACY, ROC_AUC),
    "labels": (MACRO_F1, ALL_RIGHT),
    "values": (RMSE, MAE, R2),
}
"""In a line of an epoch; the first is what people look at first."""

COLUMNS: dict[Kind, tuple[Measure, ...]] = {
    "classes": (LOSS, ACCURACY, MACRO_F1),
    "binary": (LOSS, ACCURACY, MACRO_F1, ROC_AUC),
    "labels": (LOSS, MACRO_F1, MICRO_F1, ALL_RIGHT),
    "values": (LOSS, RMSE, MAE, R2),
}
"""Of a table of results."""

AREAS = (ROC_AUC, PR_AUC, LOG_LOSS, CALIBRATION)


def more(figures: Scores | RunEnded, kind: Kind) -> Iterator[Measure]:
    """What was measured beside the columns."""
    return (one for one in (*AREAS, MAE) if one not in COLUMNS[kind] and one.of(figures) is not None)


def kind_of(told: Scores | RunEnded | RunStarted | None) -> Kind:
    """Binary is two classes, whatever the number of outputs."""
    match told:
        case RunStarted():
            return "binary" if told.task == "classes" and len(told.class_names) == 2 else told.task
        case RunEnded():
            values, labels, binary = told.test_rmse, told.test_micro_f1, len(told.class_names or ()) == 2
        case Scores():
            values, labels, binary = told.val_rmse, told.micro_f1, told.val_roc_auc is not None
        case _:
            return "classes"
    if values is not None:
        return "values"
    return "labels" if labels is not None else "binary" if binary else "classes"


def headline(figures: Scores | RunEnded) -> str:
    """What people look at first, in few columns: `97.31%`, `97.31%, AUC 0.991`, `F1 0.8123`, `RMSE 55.12`; or ""."""
    kind = kind_of(figures)
    value, area = FIRST[kind][0].of(figures), ROC_AUC.of(figures)
    if value is None:
        return ""
    match kind:
        case "values":
            return f"RMSE {value:.4g}"
        case "labels":
            return f"F1 {value:.4f}"
    return f"{value:.2%}" + (f", AUC {area:.3f}" if kind == "binary" and area is not None else "")
