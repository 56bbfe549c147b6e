"""What a net's outputs mean: classes and probabilities, labels, or values in original units, as columns."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

import torch
from torch import Tensor

from tui_trainer.data_sets import Task

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class Meaning:
    """Of each output. `names` are classes, labels or columns of values; of values there may be none."""

    task: Task
    names: tuple[str, ...]
    outputs: int
    is_binary: bool = False
    are_probabilities: bool = False  # the net learned by the squared error from one-hot targets: no logits
    shift: Tensor | None = None  # (1,) or (outputs,) float32, as `Scaling.target_shift`
    spread: Tensor | None = None

    def columns(self, first: Literal["row", "file"]) -> list[str]:
        """The names of a prediction's columns; one that stands there already gets a number."""
        names = list(self.names) or ["value"]
        if self.task == "classes":
            wanted = [first, "class", *(f"p_{name}" for name in names)]
        elif self.task == "labels":
            wanted = [first, *names, *(f"p_{name}" for name in names)]
        else:
            several = [f"value_{number}" for number in range(1, self.outputs + 1)]
            wanted = [first, *(names if len(names) == self.outputs else several)]
        return _distinct(wanted)

    def frame(self, rows: list[str], outputs: Tensor, first: Literal["row", "file"]) -> pl.DataFrame:
        """(n, outputs) on the host as n rows: float32 probabilities, float64 values."""
        import polars as pl  # 100 ms that a training need not wait for

        head = pl.Series(rows, dtype=pl.String)
        series = [head.cast(pl.Int64) if first == "row" else head]
        if self.task == "classes":
            chosen, shares = self.chances(outputs)
            series.append(pl.Series(list(self.names), dtype=pl.String).gather(chosen.numpy()))
            series += [pl.Series(column.numpy()) for column in shares.T.contiguous()]
        elif self.task == "labels":
            series += [pl.Series(column.numpy()) for column in (outputs > 0).to(torch.uint8).T.contiguous()]
            series += [pl.Series(column.numpy()) for column in outputs.sigmoid().T.contiguous()]
        else:
            series += [pl.Series(column.numpy()) for column in self.values(outputs).T.contiguous()]
        return pl.DataFrame([column.alias(name) for column, name in zip(series, self.columns(first), strict=True)])

    def chances(self, outputs: Tensor) -> tuple[Tensor, Tensor]:
        """(classes (n,) int64, probabilities (n, classes) float32)."""
        if self.is_binary:
            second = outputs[:, 0].sigmoid()
            return (outputs[:, 0] > 0).long(), torch.stack((1 - second, second), 1)
        if self.are_probabilities:
            shares = outputs.clamp(1e-12, 1.0)  # of one type: of two torch.onnx makes what it cannot run
            return outputs.argmax(1), shares / shares.sum(1, keepdim=True)
        return outputs.argmax(1), outputs.softmax(1)

    def values(self, outputs: Tensor) -> Tensor:
        """(n, outputs) float64 in original units."""
        assert self.shift is not None and self.spread is not None  # noqa: S101, PT018  # values have a scale
        return outputs.double() * self.spread.double() + self.shift.double()


def _distinct(wanted: list[str]) -> list[str]:
    names: list[str] = []
    for name in wanted:
        number, free = 1, name
        while free in names:
            number += 1
            free = f"{name}_{number}"
        names.append(free)
    return names
