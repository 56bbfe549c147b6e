"""A measured figure beside its baseline and its limits: what `bench` and `bench --ui` say must hold."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal


@dataclass(frozen=True)
class Limit:
    """What a figure should hold."""

    of: Literal["value", "ratio"]
    is_most: bool  # otherwise the least
    bound: float


def at_most(of: Literal["value", "ratio"], bound: float) -> Limit:
    """An upper limit."""
    return Limit(of, True, bound)


def at_least(of: Literal["value", "ratio"], bound: float) -> Limit:
    """A lower limit."""
    return Limit(of, False, bound)


@dataclass(frozen=True)
class Figure:
    """One measurement. It holds when any of its limits does."""

    name: str
    unit: str
    value: float
    baseline: float | None  # in the same unit
    baseline_is: str
    ratio: float | None
    limits: tuple[Limit, ...]

    @property
    def holds(self) -> bool:
        """Whether it is within the limits."""
        return any(self._is_within(limit) for limit in self.limits)

    def _is_within(self, limit: Limit) -> bool:
        measured = self.value if limit.of == "value" else self.ratio
        if measured is None:
            return False
        return measured <= limit.bound if limit.is_most else measured >= limit.bound

    def as_dict(self) -> dict[str, Any]:
        """For JSON and the table."""
        return {**asdict(self), "limits": [asdict(limit) for limit in self.limits], "holds": self.holds}
