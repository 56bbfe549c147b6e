"""All rules together: told the events of a training, they answer with alerts and with what has passed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator

from tui_trainer.events import EpochEnded, Event, Progress
from tui_trainer.first_aid.case import Case, Rule, Symptom, Verdict
from tui_trainer.first_aid.feeding import DataStarvation
from tui_trainer.first_aid.gradients import ExplodingGradients, VanishingGradients
from tui_trainer.first_aid.losses import Divergence, Plateau, non_finite_loss
from tui_trainer.first_aid.overfitting import Overfitting
from tui_trainer.first_aid.rates import RateTooHigh, RateTooLow
from tui_trainer.first_aid.remedies import from_the_beginning
from tui_trainer.first_aid.units import DeadUnits, SaturatedUnits
from tui_trainer.inside_events import Alerted, AlertKind, AlertPassed, NetMeasured, RemedyApplied, WentBack
from tui_trainer.run_state import RunState, advance

RULES: tuple[type[Rule], ...] = (
    Divergence, ExplodingGradients, RateTooHigh, DeadUnits, SaturatedUnits, VanishingGradients, RateTooLow,
    Overfitting, Plateau, DataStarvation,
)  # fmt: skip
"""In the order in which they are asked: what explains another comes before it."""

EXPLAINED_BY: dict[AlertKind, tuple[AlertKind, ...]] = {
    "exploding_gradients": ("divergence", "lr_too_high"),
    "lr_too_high": ("divergence", "exploding_gradients"),
    "vanishing_gradients": ("dead_units", "saturated_units", "lr_too_high"),
    "lr_too_low": (
        "divergence", "exploding_gradients", "lr_too_high", "dead_units", "saturated_units", "vanishing_gradients",
    ),
    "plateau": ("divergence", "dead_units", "saturated_units", "vanishing_gradients", "lr_too_low", "lr_too_high"),
}  # fmt: skip
"""What is not said while one of these is open: it would say the same once more."""


class FirstAid:
    """Says each trouble once, and again only after it had passed or a remedy was applied.

    A run that goes on from a step is told its `past`, the events of its earlier processes: alerts that are open stay
    so and go on being counted, and rules begin anew.
    """

    def __init__(self, past: Iterable[Event] = (), step: int = 0) -> None:
        self._counts: Counter[str] = Counter()
        state = RunState()
        for event in past:
            state = advance(state, event)
            if isinstance(event, Alerted):
                self._counts[event.kind] += 1
        self.open: dict[AlertKind, Alerted] = {alert.kind: alert for alert in state.alerts if alert.step <= step}
        self._rules = {rule.kind: rule(step) for rule in RULES}

    def hear(self, event: Event, case: Case) -> Iterator[Alerted | AlertPassed]:
        """What one more event leads to."""
        match event:
            case WentBack():
                self._rules = {rule.kind: rule(event.step) for rule in RULES}
                kept = {kind: a for kind, a in self.open.items() if a.step <= event.step or kind == "non_finite_loss"}
                self.open = kept  # a loss that is no number is why it went back, and over with the next epoch
            case RemedyApplied():
                for kind in [kind for kind, alert in self.open.items() if alert.alert == event.alert]:
                    del self.open[kind]
                    if rule := self._rules.get(kind):
                        self._rules[kind] = type(rule)(event.step)
            case Progress() | EpochEnded() | NetMeasured():
                if isinstance(event, EpochEnded) and (ended := self.open.pop("non_finite_loss", None)):
                    yield AlertPassed(alert=ended.alert, epoch=event.epoch, step=event.step)
                for kind, rule in self._rules.items():
                    yield from self._judged(kind, rule.hear(event, case), event)

    def not_finite(self, what: str, epoch: int, step: int, case: Case) -> Alerted:
        """The alert of a loss or a weight that is no number any more: no event tells of it."""
        divergence = self._rules["divergence"]
        assert isinstance(divergence, Divergence)  # noqa: S101
        symptom = non_finite_loss(what, case, divergence.good_until, divergence.last)
        return self._alerted("non_finite_loss", symptom, epoch, step)

    def _judged(
        self, kind: AlertKind, verdict: Verdict, event: Progress | EpochEnded | NetMeasured
    ) -> Iterator[Alerted | AlertPassed]:
        is_explained = any(other in self.open for other in EXPLAINED_BY.get(kind, ()))
        if isinstance(verdict, Symptom) and kind not in self.open and not is_explained:
            yield self._alerted(kind, verdict, event.epoch, event.step)
        elif verdict == "fine" and kind in self.open:
            yield AlertPassed(alert=self.open.pop(kind).alert, epoch=event.epoch, step=event.step)

    def _alerted(self, kind: AlertKind, symptom: Symptom, epoch: int, step: int) -> Alerted:
        self._counts[kind] += 1
        alert = Alerted(
            alert=f"{kind}-{self._counts[kind]}",
            kind=kind,
            epoch=epoch,
            step=step,
            cause=symptom.cause,
            evidence=symptom.evidence,
            remedies=[from_the_beginning(remedy) if symptom.good_until == 0 else remedy for remedy in symptom.remedies],
            good_until=symptom.good_until,
        )
        self.open[kind] = alert
        return alert
