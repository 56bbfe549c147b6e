"""What is taken off a feature in float64, where float32's 7 digits would no longer tell its values apart."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np

LOST_DIGITS = 1000.0  # mean / deviation, as for the columns of a table
EXACT = ("float16", "float32", "bool", "int8", "uint8", "int16", "uint16")  # types that float32 holds in full


def offsets(pieces: Iterable[np.ndarray], features: int) -> np.ndarray | None:
    """Float64 (features,) from pieces (n, ...) of the training rows, 0 where none is needed; None where nowhere is.

    One pass, around the first row, so that large numbers do not cancel each other's digits.
    """
    pivot, rows = None, 0
    sums, squares = np.zeros(features), np.zeros(features)
    with np.errstate(all="ignore"):  # what is no number is refused by its row later
        for piece in pieces:
            if not len(piece) or piece.dtype.kind not in "biuf":
                continue
            values = piece.reshape(len(piece), -1).astype(np.float64)
            pivot = values[0].copy() if pivot is None else pivot
            values -= pivot
            rows += len(values)
            sums += values.sum(axis=0)
            squares += (values**2).sum(axis=0)
        if pivot is None:
            return None
        mean = sums / rows
        deviation = np.sqrt(np.maximum(squares / rows - mean**2, 0))
        found = np.where(np.abs(pivot + mean) > LOST_DIGITS * deviation, pivot + mean, 0.0)
    return found if found.any() else None
