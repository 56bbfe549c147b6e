"""Whether a target of integers names classes or is a number to predict: one rule for tables and arrays."""

from __future__ import annotations

import numpy as np

MOST_INTEGER_CLASSES = 20  # so many different integers are classes whatever they are
ROWS_EACH = 10  # of more classes: a count's or an age's rare values have fewer


def are_classes(values: np.ndarray) -> bool:
    """Of integers (n,), none missing: at most 20 different, or the numbers 0 to k - 1 with at least ten rows each.

    The second is how other tools number classes (26 letters, 100 kinds); measured numbers have gaps, other starts, or
    tails of few rows.
    """
    different, counts = np.unique(values, return_counts=True)
    if len(different) <= MOST_INTEGER_CLASSES:
        return True
    is_numbered = int(different[0]) == 0 and int(different[-1]) == len(different) - 1
    return is_numbered and int(counts.min()) >= ROWS_EACH
