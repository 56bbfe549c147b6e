"""Small data sets of each task, built in memory."""

from __future__ import annotations

from typing import Any

import numpy as np
import torch
from sklearn import datasets

from tests.engine.small import CPU
from tui_trainer.data_sets import Task
from tui_trainer.engine.data.dataset import DataSet, Samples, Scaling
from tui_trainer.engine.data.targets import for_loss, target_scaling
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.session import Session
from tui_trainer.knobs import build

ROWS = {"train": slice(0, 240), "validation": slice(240, 320), "test": slice(320, 400)}
EMBEDDED = ((5, 3), (60, 8), (3, 50))


def arrays(task: str, seed: int = 0) -> tuple[np.ndarray, np.ndarray]:
    """400 rows: `classes` (3, one of them rare), `binary`, `labels` (4), `values` (1) or `several` (2 values)."""
    match task:
        case "labels":
            x, y = datasets.make_multilabel_classification(400, 12, n_classes=4, random_state=seed)
            return x, y.astype(np.float32)
        case "values" | "several":
            count = 1 if task == "values" else 2
            x, y = datasets.make_regression(400, 8, n_targets=count, noise=20.0, random_state=seed)
            return x, y.reshape(400, count).astype(np.float32) + 300
    classes, weights = (2, [0.8]) if task == "binary" else (3, [0.6, 0.3])
    x, y = datasets.make_classification(
        400, 12, n_informative=6, n_classes=classes, weights=weights, flip_y=0.05, random_state=seed
    )
    return x, y.astype(np.int64)


def table(task: str, *, embedded: bool = False, **values: Any) -> tuple[DataSet, Any]:
    """(data set, config) under these settings; with `embedded`, three columns of categories behind the others."""
    config = build({"epochs": 3, "data": "table.csv", "batch_size": 32, **values})
    x, y = arrays(task)
    kind: Task = {"binary": "classes", "several": "values"}.get(task, task)  # type: ignore[assignment]
    inputs = torch.from_numpy(x).float()
    if embedded:
        random = np.random.default_rng(3)
        numbers = np.stack([random.integers(1, categories, 400) for categories, _ in EMBEDDED], 1)
        numbers[ROWS["test"].start :, 0] = 0  # not seen in training
        inputs = torch.cat([inputs, torch.from_numpy(numbers).float()], 1)
    samples = {name: Samples(inputs[rows], torch.from_numpy(y)[rows]) for name, rows in ROWS.items()}
    plain = samples["train"].inputs[:, : x.shape[1]]
    shift, spread = plain.mean(0), plain.std(0)
    if embedded:
        more = torch.ones(len(EMBEDDED))
        shift, spread = torch.cat([shift, 0 * more]), torch.cat([spread, more])
    names = tuple(f"kind {n}" for n in range(y.max() + 1)) if kind == "classes" else ()
    data = DataSet(
        name="table.csv",
        task=kind,
        train=samples["train"],
        validation=samples["validation"],
        test=samples["test"],
        class_names=tuple(f"label {n}" for n in range(y.shape[1])) if kind == "labels" else names,
        scaling=Scaling(shift, spread, *target_scaling(config.data, kind, samples["train"].targets)),
        embedded=EMBEDDED if embedded else (),
    )
    return for_loss(data, config), config


def session_of(task: str, *, embedded: bool = False, group: Group = ALONE, **values: Any) -> Session:
    """A session on one CPU thread."""
    torch.set_num_threads(1)
    data, config = table(task, embedded=embedded, **values)
    return Session(config, data, CPU, group)
