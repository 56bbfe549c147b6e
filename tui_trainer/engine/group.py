"""The processes that train one net together: each takes its share of every batch, all end a step with equal weights.

Everything that decides the run is the same in all of them: weights, optimizer, random state, order, records. What only
the first can know (the clock, people's commands) it tells the others.
"""

from __future__ import annotations

from typing import Any, TypeVar

from torch import Tensor

T = TypeVar("T")


class Group:
    """One process alone. `engine/ranks.py` has the group of several."""

    rank = 0
    size = 1

    @property
    def is_first(self) -> bool:
        """Whether this process writes the run's folder and speaks for the group."""
        return self.rank == 0

    def share(self, samples: int) -> slice:
        """This process's samples of a batch: shares differ by one sample at most, and may be empty."""
        small, more = divmod(samples, self.size)
        start = self.rank * small + min(self.rank, more)
        return slice(start, start + small + (self.rank < more))

    def add_up(self, tensor: Tensor) -> None:
        """Replace a tensor by its sum over the group."""

    def agreed(self, value: T) -> T:
        """The first process's value: anything that pickles."""
        return value

    def facts(self) -> list[dict[str, Any]]:
        """Device and host of each process."""
        return []


ALONE = Group()
