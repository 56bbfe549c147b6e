"""Figures of predictions, on the device they lie on: no transfer, and one sort at most. Equal to scikit-learn's.

Undefined figures (a split with one class) are NaN here and null in the events.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor
from torch.nn import functional as F

BINS = 15  # of the calibration error, as Guo et al. 2017
NUMBERS_AT_ONCE = 4_000_000  # of the scores that are sorted together: some 200 MB of working memory


def ranked(scores: Tensor, positives: Tensor) -> tuple[Tensor, Tensor]:
    """(ROC-AUC, PR-AUC) of each column, (columns,) float64; NaN where a column has no positives, or no others.

    scores and positives (bool) are (n, columns). Equal scores count as one threshold. The ROC's area is by the
    trapezoid rule; that of precision over recall is the average precision: the sum of precision times the gain in
    recall, which promises nothing between two thresholds (Davis & Goadrich 2006).
    """
    columns = max(1, NUMBERS_AT_ONCE // max(1, len(scores)))
    parts = [
        _ranked(scores[:, start : start + columns].t(), positives[:, start : start + columns].t())
        for start in range(0, scores.shape[1], columns)
    ]
    roc, pr = zip(*parts, strict=True)
    return torch.cat(roc), torch.cat(pr)


def _ranked(scores: Tensor, positives: Tensor) -> tuple[Tensor, Tensor]:
    """The same of rows (columns, n)."""
    scores, order = scores.sort(1, descending=True)
    hits = positives.gather(1, order).long().cumsum(1)  # whole numbers: exact, and the same bits on a GPU each time
    places = torch.arange(1, scores.shape[1] + 1, device=scores.device)
    is_end = F.pad(scores[:, 1:] != scores[:, :-1], (0, 1), value=True)  # the last of equal scores

    def before(counts: Tensor) -> Tensor:
        """The counts at the threshold before, where one ends."""
        return F.pad((counts * is_end).cummax(1).values[:, :-1], (1, 0))

    misses = places - hits
    hits_before, misses_before = before(hits), before(misses)
    gained, lost = (hits - hits_before) * is_end, (misses - misses_before) * is_end
    total, others = hits[:, -1].double(), misses[:, -1].double()
    area = (lost * (hits + hits_before)).sum(1).double() / 2
    precision = hits.double() / places
    pr = torch.where(others > 0, (gained * precision).sum(1) / total, torch.nan)
    return area / (total * others), pr


def calibration_error(confidence: Tensor, right: Tensor) -> Tensor:
    """Expected calibration error (Naeini et al. 2015, Guo et al. 2017), () float64.

    In each of 15 equal bins (low, high] of the confidence: the distance between its mean and the share of right
    predictions, weighted by the bin's samples. confidence (n,) of what was predicted, right (n,) bool.
    """
    bounds = torch.linspace(0, 1, BINS + 1, dtype=torch.float64, device=confidence.device)[1:-1]
    gaps = right.double() - confidence.double()
    bins = torch.bucketize(confidence.double(), bounds)
    sums = torch.zeros(BINS, dtype=torch.float64, device=gaps.device).index_add_(0, bins, gaps)
    return sums.abs().sum() / len(gaps)


def of_decisions(logits: Tensor, positives: Tensor) -> dict[str, Tensor]:
    """Of yes-or-no questions: logits and answers (n, questions). Areas are means over the questions that have one."""
    roc, pr = ranked(logits, positives)
    logits = logits.double()
    return {
        "val_roc_auc": roc.nanmean(),
        "val_pr_auc": pr.nanmean(),
        "val_log_loss": F.binary_cross_entropy_with_logits(logits, positives.double()),
        "val_calibration_error": calibration_error(
            torch.sigmoid(logits.abs()).flatten(), ((logits > 0) == positives).flatten()
        ),
    }


def of_classes(logits: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Of more than two classes: logits (n, classes), true (n,). Areas are means of each class against the others."""
    logs = logits.double().log_softmax(1)
    positives = true.unsqueeze(1) == torch.arange(logits.shape[1], device=true.device)
    roc, pr = ranked(logs.exp(), positives)
    confidence, predicted = logs.exp().max(1)
    return {
        "val_roc_auc": roc.nanmean(),
        "val_pr_auc": pr.nanmean(),
        "val_log_loss": F.nll_loss(logs, true),
        "val_calibration_error": calibration_error(confidence, predicted == true),
    }


def of_labels(predicted: Tensor, true: Tensor) -> tuple[dict[str, Tensor], Tensor]:
    """Of any number of labels: predicted and true (n, labels) bool.

    (figures, (4, labels) of precision, recall, F1 and support). Accuracy is the share of samples with all labels
    right; macro figures are means over all labels, as scikit-learn's are; 0/0 is 0.
    """
    hits, named, support = ((predicted & true).sum(0).double(), predicted.sum(0).double(), true.sum(0).double())
    precision, recall = hits / named.clamp(min=1), hits / support.clamp(min=1)
    f1 = 2 * hits / (support + named).clamp(min=1)
    figures = {
        "val_accuracy": (predicted == true).all(1).double().mean(),
        "macro_precision": precision.mean(),
        "macro_recall": recall.mean(),
        "macro_f1": f1.mean(),
        "micro_f1": 2 * hits.sum() / (support + named).sum().clamp(min=1),
    }
    return figures, torch.stack((precision, recall, f1, support))


def of_values(predicted: Tensor, true: Tensor) -> dict[str, Tensor]:
    """Of (n, values) in original units: RMSE and MAE over all values, R² as the mean over the columns.

    One column that does not vary leaves R² undefined.
    """
    errors = predicted - true
    spread = (true - true.mean(0)).square().sum(0)
    r2 = 1 - errors.square().sum(0) / torch.where(spread > 0, spread, torch.nan)
    return {"val_rmse": errors.square().mean().sqrt(), "val_mae": errors.abs().mean(), "val_r2": r2.mean()}


def read(figures: dict[str, Tensor]) -> dict[str, float | None]:
    """All of them in one transfer; what is no number is None."""
    values = torch.stack([figure.double() for figure in figures.values()]).tolist()
    return {name: None if math.isnan(value) else value for name, value in zip(figures, values, strict=True)}
