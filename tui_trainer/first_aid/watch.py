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
from tui_trainer.first_aid.units import DeadUnits, SaturatedUnits
from tui_trainer.inside_events import Alerted, AlertKind, AlertPassed, NetMeasured, RemedyApplied, WentBack
from tui_trainer.run_state import RunState, advance

RULES: tuple[type[Rule], ...] = (
    Divergence, ExplodingGradients, RateTooHigh, RateTooLow, DeadUnits, SaturatedUnits, VanishingGradients,
    Overfitting, Plateau, DataStarvation,
)  # fmt: skip


class FirstAid:
    """Says each trouble once, and again only after it had passed or a remedy was applied.

    A run that goes on has its earlier events told to `remember`: alerts stay open and go on being counted, and rules
    begin anew.
    """

    def __init__(self) -> None:
        self._rules = {rule.kind: rule() for rule in RULES}
        self._counts: Counter[str] = Counter()
        self.open: dict[AlertKind, Alerted] = {}

    def remember(self, past: Iterable[Event]) -> FirstAid:
        """What earlier processes of the run have said."""
        state = RunState()
        for event in past:
            state = advance(state, event)
            if isinstance(event, Alerted):
                self._counts[event.kind] += 1
        self.open = {alert.kind: alert for alert in state.alerts}
        return self

    def hear(self, event: Event, case: Case) -> Iterator[Alerted | AlertPassed]:
        """What one more event leads to."""
        match event:
            case WentBack():
                self._begin_anew(*self._rules)
                self.open = {kind: alert for kind, alert in self.open.items() if alert.step <= event.step}
            case RemedyApplied():
                closed = [kind for kind, alert in self.open.items() if alert.alert == event.alert]
                for kind in closed:
                    del self.open[kind]
                self._begin_anew(*closed)
            case Progress() | EpochEnded() | NetMeasured():
                if isinstance(event, EpochEnded) and (ended := self.open.pop("non_finite_loss", None)):
                    yield AlertPassed(alert=ended.alert, epoch=event.epoch, step=event.step)
                for kind, rule in self._rules.items():
                    yield from self._judged(kind, rule.hear(event, case), event)

    def not_finite(self, what: str, epoch: int, step: int, case: Case) -> Alerted:
        """The alert of a loss or a weight that is no number any more: no event tells of it."""
        divergence = self._rules["divergence"]
        assert isinstance(divergence, Divergence)  # noqa: S101
        symptom = non_finite_loss(what, case, divergence.calm_until, divergence.last)
        return self._alerted("non_finite_loss", symptom, epoch, step)

    def _judged(
        self, kind: AlertKind, verdict: Verdict, event: Progress | EpochEnded | NetMeasured
    ) -> Iterator[Alerted | AlertPassed]:
        if isinstance(verdict, Symptom) and kind not in self.open:
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
            remedies=list(symptom.remedies),
            good_until=symptom.good_until,
        )
        self.open[kind] = alert
        return alert

    def _begin_anew(self, *kinds: str) -> None:
        for rule in RULES:
            if rule.kind in kinds:
                self._rules[rule.kind] = rule()
