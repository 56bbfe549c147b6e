"""Rows in two, by scikit-learn: a share or a fold is split off, seeded, by class where there are classes, by group."""

from __future__ import annotations

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
    Raises InputError where the share leaves a side empty.
    """
    from sklearn.model_selection import GroupShuffleSplit, train_test_split  # 1 s that not every start need wait for

    try:
        if groups is not None:
            way = GroupShuffleSplit(n_splits=1, test_size=share, random_state=seed % 2**32)
            stays, goes = next(way.split(rows, groups=groups))
            return rows[stays], rows[goes]
        lone = lonely(strata, len(rows))
        if lone.any() and lone.all():
            raise ValueError("each class has one row")
        stays, goes = train_test_split(
            rows[~lone],
            test_size=share,
            random_state=seed % 2**32,
            stratify=None if strata is None else strata[~lone],
        )
    except ValueError as error:
        what = f"{len(np.unique(groups)):,} groups of" if groups is not None else ""
        raise InputError(
            f"{flag} {share:g} cannot split {what}{' ' if what else ''}{len(rows):,} samples "
            f"({' '.join(str(error).split())}); choose another share"
        ) from None
    return (np.concatenate([stays, rows[lone]]) if lone.any() else stays), goes


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
