"""Looks inside a net, and alerts, as a run of simplenet would say them; the numbers are made up."""

from __future__ import annotations

import base64
import math

from tui_trainer.events import Event
from tui_trainer.inside_events import Alerted, Histogram, LayerFacts, NetMeasured, Remedy, WeightPicture

RELU = [4000, *(round(900 * math.exp(-(((n - 12) / 6) ** 2))) for n in range(1, 40))]
BELL = [round(1000 * math.exp(-(((n - 18) / 7) ** 2))) for n in range(40)]


def picture(unit: int, width: int = 28, height: int = 28) -> WeightPicture:
    """A bump above 0 beside one below, elsewhere for each unit."""
    rows = (
        128
        + 127 * math.sin((x + unit) / 4) * math.cos((y - unit) / 5) * math.exp(-((x - 14) ** 2 + (y - 14) ** 2) / 90)
        for y in range(height)
        for x in range(width)
    )
    pixels = base64.b64encode(bytes(map(round, rows))).decode()
    return WeightPicture(unit=unit, width=width, height=height, scale=0.1, pixels=pixels)


def layer(name: str, **different: object) -> LayerFacts:
    """A healthy hidden layer of 128 ReLUs."""
    facts = {
        "name": name, "units": 128, "parameters": 100_480, "flops": 200_704, "weight_norm": 11.31,
        "gradient_norm": 0.0421, "update_ratio": 8.1e-4, "dead": 0.031,
        "activations": Histogram(low=0, high=3.2, counts=RELU), "weights": Histogram(low=-0.3, high=0.4, counts=BELL),
        **different,
    }  # fmt: skip
    return LayerFacts.model_validate(facts)


OUTPUT = layer("output", units=10, parameters=1290, flops=2560, weight_norm=3.02, gradient_norm=0.11, dead=None)


def measured(*hidden: LayerFacts, pictures: int = 16, **different: object) -> NetMeasured:
    """After the sixth epoch."""
    facts = {
        "epoch": 6, "step": 5628, "layers": [*(hidden or [layer("linear1")]), OUTPUT],
        "pictures": [picture(unit) for unit in range(pictures)] or None, **different,
    }  # fmt: skip
    return NetMeasured.model_validate(facts)


OVERFITTING = Alerted(
    alert="overfitting-1", kind="overfitting", epoch=6, step=5628,
    cause="the net learns the training samples by heart",
    evidence="val_loss 0.0911 now, 0.0717 in epoch 3; train_loss fell from 0.08 to 0.03 meanwhile",
    remedies=[
        Remedy(sentence="Go back, and train on with dropout", where="here", goes_back=True, values={"dropout": 0.2}),
        Remedy(sentence="Train a smaller net", where="new_run", values={"hidden": [64]}),
        Remedy(sentence="Find more training samples", where="advice"),
    ],
)  # fmt: skip
STARVED = Alerted(
    alert="data_starvation-1", kind="data_starvation", epoch=6, step=5630,
    cause="the net waits for its data", evidence="61 % of the time, over 200 steps",
    remedies=[Remedy(sentence="Stop here", where="here", stops=True)],
)  # fmt: skip
BLOWN_UP = Alerted(
    time=1795451994.9, alert="non_finite_loss-1", kind="non_finite_loss", epoch=7, step=6002,
    cause="the loss is no number any more", evidence="nan at step 6,002, 0.04 before",
    remedies=[Remedy(sentence="Go back, with half the learning rate", where="here", goes_back=True,
                     values={"lr": 0.00015})],
)  # fmt: skip


def with_these(events: list[Event], *more: Event) -> list[Event]:
    """Said where their epoch ended, or last."""
    at = max((n for n, event in enumerate(events) if event.event == "epoch_ended"), default=len(events) - 1) + 1
    timed = [event.model_copy(update={"time": events[at - 1].time}) for event in more]
    return [*events[:at], *timed, *events[at:]]
