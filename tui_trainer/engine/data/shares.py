"""Rows in two, by scikit-learn: a share or a fold is split off, seeded, by class where there are classes, by group."""

from __future__ import annotations

import math
import warnings

import numpy as np

from tui_trainer.errors import InputError

TEST_SPLIT_SEED = 0  # not the run's: runs with other seeds are tested on the same samples


def share_off(
    rows: np.ndarray,
    share: float,
    seed: int,
    flag: str,
    strata: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(what stays, what was split off) of the rows. `strata` and `groups` are of these rows.

    Groups stay whole: the share is then one of groups, and classes are not looked at. A class with a single row stays.
    Raises InputError where the share leaves a side empty, or without one of each class.
    """
    from sklearn.model_selection import GroupShuffleSplit, train_test_split  # 1 s that not every start need wait for

    if groups is not None:
        count = len(np.unique(groups))
        _check_share(flag, share, count, 1, f"{count:,} groups of {len(rows):,} samples")
        way = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed % 2**32)
        stays, goes = next(way.split(rows, groups=groups))
        return rows[stays], rows[goes]
    lone = lonely(strata, len(rows))
    kept, classes = rows[~lone], None if strata is None else strata[~lone]
    least = 1 if classes is None else len(np.unique(classes))
    _check_share(flag, share, len(kept), least, f"{len(rows):,} samples", lone=int(lone.sum()))
    stays, goes = train_test_split(kept, test_size=share, random_state=seed % 2**32, stratify=classes)
    return (np.concatenate([stays, rows[lone]]) if lone.any() else stays), goes


def _check_share(flag: str, share: float, count: int, least: int, what: str, lone: int = 0) -> None:
    """Raises InputError unless both sides of a share of `count` have `least`, one of each class."""
    goes = math.ceil(share * count)
    if count and min(goes, count - goes) >= least:
        return
    start = f"{flag} {share:g} cannot split {what}: "
    if lone and not count:
        raise InputError(f"{start}each is the only one of its class, and trained on; give each class two rows or more")
    low = math.ceil(1000 * least / max(1, count)) / 1000
    high = min(0.9, math.floor(1000 * (count - least) / max(1, count)) / 1000)
    ways = [f"choose a share from {low:g} to {high:g}" if low <= high else "give more rows"]
    ways += ["leave it out with --validation 0"] if flag == "--validation" else []
    need = "one at least" if least <= 1 else f"{least:,} at least, one of each class"
    of = f" of {count:,} whose classes have more than one row" if lone else ""
    raise InputError(
        f"{start}{goes:,}{of} would go and {count - goes:,} stay, and each part needs {need}; {', or '.join(ways)}"
    )


def fold_off(
    rows: np.ndarray,
    folds: int,
    number: int,
    strata: np.ndarray | None = None,
    groups: np.ndarray | None = None,
) -> tuple[np.ndarray, np.ndarray]:
    """(the training rows, the rows of fold `number`, counted from 1). `strata` and `groups` are of these rows.

    The same folds whatever the run's seed. A class with a single row is trained on in every fold. Raises InputError
    where there are fewer rows or groups than folds.
    """
    from sklearn.model_selection import KFold, StratifiedGroupKFold, StratifiedKFold

    lone = lonely(strata, len(rows)) if groups is None else np.zeros(len(rows), bool)
    least = len(np.unique(groups)) if groups is not None else int((~lone).sum())
    if least < folds:
        what = "groups" if groups is not None else "samples"
        raise InputError(f"--folds {folds} cannot split {least:,} {what}; each fold needs one at least")
    kept, strata = rows[~lone], None if strata is None else strata[~lone]
    seeded = {"n_splits": folds, "shuffle": True, "random_state": TEST_SPLIT_SEED}
    if groups is not None:
        same = np.zeros(len(rows), np.int64)  # without classes, folds of like size
        parts = StratifiedGroupKFold(**seeded).split(rows, same if strata is None else strata, groups)
    elif strata is None or np.bincount(strata).max() < folds:
        parts = KFold(**seeded).split(kept)
    else:
        parts = StratifiedKFold(**seeded).split(kept, strata)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", UserWarning)  # a class smaller than the folds is spread over some of them
        test = np.sort(kept[next(test for fold, (_, test) in enumerate(parts, 1) if fold == number)])
    if not len(test):
        raise InputError(
            f"--folds {folds} leaves fold {number} empty: a few large groups hold all rows; use fewer folds"
        )
    return np.setdiff1d(rows, test, assume_unique=True), test


def lonely(strata: np.ndarray | None, count: int) -> np.ndarray:
    """Which rows are the only one of their class: to be held back it would have to be learned from nothing."""
    if strata is None:
        return np.zeros(count, bool)
    is_lonely: np.ndarray = np.bincount(strata)[strata] == 1
    return is_lonely
