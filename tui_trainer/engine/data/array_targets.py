"""What an array of targets means: classes, values or labels."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor

from tui_trainer.data_sets import Task
from tui_trainer.engine.data.integer_classes import are_classes
from tui_trainer.errors import InputError


@dataclass(frozen=True)
class Targets:
    """As in `Opened`."""

    task: Task
    values: Tensor
    class_names: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()


def understood(raw: np.ndarray, asked: str, where: str, place: Callable[[int], str]) -> Targets:
    """`asked` is `--task`, `where` the array, `place` a row of it. Raises InputError naming either."""
    columns = raw.reshape(len(raw), -1)
    is_text = raw.dtype.kind in "US"
    if not is_text and (bad := np.flatnonzero(~np.isfinite(columns).all(axis=1))).size:
        raise InputError(
            f"{place(int(bad[0]))}: the target is infinite or no number, as in {len(bad):,} of {len(raw):,} rows; "
            "leave these rows out"
        )
    if raw.ndim > 2:
        raise InputError(f"{where}: targets of {raw.ndim} dimensions; expected one a row, or a row of them")
    task, notes = (asked, ()) if asked != "auto" else _task(columns, is_text, where)
    if is_text and task != "classes":
        raise InputError(f"{where}: --task {task} needs numbers, and the targets are strings; use --task classes")
    if task == "values":
        return Targets("values", _values(columns, where, place), (), notes)
    if task == "labels":
        return _labels(columns, place)
    return _classes(columns, notes, where)


def _task(columns: np.ndarray, is_text: bool, where: str) -> tuple[Task, tuple[str, ...]]:
    if columns.shape[1] > 1 and not is_text and np.isin(columns, (0, 1)).all():
        if (columns.sum(axis=1) == 1).all():
            return "classes", (f"{where}: each row holds a single 1, so that its place is the class",)
        return "labels", ()
    if is_text or columns.dtype.kind == "b":
        return "classes", ()
    if columns.dtype.kind == "f" or columns.shape[1] > 1:
        return "values", ()
    if not are_classes(columns[:, 0]):
        different = len(np.unique(columns))
        return "values", (
            f"{where}: {different:,} different integers in {len(columns):,} rows are taken as values; "
            "--task classes takes each as a class",
        )
    return "classes", ()


def _values(columns: np.ndarray, where: str, place: Callable[[int], str]) -> Tensor:
    with np.errstate(over="ignore"):  # what float32 cannot hold becomes infinite, and is refused below
        values = columns.astype(np.float32)
    if (beyond := np.argwhere(~np.isfinite(values))).size:
        row, column = beyond[0]
        raise InputError(f"{place(int(row))}: the target {columns[row, column]} is too large for float32; scale it")
    if len(values) > 1 and (same := np.flatnonzero(values.min(axis=0) == values.max(axis=0))).size:
        which = f"column {int(same[0]) + 1:,} of the targets" if values.shape[1] > 1 else "the target"
        raise InputError(
            f"{where}: {which} is {values[0, same[0]]:g} in all {len(values):,} rows; there is nothing to predict"
        )
    return torch.from_numpy(values)


def _labels(columns: np.ndarray, place: Callable[[int], str]) -> Targets:
    wrong = np.argwhere(~np.isin(columns, (0, 1)))
    if len(wrong):
        row, column = wrong[0]
        raise InputError(
            f"{place(int(row))}: {columns[row, column]} where labels are 0 or 1; correct it, or use another --task"
        )
    names = tuple(str(number) for number in range(columns.shape[1]))
    return Targets("labels", torch.from_numpy(columns.astype(np.float32)), names)


def _classes(columns: np.ndarray, notes: tuple[str, ...], where: str) -> Targets:
    if columns.shape[1] > 1:
        is_one_hot = columns.dtype.kind not in "US" and np.isin(columns, (0, 1)).all()
        if not is_one_hot or not (columns.sum(axis=1) == 1).all():
            raise InputError(
                f"{where}: {columns.shape[1]} numbers a row where a class is one (or a single 1 among 0); "
                "use --task values or labels"
            )
        names = tuple(str(number) for number in range(columns.shape[1]))
        return Targets("classes", torch.from_numpy(columns.argmax(axis=1).astype(np.int64)), names, notes)
    different, numbers = np.unique(columns[:, 0], return_inverse=True)
    if len(different) < 2:
        raise InputError(f"{where}: only one class, {_name(different[0])!r}; there is nothing to tell apart")
    return Targets("classes", torch.from_numpy(numbers.astype(np.int64)), tuple(map(_name, different)), notes)


def _name(value: np.generic) -> str:
    if isinstance(value, np.bytes_):
        return bytes(value).decode("utf-8", "replace")
    if isinstance(value, np.floating) and float(value).is_integer():
        return str(int(value))
    return str(value)
