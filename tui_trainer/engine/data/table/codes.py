"""What every kind of column has in common once it is fitted: so many inputs, and a way to write them."""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING, ClassVar, Protocol, Self

import numpy as np

from tui_trainer.engine.data.encoding import Saved
from tui_trainer.errors import listed

if TYPE_CHECKING:
    import polars as pl


Note = tuple[str, str]  # what was done, and to what: the columns with the same fate share a sentence


class Code(Protocol):
    """A column as the training rows showed it."""

    kind: ClassVar[str]

    @property
    def name(self) -> str:
        """The column's."""

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        """(shift, spread), each (inputs,): what the net subtracts and divides by."""

    @property
    def embedded(self) -> tuple[int, int] | None:
        """(numbers of categories with 0, size of a vector), where the only input is a category's number."""

    def write(self, values: pl.Series, out: np.ndarray) -> np.ndarray | None:
        """Write the inputs of rows into `out` (n, inputs), float32 and all 0.

        Returns which of the rows, (n,) bool, hold what the training rows did not: an unseen category, or a missing
        number where none was missing. None: no row does.
        """

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        """What became of the column; with {part: rows that `write` found surprising}."""

    def saved(self) -> Saved:
        """All that `restored` needs."""

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        """The same code again."""


def unscaled(inputs: int) -> tuple[np.ndarray, np.ndarray]:
    """A scaling that leaves so many inputs as they are."""
    return np.zeros(inputs), np.ones(inputs)


def sentences(notes: Iterable[Note]) -> list[str]:
    """`left out (as asked): name; street and 3 more`."""
    subjects: dict[str, list[str]] = {}
    for fate, subject in notes:
        subjects.setdefault(fate, []).append(subject)
    return [f"{fate}: {listed(of_it, mark='; ')}" for fate, of_it in subjects.items()]


def in_parts(counts: dict[str, int]) -> str:
    """`3 in test`, of those parts that have any; empty where none has."""
    return ", ".join(f"{count:,} in {part}" for part, count in counts.items() if count)
