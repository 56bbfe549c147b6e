"""Numbers and dates as inputs. A missing one takes the training rows' median, and an input of its own says so."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import TYPE_CHECKING, ClassVar, Self, cast

import numpy as np
import torch

from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.table.codes import Note, in_parts
from tui_trainer.engine.data.table.scale import Measure, Scale, within_float32

if TYPE_CHECKING:
    import polars as pl


@dataclass(frozen=True)
class NumberCode:
    """One input, and a second that is 1 where the number is missing, if the training rows miss some."""

    kind: ClassVar[str] = "number"

    name: str
    median: float
    missing: int  # of the training rows
    scale: Scale

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        indicator = [1] if self.missing else []
        return np.array([self.scale.shift] + [0] * len(indicator)), np.array([self.scale.spread, *indicator])

    @property
    def embedded(self) -> None:
        return None

    def write(self, values: pl.Series, out: np.ndarray) -> np.ndarray | None:
        numbers, is_missing = filled(values, self.median)
        out[:, 0] = self.scale.inputs(numbers)
        if is_missing is None or not self.missing:
            return is_missing
        out[:, 1] = is_missing
        return None

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        return _missing_notes(self.name, self.missing, surprises)

    def saved(self) -> Saved:
        facts = {"median": self.median, "missing": self.missing, "scale": self.scale.facts()}
        return Saved(facts, _quantile_tensors({"quantiles": self.scale}))

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        scale = Scale.of(saved.facts["scale"], _array(saved, "quantiles"))
        return cls(name, saved.facts["median"], saved.facts["missing"], scale)


def fit_number(values: pl.Series, measure: Measure) -> NumberCode | None:
    """From the training rows; None where they all hold the same, or nothing."""
    import polars as pl

    numbers = _numbers(values)
    there = np.isfinite(numbers)
    known = numbers if there.all() else numbers[there]
    if not len(known) or (len(known) == len(numbers) and known.min() == known.max()):
        return None
    known = within_float32(known)  # the mean of two of 1e308 is not finite
    median = float(cast(float, pl.Series(known).median()))  # five times as fast as numpy's
    if len(known) < len(numbers):
        numbers = np.where(there, numbers, median)
    return NumberCode(values.name, median, len(values) - len(known), measure(numbers))


def filled(values: pl.Series, fill: float) -> tuple[np.ndarray, np.ndarray | None]:
    """(float64 with `fill` where a value is missing, where that is, or None if nowhere)."""
    numbers = _numbers(values)
    there = np.isfinite(numbers)
    return (numbers, None) if there.all() else (np.where(there, numbers, fill), ~there)


def _numbers(values: pl.Series) -> np.ndarray:
    """float64 (n,), NaN where a value is missing."""
    import polars as pl

    numbers: np.ndarray = values.cast(pl.Float64).to_numpy()
    return numbers


DAY = 86_400_000_000  # microseconds
TURNS: dict[str, float] = {"month": 12, "weekday": 7, "hour": 24}
"""What comes back: {part of a date: its period}, each an angle, so that December lies beside January."""


@dataclass(frozen=True)
class DateCode:
    """Days since the first training date; the year; sine and cosine of month, weekday and hour (with its minutes).

    Of these, those that vary in the training rows. A missing date is the median one, and an input of its own says so.
    """

    kind: ClassVar[str] = "date"

    name: str
    first: int  # microseconds since 1970
    median: int
    missing: int  # of the training rows
    parts: tuple[str, ...]  # of "year" and TURNS
    scales: tuple[Scale, ...]  # of the days, and of the year where it is among the parts

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        rest = 2 * len([part for part in self.parts if part in TURNS]) + bool(self.missing)
        shifts, spreads = [scale.shift for scale in self.scales], [scale.spread for scale in self.scales]
        return np.array(shifts + [0] * rest), np.array(spreads + [1] * rest)

    @property
    def embedded(self) -> None:
        return None

    def write(self, values: pl.Series, out: np.ndarray) -> np.ndarray | None:
        dates = _dates(values)
        known = _filled(dates, self.median)
        numbers = [_days(known, self.first)] + ([_part(known, "year")] if "year" in self.parts else [])
        for place, (number, scale) in enumerate(zip(numbers, self.scales, strict=True)):
            out[:, place] = scale.inputs(number)
        place = len(numbers)
        for part in (part for part in self.parts if part in TURNS):
            angle = _part(known, part) * (2 * np.pi / TURNS[part])
            out[:, place], out[:, place + 1] = np.sin(angle), np.cos(angle)
            place += 2
        is_missing = dates.is_null().to_numpy() if dates.null_count() else None
        if is_missing is None or not self.missing:
            return is_missing
        out[:, place] = is_missing
        return None

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        return _missing_notes(self.name, self.missing, surprises)

    def saved(self) -> Saved:
        facts = {
            "first": self.first, "median": self.median, "missing": self.missing, "parts": list(self.parts),
            "scales": [scale.facts() for scale in self.scales],
        }  # fmt: skip
        return Saved(facts, _quantile_tensors({f"quantiles.{n}": scale for n, scale in enumerate(self.scales)}))

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        facts = saved.facts
        scales = (Scale.of(scale, _array(saved, f"quantiles.{n}")) for n, scale in enumerate(facts["scales"]))
        return cls(name, facts["first"], facts["median"], facts["missing"], tuple(facts["parts"]), tuple(scales))


def fit_date(values: pl.Series, measure: Measure) -> DateCode | None:
    """From the training rows; None where they all hold the same, or nothing."""
    dates = _dates(values)
    known = dates.drop_nulls()
    if not len(known) or (len(known) == len(dates) and known.min() == known.max()):
        return None
    stamps = known.to_physical().to_numpy()
    first, median = int(stamps.min()), int(np.median(stamps))
    whole = _filled(dates, median)
    varying = []
    for part in ("year", *TURNS):
        numbers = _part(whole, part)
        if numbers.min() < numbers.max():
            varying.append(part)
    scales = [measure(_days(whole, first))] + ([measure(_part(whole, "year"))] if "year" in varying else [])
    return DateCode(values.name, first, median, len(dates) - len(known), tuple(varying), tuple(scales))


def _dates(values: pl.Series) -> pl.Series:
    """In microseconds."""
    import polars as pl

    return values.cast(pl.Datetime("us"))


def _filled(dates: pl.Series, fill: int) -> pl.Series:
    return dates.to_physical().fill_null(fill).cast(dates.dtype)


def _days(dates: pl.Series, first: int) -> np.ndarray:
    days: np.ndarray = (dates.to_physical().to_numpy() - first) / DAY
    return days


def _part(dates: pl.Series, part: str) -> np.ndarray:
    """float64 (n,): the year, the month from 0, the weekday from 0 (Monday), or the hour with its minutes."""
    import polars as pl

    if part == "hour":
        numbers = dates.dt.hour().cast(pl.Float64) + dates.dt.minute().cast(pl.Float64) / 60
    else:
        numbers = getattr(dates.dt, part)().cast(pl.Float64) - (part != "year")
    as_array: np.ndarray = numbers.to_numpy()
    return as_array


def _missing_notes(name: str, missing: int, surprises: dict[str, int]) -> Iterable[Note]:
    if missing:
        yield (
            "missing values became the median of the column's training rows, and an input of its own says where",
            f"{name} ({missing:,} training rows)",
        )
    if where := in_parts(surprises):
        yield "missing in no training row, but in others, where the training median stands now", f"{name} ({where})"


def _quantile_tensors(scales: dict[str, Scale]) -> dict[str, torch.Tensor]:
    return {name: torch.from_numpy(scale.quantiles) for name, scale in scales.items() if scale.quantiles is not None}


def _array(saved: Saved, name: str) -> np.ndarray | None:
    tensor = saved.tensors.get(name)
    return None if tensor is None else tensor.numpy()
