"""What a run says of the inside of its net, and of what looks wrong with its training."""

from __future__ import annotations

from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.said import Count, Said

AlertKind = Literal[
    "non_finite_loss",
    "divergence",
    "plateau",
    "overfitting",
    "dead_units",
    "saturated_units",
    "vanishing_gradients",
    "exploding_gradients",
    "lr_too_low",
    "lr_too_high",
    "data_starvation",
]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)


class Histogram(_Part):
    """Counts of values in bins of equal width from `low` to `high`; values outside are in the outermost bins."""

    low: float
    high: float
    counts: list[int]


class LayerFacts(_Part):
    """One layer with weights, and the activation behind it, as a sample of the training split meets them."""

    name: str  # of its module: linear1, linear2, ..., output; before them embeddings, where categories are vectors
    units: int
    parameters: int
    flops: int  # of the forward pass of one sample, a multiplication and an addition as two
    weight_norm: float | None  # Frobenius; None for what is not finite
    gradient_norm: float | None  # of the same weights, of one batch, without penalties
    update_ratio: float | None  # norm of one step's change over the weights' norm
    dead: float | None = None  # share of units that answer 0 to every sample looked at; where the activation has a 0
    saturated: float | None = None  # share of answers within 1 % of a bound; where the activation has two
    activations: Histogram | None = None
    weights: Histogram | None = None


class WeightPicture(_Part):
    """The incoming weights of a unit of the first layer, as a picture: one byte a pixel, 128 is 0."""

    unit: int
    width: int
    height: int
    scale: float  # the weight that 255 stands for
    pixels: str  # base64 of height x width bytes, row by row


class NetMeasured(Said):
    """After an epoch: what the net looks like inside. Left out where epochs are too short to afford it.

    The last one of a run is of the weights that it ends with; a signal leaves no time for that.
    """

    event: Literal["net_measured"] = "net_measured"
    epoch: Count
    step: Count
    layers: list[LayerFacts]
    pictures: list[WeightPicture] | None = None  # where the inputs are pictures
    seconds: float = 0.0  # what measuring took
    is_last: bool = False  # taken because the run ends


class Remedy(_Part):
    """What may help, as a sentence that begins with a verb.

    `here`: a command `apply` does it while the run trains or has ended; `new_run`: only a new run can have it, with
    these values in its form; `advice`: nothing that a setting could do.
    """

    sentence: str
    where: Literal["here", "new_run", "advice"]
    goes_back: bool = False  # to the last good checkpoint, first
    values: dict[str, Any] = Field(default_factory=dict)  # {hyperparameter: value}
    stops: bool = False


class Alerted(Said):
    """First aid: something looks wrong. A kind comes again only after it had gone away."""

    event: Literal["alert"] = "alert"
    alert: str  # its name, `overfitting-2`: the kind, and how many of it there were in the run
    kind: AlertKind
    epoch: Count
    step: Count
    cause: str  # what is wrong, a sentence
    evidence: str  # the numbers that say so
    remedies: list[Remedy] = Field(default_factory=list)  # the likeliest first
    good_until: Count | None = None  # the last step at which all was well, where that is known


class AlertPassed(Said):
    """What an alert warned of is over."""

    event: Literal["alert_passed"] = "alert_passed"
    alert: str  # its name
    epoch: Count
    step: Count


class RemedyApplied(Said):
    """The answer to `apply`: what the remedy changed is said by the events that follow."""

    event: Literal["remedy_applied"] = "remedy_applied"
    alert: str  # its name
    sentence: str
    step: Count
    id: str | None = None


class WentBack(Said):
    """Back to the last checkpoint, in the same process; what was said of later steps before is void."""

    event: Literal["went_back"] = "went_back"
    epochs: Count
    epochs_done: Count
    step: Count
    live: dict[str, Any] = Field(default_factory=dict)  # the live hyperparameters in force
