"""What a rule of first aid is told beside events, and what it answers."""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from dataclasses import dataclass
from typing import ClassVar, Literal

from tui_trainer.config import RunConfig
from tui_trainer.data_sets import Task
from tui_trainer.events import EpochEnded, Event
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


class Stuck:
    """Whether training has led nowhere yet: in so many epochs in a row it lost hardly less than a guess does.

    It stands for one more look inside: where epochs are short, looks are many epochs apart.
    """

    LEFT, EPOCHS = 0.95, 3

    def __init__(self) -> None:
        self._epochs = 0

    def hear(self, event: EpochEnded, case: Case) -> None:
        """One more epoch."""
        is_stuck = case.guess is not None and event.train_loss > self.LEFT * case.guess
        self._epochs = self._epochs + 1 if is_stuck else 0

    def __bool__(self) -> bool:
        return self._epochs >= self.EPOCHS


def beside(now: float, before: float, which: str) -> str:
    """`3.2 times the lowest 0.5`, `1.2e+09 times the lowest 0.5`, of one number beside another."""
    if not before:
        return f"where {which} is 0"
    factor = now / before
    shown = f"{factor:,.0f}" if 100 <= factor < 1e6 else f"{factor:.2g}"
    return f"{shown} times {which} {before:.4g}"
