"""Trained runs that can predict, whose inputs are plain numbers of a CSV file."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any, ClassVar, Self

import torch
from torch import Tensor

from tests.engine.small import CPU, run, the_end
from tui_trainer.engine.data import load
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.data.encoding import NewRows, Saved
from tui_trainer.engine.predict import Predicted, predict
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import RunEnded
from tui_trainer.knobs import build
from tui_trainer.predict_plan import BATCH_SIZE, FORMS, Choice, PredictPlan
from tui_trainer.run_dir import RunDir


class Numbers:
    """An encoding that changes nothing: a column of a CSV file is a feature. Counts zeros."""

    kind: ClassVar[str] = "test_numbers"

    def __init__(self, columns: list[str]) -> None:
        self._columns = columns
        self._zeros = 0

    def saved(self) -> Saved:
        return Saved({"columns": self._columns}, {"count": torch.tensor([len(self._columns)])})

    @classmethod
    def restored(cls, saved: Saved) -> Self:
        if int(saved.tensors["count"]) != len(saved.facts["columns"]):
            raise ValueError("more or fewer columns")
        return cls(saved.facts["columns"])

    def batches(self, path: Path | None, size: int) -> Iterator[NewRows]:
        stream = path.open(newline="") if path else sys.stdin
        with stream:
            rows = csv.DictReader(stream)
            if missing := [name for name in self._columns if name not in (rows.fieldnames or [])]:
                raise InputError(f"{path or 'standard input'}: no column {missing[0]!r}")
            values: list[list[float]] = []
            for number, row in enumerate(rows, 1):
                values.append([float(row[name]) for name in self._columns])
                if len(values) == size:
                    yield self._batch(values, number)
                    values = []
            if values:
                yield self._batch(values, number)

    def _batch(self, values: list[list[float]], last: int) -> NewRows:
        inputs = torch.tensor(values, dtype=torch.float32)
        self._zeros += int((inputs == 0).any(1).sum())
        return NewRows(inputs, [str(number) for number in range(last - len(values) + 1, last + 1)])

    def notes(self) -> tuple[str, ...]:
        return (f"{self._zeros} rows have a zero",) if self._zeros else ()


def trained(folder: Path, **values: Any) -> tuple[RunDir, DataSet, RunEnded]:
    """A run in a folder, the data it was trained on, and its last words."""
    torch.set_num_threads(1)
    config = build({"epochs": 3, **values})
    data = load(config)
    data = replace(data, encoding=Numbers([f"x{number}" for number in range(data.inputs)]))
    folder.mkdir(parents=True)
    session = Session(config, data, CPU)
    return RunDir(folder), data, the_end(run(session, folder / "checkpoints"))


def trained_iris(folder: Path) -> Path:
    """A run of iris with every kind of layer; `rows.csv` beside it has the test rows."""
    run, data, _ = trained(folder / "run", data="iris", epochs=5, normalization="batch", dropout=0.3)
    write_rows(folder / "rows.csv", data.test.inputs)
    return run.path


def write_rows(path: Path, inputs: Tensor) -> Path:
    """Inputs as the CSV that `Numbers` reads, every bit of a float32 kept."""
    with path.open("w", newline="") as file:
        table = csv.writer(file)
        table.writerow([f"x{number}" for number in range(inputs.shape[1])])
        table.writerows(inputs.tolist())
    return path


def plan(
    path: Path | None, out: Path | None, *, weights: Choice | None = None, batch_size: int = BATCH_SIZE
) -> PredictPlan:
    """A request for the CPU."""
    return PredictPlan(path, out, FORMS[out.suffix] if out else "csv", weights, "cpu", batch_size)


def predicted(of: RunDir, asked: PredictPlan) -> list[Predicted]:
    """All that is said on the way, to the end."""
    return list(predict(of, asked, sys.stdout.buffer))
