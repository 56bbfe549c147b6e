"""A source whose rows are made in the test: what splitting needs of one, and nothing to train on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor

from tui_trainer.data_sets import Task
from tui_trainer.engine.data.opened import Encoded, Parts
from tui_trainer.engine.data.splitting import split_rows
from tui_trainer.errors import InputError
from tui_trainer.knobs import build


@dataclass(frozen=True)
class Rows:
    """An `Opened`. Targets default to values; whole numbers are classes named a, b, c ..."""

    targets: Tensor
    task: Task = "values"
    columns: Mapping[str, Any] = field(default_factory=dict)
    given: Parts = field(default_factory=dict)
    files: Sequence[str] = ()
    notes: tuple[str, ...] = ()
    target_names: tuple[str, ...] = ()

    @property
    def class_names(self) -> tuple[str, ...]:
        """One letter each."""
        return (
            tuple(chr(97 + number) for number in range(int(self.targets.max()) + 1)) if self.task == "classes" else ()
        )

    def column(self, name: str) -> np.ndarray:
        """As it was made."""
        if name not in self.columns:
            raise InputError(f"rows.csv has no column {name!r}")
        values = self.columns[name]
        return values if isinstance(values, np.ndarray) else np.array(values, dtype=object)

    def file_names(self) -> list[str]:
        """As they were made."""
        if not self.files:
            raise InputError("rows.csv: rows are not files")
        return list(self.files)

    def place(self, row: int) -> str:
        """Counted from 1."""
        return f"rows.csv, row {row + 1}"

    def encode(self, parts: Parts) -> Encoded:
        """Nothing here needs it."""
        raise NotImplementedError


def values(count: int, **more: Any) -> Rows:
    """Rows with a value each."""
    return Rows(torch.arange(count, dtype=torch.float32)[:, None], **more)


def classes(numbers: Sequence[int] | np.ndarray, **more: Any) -> Rows:
    """Rows with a class each."""
    return Rows(torch.as_tensor(np.asarray(numbers), dtype=torch.int64), "classes", **more)


def asking(**knobs: Any) -> Any:
    """A config for a file of one's own."""
    return build({"data": "./rows.csv", **knobs})


def parts_of(rows: Rows, **knobs: Any) -> Parts:
    """The split of a config with these knobs."""
    return split_rows(rows, asking(**knobs))[0]


def listed(parts: Parts) -> dict[str, list[int]]:
    """In order, as lists."""
    return {part: sorted(rows.tolist()) for part, rows in parts.items()}


def write(name: str, *lines: object) -> str:
    """A file with these lines; returns its path."""
    Path(name).write_text("".join(f"{line}\n" for line in lines))
    return f"./{name}"
