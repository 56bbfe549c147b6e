"""Which rows are trained, validated and tested on."""

from __future__ import annotations

import numpy as np

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.opened import Opened, Part, Parts
from tui_trainer.errors import InputError

TEST_SPLIT_SEED = 0  # not the run's: runs with other seeds are tested on the same samples


def split_rows(opened: Opened, config: RunConfig) -> Parts:
    """Row numbers of train, test and, where there is one, validation: disjoint. Raises InputError."""
    parts: dict[Part, np.ndarray] = dict(opened.given)
    rows = np.setdiff1d(np.arange(len(opened.targets)), np.concatenate([[], *parts.values()]))
    if "train" not in parts:
        parts["train"] = rows.astype(np.int64)
    if "test" not in parts:
        parts["train"], parts["test"] = share_off(
            opened, parts["train"], config.data.test_share, TEST_SPLIT_SEED, "--test-share"
        )
    if "validation" not in parts and config.data.validation:
        parts["train"], parts["validation"] = share_off(
            opened, parts["train"], config.data.validation, config.training.seed, "--validation"
        )
    return parts


def share_off(opened: Opened, rows: np.ndarray, share: float, seed: int, flag: str) -> tuple[np.ndarray, np.ndarray]:
    """(what stays, what was split off): seeded, and stratified where there are classes."""
    from sklearn.model_selection import train_test_split  # 1 s that a run without a split need not wait for

    strata = opened.targets.numpy()[rows] if opened.task == "classes" else None
    try:
        stays, goes = train_test_split(rows, test_size=share, random_state=seed % 2**32, stratify=strata)
    except ValueError as error:
        raise InputError(
            f"{flag} {share:g} cannot split {len(rows):,} samples ({' '.join(str(error).split())}); "
            "choose another share"
        ) from None
    return stays, goes
