"""Columns that give the target away: each alone, by a small decision tree, on rows that the tree has not seen."""

from __future__ import annotations

import warnings
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray

from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.report import Leak, LeakSearch

FOLDS = 3
MOST_UNNAMED = 64  # inputs of a source without columns that are looked at one by one
LEAST_A_CLASS = FOLDS * 2  # rows of a class that folds can share
SHARE_EXPLAINED = 0.95  # of what the baseline gets wrong: iris' petals reach .93, and they are no leak
LEAVES_A_CLASS, LEAST_LEAVES = 2, 32

Numbers = NDArray[np.float64]


class Effort(NamedTuple):
    """How far to look. Not by the clock: a busy machine finds what an idle one finds."""

    rows: int
    columns: int
    inputs: int  # of all these columns


THOROUGH = Effort(2_000, 100, 1_000)  # 0.01 s a column
BRIEF = Effort(500, 20, 200)  # 0.005 s a column


def leaks(data: DataSet, effort: Effort = THOROUGH) -> LeakSearch:
    """The columns that predict the target alone; narrow ones first, as far as the effort goes.

    Classes are evened out beforehand, as far as they have rows: a rare class would hide behind a common one. A column
    leaks where it explains SHARE_EXPLAINED of what the commonest class, or the mean, gets wrong.
    """
    columns = _columns(data)
    rows = _rows(data, effort.rows)
    search = LeakSearch("accuracy" if data.task == "classes" else "R²", 0, len(columns), len(rows), ())
    if len(rows) < 2 * FOLDS or not columns:
        return search
    picked = data.train.pick(torch.from_numpy(rows).to(data.train.inputs.device))
    inputs, targets = picked.inputs.cpu().float().numpy(), _targets(picked, data)
    baseline = _baseline(targets, data)
    if baseline is None:
        return search
    looked = width = 0
    found = []
    for name, first, end in sorted(columns, key=lambda column: column[2] - column[1])[: effort.columns]:
        width += end - first
        if width > effort.inputs:
            break
        looked += 1
        score = _score(inputs[:, first:end], targets, data)
        if score - baseline >= SHARE_EXPLAINED * (1 - baseline):
            found.append(Leak(name, round(score, 4), round(baseline, 4)))
    found.sort(key=lambda leak: -leak.score)
    return LeakSearch(search.metric, looked, len(columns), len(rows), tuple(found))


def _columns(data: DataSet) -> list[tuple[str, int, int]]:
    if data.columns:
        return [(name, first, end) for name, first, end in data.columns if end > first]
    if data.inputs > MOST_UNNAMED:
        return []  # pixels, say
    return [(f"input {number + 1}", number, number + 1) for number in range(data.inputs)]


def _rows(data: DataSet, most_rows: int) -> NDArray[np.int64]:
    """Numbers of some training rows, the same each time; of classes, as many of each as there are, up to a bound."""
    generator = np.random.default_rng(0)
    if data.task != "classes":
        count = min(most_rows, len(data.train))
        return np.sort(generator.choice(len(data.train), count, replace=False)).astype(np.int64)
    classes = data.train.targets.cpu().numpy()
    most = max(LEAST_A_CLASS, most_rows // max(1, len(data.class_names)))
    order = generator.permutation(len(classes))
    ranked = order[np.argsort(classes[order], kind="stable")]
    starts = np.searchsorted(classes[ranked], classes[ranked], side="left")
    sizes = np.searchsorted(classes[ranked], classes[ranked], side="right") - starts
    taken = (np.arange(len(ranked)) - starts < most) & (sizes >= LEAST_A_CLASS)
    return np.sort(generator.permutation(ranked[taken])[:most_rows]).astype(np.int64)


def _targets(picked: Samples, data: DataSet) -> Numbers:
    targets: Numbers = picked.targets.cpu().double().numpy()
    return targets[:, 0] if targets.ndim == 2 and targets.shape[1] == 1 else targets


def _baseline(targets: Numbers, data: DataSet) -> float | None:
    """What is right without any input; None where there is nothing to predict."""
    if data.task == "classes":
        counts = np.unique(targets, return_counts=True)[1]
        return float(counts.max() / counts.sum()) if len(counts) > 1 else None
    return 0.0 if bool(np.all(np.ptp(targets, axis=0) > 0)) else None


def _score(inputs: NDArray[np.float32], targets: Numbers, data: DataSet) -> float:
    from sklearn.model_selection import KFold, StratifiedKFold, cross_val_score
    from sklearn.tree import DecisionTreeClassifier, DecisionTreeRegressor

    is_classes = data.task == "classes"
    leaves = max(LEAST_LEAVES, LEAVES_A_CLASS * len(data.class_names)) if is_classes else 2 * LEAST_LEAVES
    kind = DecisionTreeClassifier if is_classes else DecisionTreeRegressor
    tree = kind(max_leaf_nodes=leaves, min_samples_leaf=2, random_state=0)
    folds = (StratifiedKFold if is_classes else KFold)(FOLDS, shuffle=True, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # a class that a fold lacks
        scores = cross_val_score(tree, inputs, targets, cv=folds, scoring="accuracy" if is_classes else "r2")
    return float(np.mean(scores))
