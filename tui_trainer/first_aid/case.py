"""What a rule of first aid is told beside events, and what it answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from tui_trainer.config import RunConfig
from tui_trainer.data_sets import Task
from tui_trainer.events import Event
from tui_trainer.inside_events import AlertKind, Remedy


@dataclass(frozen=True)
class Case:
    """The run: its settings as they are now, and what it is about."""

    config: RunConfig
    task: Task = "classes"
    outputs: int = 10
    is_tested: bool = False  # the val_ figures are measured on the test split

    @property
    def split(self) -> str:
        """What the val_ figures are measured on, in words."""
        return "the test split (there is no validation split)" if self.is_tested else "the validation split"

    @property
    def guess(self) -> float | None:
        """The loss of an answer that does not look at the inputs, where it is known: what training has to beat."""
        loss, name = self.config.loss, self.config.loss.name
        if loss.class_weights != "none":
            return None
        if self.task == "values":
            is_scaled = self.config.data.target_scaling == "standard"
            return 1.0 if is_scaled and name in ("auto", "mse") else None
        if self.task == "labels" or name == "binary_cross_entropy":
            return math.log(2)
        return math.log(max(2, self.outputs)) if name in ("auto", "cross_entropy") else None


@dataclass(frozen=True)
class Symptom:
    """Something looks wrong. Up to `good_until` (an optimizer step) all was well; None where it does not matter."""

    cause: str
    evidence: str
    remedies: tuple[Remedy, ...]
    good_until: int | None = None


Verdict = Symptom | Literal["fine"] | None
"""None: this event says nothing about it."""


class Rule(ABC):
    """Watches for one kind of trouble, from step `since` on: up to there all is taken to be well."""

    kind: ClassVar[AlertKind]

    def __init__(self, since: int = 0) -> None:
        self.good_until = since

    @abstractmethod
    def hear(self, event: Event, case: Case) -> Verdict:
        """What one more event says."""


def times(now: float, before: float) -> str:
    """`3.2 times`, `40 times`, `1.2e+09 times`, of one number beside another."""
    if not before:
        return "many times"
    factor = now / before
    return f"{factor:,.0f} times" if 100 <= factor < 1e6 else f"{factor:.2g} times"
