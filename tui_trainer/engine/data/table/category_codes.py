"""Categories as an input each, or as one number by which the net looks a learned vector up."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.table.codes import Note, in_parts, unscaled
from tui_trainer.errors import listed

if TYPE_CHECKING:
    import polars as pl

UNSEEN = -1
UNKNOWN = "categories that no training row holds"


@dataclass(frozen=True)
class CategoryCode:
    """Categories in the order of their names, then the missing ones, then the rare ones that share an input.

    A category that no training row holds is a rare one, where there are any; otherwise all inputs are 0, or the
    number is 0. With a vector size, the one input is the category's number, counted from 1.
    """

    kind: ClassVar[str] = "category"

    name: str
    kept: tuple[str, ...]
    has_missing: bool
    has_rare: bool
    size: int  # of the learned vector; 0 is one-hot
    rare: Mapping[str, int] = field(default_factory=dict)  # {name: training rows}, where it was fitted just now
    reason: str = ""  # why those are rare

    @property
    def count(self) -> int:
        """Categories, with the missing and the rare."""
        return len(self.kept) + self.has_missing + self.has_rare

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        return unscaled(1 if self.size else self.count)

    @property
    def embedded(self) -> tuple[int, int] | None:
        return (self.count + 1, self.size) if self.size else None

    def write(self, values: pl.Series, out: np.ndarray) -> np.ndarray | None:
        numbers = self._numbers(values)
        unseen = numbers == UNSEEN
        surprising = None
        if unseen.any():
            surprising = unseen & ~values.is_in(list(self.rare)).fill_null(False).to_numpy() if self.rare else unseen
            if self.has_rare:
                numbers = np.where(unseen, self.count - 1, numbers)
        if self.size:
            out[:, 0] = numbers + 1
        else:
            rows = np.flatnonzero(numbers != UNSEEN)
            out[rows, numbers[rows]] = 1
        return surprising

    def _numbers(self, values: pl.Series) -> np.ndarray:
        import polars as pl

        places = range(len(self.kept))
        numbers = values.replace_strict(list(self.kept), list(places), default=UNSEEN, return_dtype=pl.Int32).to_numpy()
        if self.has_missing and values.null_count():
            return np.where(values.is_null().to_numpy(), len(self.kept), numbers)
        return np.asarray(numbers)

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        if self.rare:
            rows = sum(self.rare.values())
            yield (
                f"rare categories share one ({self.reason})",
                f"{self.name} ({len(self.rare):,} of {rows:,} training rows: {listed(map(_short, self.rare))})",
            )
        if where := in_parts(surprises):
            fate = "count as rare" if self.has_rare else "share a vector" if self.size else "have inputs of 0"
            # Which ones were rare, a checkpoint does not keep: there may be many.
            which = "rare or unseen categories" if self.has_rare and not self.rare else UNKNOWN
            yield f"rows of {which} {fate}", f"{self.name} ({where})"

    def saved(self) -> Saved:
        return Saved(
            {
                "kept": list(self.kept),
                "has_missing": self.has_missing,
                "has_rare": self.has_rare,
                "size": self.size,
            }
        )

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        facts = saved.facts
        return cls(name, tuple(facts["kept"]), facts["has_missing"], facts["has_rare"], facts["size"])


def fit_category(values: pl.Series, config: RunConfig) -> CategoryCode | None:
    """From the training rows; None where they all hold the same, or nothing."""
    table = config.table
    found = values.rename("word").value_counts(name="rows")
    counts: dict[str | None, int] = dict(zip(found["word"], found["rows"], strict=True))
    if len(counts) < 2:
        return None
    has_missing = counts.pop(None, 0) > 0
    by_rows = sorted(((word, rows) for word, rows in counts.items() if word is not None), key=lambda w: (-w[1], w[0]))
    often = [word for word, rows in by_rows if rows >= table.rare_below]
    kept = tuple(sorted(often[: table.most_categories]))
    rare = dict(by_rows[len(kept) :])
    limits = [f"fewer rows than --rare-below {table.rare_below:,}"] if len(often) < len(by_rows) else []
    limits += [f"beyond --most-categories {table.most_categories:,}"] if len(kept) < len(often) else []
    count = len(kept) + has_missing + bool(rare)
    size = (table.embedding_size or min(50, (count + 1) // 2)) if table.categories == "embedding" else 0
    return CategoryCode(values.name, kept, has_missing, bool(rare), size, rare, " or ".join(limits))


def _short(word: str) -> str:
    return word if len(word) <= 40 else word[:37] + "..."
