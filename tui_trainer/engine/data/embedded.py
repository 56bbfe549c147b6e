"""scikit-learn's embedded data sets: real, small, offline."""

from __future__ import annotations

import numpy as np
import torch

from tui_trainer.engine.data.dataset import Samples, Source

NAMES = ("digits", "iris", "wine", "breast_cancer", "diabetes")


def read(name: str) -> Source:
    """One of NAMES; none of them has a test split of its own."""
    from sklearn import datasets  # 1 s that other sources need not wait for

    bunch = getattr(datasets, f"load_{name}")()
    if name == "digits":  # whole numbers 0..16
        inputs = torch.from_numpy(bunch.data.astype(np.uint8))
        return Source("classes", Samples(inputs, _classes(bunch)), None, _names(bunch), full_scale=16, channels=1)
    inputs = torch.from_numpy(bunch.data.astype(np.float32))
    if name == "diabetes":
        values = torch.from_numpy(bunch.target.astype(np.float32))[:, None]
        return Source("values", Samples(inputs, values), None, ())
    return Source("classes", Samples(inputs, _classes(bunch)), None, _names(bunch))


def _classes(bunch: dict[str, np.ndarray]) -> torch.Tensor:
    return torch.from_numpy(bunch["target"].astype(np.int64))


def _names(bunch: dict[str, np.ndarray]) -> tuple[str, ...]:
    return tuple(str(name) for name in bunch["target_names"])
