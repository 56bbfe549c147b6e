"""When to write: often enough to look at, at little cost, and in files that stay small however long a run is."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

MOST_POINTS = 2000  # of a curve in the time until now; four times as many after a day as after half an hour
FIRST_POINTS = 1000  # are all written, however fast they come
LEAST_SECONDS = 0.02  # between two records of a kind: a hundredth of a core
MOST_HISTOGRAMS = 500  # the same of each series of histograms; TensorBoard keeps as many
MOST_PICTURES = 40  # in the time until now; TensorBoard keeps ten
SHARE = 0.01  # of the time, for pictures


class Spaced:
    """True for the first ones, then when a share of the time since `began` has gone by: ever rarer."""

    def __init__(self, began: float, most: int, least: float = 0.0, first: int = 0) -> None:
        self._began, self._most, self._least, self._left = began, most, least, first
        self._last = -float("inf")

    def is_due(self, now: float) -> bool:
        """Asked with the time of each event; a yes counts as written."""
        self._left -= 1
        spacing = max(self._least, (now - self._began) / self._most)
        if self._left < 0 and 0 <= now - self._last < spacing:  # clocks are set back
            return False
        self._last = now
        return True


class Affordable:
    """Whether work that takes as long as it did before would stay within its share of the time."""

    def __init__(self, share: float = SHARE, clock: Callable[[], float] = time.monotonic) -> None:
        self._share, self._clock = share, clock
        self._began = clock()
        self._spent = self._longest = 0.0

    def is_so(self) -> bool:
        """The first time always: only then is known what it takes."""
        return self._spent + self._longest <= self._share * (self._clock() - self._began)

    @contextmanager
    def measured(self) -> Iterator[None]:
        """Around the work."""
        start = self._clock()
        yield
        took = self._clock() - start
        self._spent += took
        self._longest = max(0.5 * self._longest, took)
