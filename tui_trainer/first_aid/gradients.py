"""What the gradients of the layers tell: that they fade on their way back, or grow without bounds."""

from __future__ import annotations

import math
import statistics

from tui_trainer.events import EpochEnded, Event
from tui_trainer.first_aid import remedies
from tui_trainer.first_aid.case import Case, Rule, Stuck, Symptom, Verdict, beside
from tui_trainer.inside_events import LayerFacts, NetMeasured


def per_weight(layer: LayerFacts) -> float | None:
    """Root mean square of a layer's gradient: layers of different sizes compare."""
    return None if layer.gradient_norm is None else layer.gradient_norm / math.sqrt(max(1, layer.parameters))


def linear(event: NetMeasured) -> list[LayerFacts]:
    """The layers but for a table of embedded categories, most of whose rows no batch meets."""
    return [layer for layer in event.layers if layer.name != "embeddings"]


class VanishingGradients(Rule):
    """The first layer's gradient is next to nothing beside the last one's, while there is much left to learn.

    Per weight, a ten-thousandth; in two looks in a row, or in one once training is stuck, and the training loss is
    above half of what a guess loses. In a sigmoid net each layer takes a factor of at most 1/4 (Hochreiter 1991;
    Bengio, Simard & Frasconi 1994).
    """

    kind = "vanishing_gradients"
    RATIO, LEFT, LOOKS = 1e-4, 0.5, 2

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._bad = 0
        self._stuck = Stuck()
        self._loss = self._first_loss = math.inf

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if isinstance(event, EpochEnded):
            self._stuck.hear(event, case)
            self._loss = event.train_loss
            self._first_loss = event.train_loss if math.isinf(self._first_loss) else self._first_loss
        if not isinstance(event, NetMeasured) or len(layers := linear(event)) < 3:
            return None
        first, last = per_weight(layers[0]), per_weight(layers[-1])
        if first is None or not last:
            return None
        is_unlearned = self._loss > self.LEFT * (case.guess or self._first_loss)
        self._bad = self._bad + 1 if first < self.RATIO * last and is_unlearned else 0
        if self._bad < (1 if self._stuck else self.LOOKS):
            return "fine" if first > 10 * self.RATIO * last or not is_unlearned else None
        return Symptom(
            cause="the gradients vanish on their way back through the layers: the first ones do not learn",
            evidence=f"per weight, the gradient of {layers[0].name} is {first:.2g}, {first / last:.2g} times that of "
            f"{layers[-1].name}, {last:.2g}, after epoch {event.epoch:,}",
            remedies=remedies.chosen(
                remedies.other_activation(case, "relu", "its derivative is 1 where it is not 0"),
                remedies.normalized(case),
                remedies.other_start(case),
            ),
        )


class ExplodingGradients(Rule):
    """The gradient has grown to many times what it was.

    Of the whole net: thirty times the median of the first three looks, and ten times the largest of them, twice in a
    row; or it is so large beside the weights (a thousand times their norm) that no learning rate in use suits it
    (Pascanu, Mikolov & Bengio 2013).
    """

    kind = "exploding_gradients"
    GROWTH, ABOVE, FIRST, LOOKS, BESIDE_WEIGHTS = 30.0, 10.0, 3, 2, 1000.0

    def __init__(self, since: int = 0) -> None:
        super().__init__(since)
        self._first: list[float] = []
        self._bad = 0

    def hear(self, event: Event, case: Case) -> Verdict:
        """See `Rule`."""
        if not isinstance(event, NetMeasured):
            return None
        norms = [(layer.gradient_norm, layer.weight_norm) for layer in linear(event)]
        gradient, weight = (
            math.sqrt(sum(norm * norm for norm in column if norm is not None)) for column in zip(*norms, strict=True)
        )
        usual = statistics.median(self._first) if self._first else gradient
        highest = max(self._first, default=gradient)
        is_beyond = bool(weight) and gradient > self.BESIDE_WEIGHTS * weight
        has_grown = gradient > self.GROWTH * usual and gradient > self.ABOVE * highest
        if len(self._first) < self.FIRST and not is_beyond:
            self._first.append(gradient)
            self.good_until = event.step
            return "fine"
        self._bad = self._bad + 1 if has_grown or is_beyond else 0
        if self._bad == 0:
            self.good_until = event.step
            return "fine"
        if self._bad < self.LOOKS:
            return None
        return Symptom(
            cause="the gradients explode",
            evidence=f"their norm is {gradient:.3g} after epoch {event.epoch:,}, beside weights of norm {weight:.3g}"
            + (f"; {beside(gradient, usual, 'that of the first looks,')}" if has_grown else ""),
            remedies=remedies.chosen(
                remedies.clipped(case, goes_back=has_grown),
                remedies.other_rate(case, 0.1, goes_back=has_grown),
                remedies.normalized(case) or remedies.other_start(case),
            ),
            good_until=self.good_until if has_grown else None,
        )
