"""Splitting by time: the latest rows are held back, and rows of one moment stay on one side."""

from __future__ import annotations

import math

import numpy as np

from tui_trainer.engine.data.opened import Opened
from tui_trainer.errors import InputError, printable
from tui_trainer.knobs import shown


def earliest_first(opened: Opened, name: str) -> np.ndarray:
    """Each row's moment as a number that grows with time, from a column of numbers, dates, or ISO 8601 text.

    Raises InputError where one is missing or cannot be put in order.
    """
    values = opened.column(name)
    if values.dtype.kind in "biu":  # float64 would not tell nanoseconds apart
        moments, missing = values, np.zeros(len(values), bool)
    elif values.dtype.kind == "f":
        moments = values.astype(np.float64)
        missing = ~np.isfinite(moments)
    elif values.dtype.kind in "mM":
        missing = np.isnat(values)
        moments = values.astype(np.int64)
    else:
        moments, missing = _of_text(opened, name, values)
    if missing.any():
        row = int(np.flatnonzero(missing)[0])
        raise InputError(
            f"{opened.place(row)}, column {shown(name)}: the time is missing ({int(missing.sum()):,} rows have none); "
            "fill it in, or leave those rows out"
        )
    return np.unique(moments, return_inverse=True)[1].astype(np.int64)


def _of_text(opened: Opened, name: str, values: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    texts = ["" if value is None or value != value else str(value).strip() for value in values]
    missing = np.array([not text for text in texts])
    moments = np.zeros(len(texts), np.int64 if not _are_numbers(texts) else np.float64)
    for row, text in enumerate(texts):
        if not text:
            continue
        try:
            moments[row] = float(text) if moments.dtype.kind == "f" else _microseconds(text)
        except (ValueError, OverflowError):
            raise InputError(
                f"{opened.place(row)}, column {shown(name)}: {printable(text)[:40]!r} cannot be put in order of time; "
                "expected numbers, or dates as in 2024-12-31 or 2024-12-31T18:30"
            ) from None
    return moments, missing


def _are_numbers(texts: list[str]) -> bool:
    """Whether all that is there is numbers; a year alone is one."""
    try:
        return all(math.isfinite(float(text)) for text in texts if text)
    except ValueError:
        return False


def _microseconds(text: str) -> int:
    from datetime import UTC, datetime

    moment = datetime.fromisoformat(text)
    whole = (moment if moment.tzinfo else moment.replace(tzinfo=UTC)) - datetime(1, 1, 1, tzinfo=UTC)
    return (whole.days * 86_400 + whole.seconds) * 1_000_000 + whole.microseconds


def latest_off(
    moments: np.ndarray, rows: np.ndarray, share: float, flag: str, notes: list[str]
) -> tuple[np.ndarray, np.ndarray]:
    """(what stays, the latest `share` of the rows), earliest first. Rows of one moment go the way of most of them."""
    ordered = rows[np.argsort(moments[rows], kind="stable")]
    times = moments[ordered]
    asked = math.ceil(share * len(rows))
    cut = len(rows) - asked
    first = int(np.searchsorted(times, times[cut], side="left")) if len(rows) else 0
    last = int(np.searchsorted(times, times[cut], side="right")) if len(rows) else 0
    places = [place for place in (first, last) if 0 < place < len(rows)]
    if not places:
        raise InputError(
            f"{flag} {share:g} cannot split {len(rows):,} rows by time: all are of one moment, or there are too few; "
            "split otherwise"
        )
    nearest = cut if first == cut > 0 else min(places, key=lambda place: abs(place - cut))
    if nearest != cut:
        got = (len(rows) - nearest) / len(rows)
        notes.append(f"{flag} {share:g} by time became {got:.3g}: {last - first:,} rows of one moment stay together")
    return ordered[:nearest], ordered[nearest:]
