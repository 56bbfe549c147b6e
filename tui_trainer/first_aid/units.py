"""What the units of the hidden layers tell: that they answer nothing, or always the same."""

from __future__ import annotations

from typing import Literal

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Stuck, Symptom, Verdict
from tui_trainer.inside_events import LayerFacts, NetMeasured


def worst(event: NetMeasured, share: Literal["dead", "saturated"]) -> tuple[LayerFacts, float] | None:
    """The layer with the largest share, and that share."""
    told = [(layer, value) for layer in event.layers if (value := getattr(layer, share)) is not None]
    return max(told, key=lambda pair: pair[1], default=None)


class DeadUnits(Rule):
    """Nearly all units of a layer answer 0 to all samples looked at: no gradient reaches their weights any more.

    Nine in ten. Healthy nets with more units than they need have many: 34 % of california-quantile's second layer from
    its first epochs on, and 61 % of one of adult-onehot's after 16 epochs, with its published accuracy.
    """

    kind = "dead_units"
    SHARE, PASSED = 0.9, 0.75

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if not isinstance(event, NetMeasured) or (found := worst(event, "dead")) is None:
            return None
        layer, share = found
        if share < self.SHARE:
            if share >= self.PASSED:
                return None
            self.good_until = event.step
            return "fine"
        return Symptom(
            cause=f"nearly all units of {layer.name} are dead: they answer 0 to everything, and can learn no more",
            evidence=f"{share:.0%} of its {layer.units:,} units answer 0 to every sample looked at, after epoch "
            f"{event.epoch:,}, at a learning rate of {case.config.optimizer.lr:g}",
            remedies=remedies.chosen(
                remedies.other_rate(case, 0.1, goes_back=True),
                remedies.other_activation(case, "leaky_relu", "its units cannot die"),
                remedies.other_start(case) or remedies.normalized(case),
            ),
            good_until=self.good_until,
        )


class SaturatedUnits(Rule):
    """Most answers of a layer lie at a bound of its activation, where the derivative is nearly 0.

    Glorot & Bengio 2010 (section 3) show it of deep sigmoid nets: the last hidden layer goes to its bound and training
    stands still. Twice in a row, or once where it is stuck: a layer may pass through it.
    """

    kind = "saturated_units"
    SHARE, PASSED, LOOKS = 0.6, 0.5, 2

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._bad = 0
        self._stuck = Stuck()

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if isinstance(event, EpochEnded):
            self._stuck.hear(event, case)
        if not isinstance(event, NetMeasured) or (found := worst(event, "saturated")) is None:
            return None
        layer, share = found
        self._bad = self._bad + 1 if share >= self.SHARE else 0
        if self._bad == 0 and share < self.PASSED:
            self.good_until = event.step
            return "fine"
        if self._bad < (1 if self._stuck else self.LOOKS):
            return None
        return Symptom(
            cause=f"most answers of {layer.name} are saturated: hardly any gradient passes through it",
            evidence=f"{share:.0%} lie within 1 % of a bound of {case.config.model.activation}, after epoch "
            f"{event.epoch:,}",
            remedies=remedies.chosen(
                remedies.scaled_inputs(case),
                remedies.other_rate(case, 0.1, goes_back=True),
                remedies.other_start(case) or remedies.normalized(case),
                remedies.other_activation(case, "relu", "it has no upper bound"),
            ),
            good_until=self.good_until,
        )
