"""The declarations of the hyperparameters of augmentation: how pictures are deformed, anew for each sample and epoch.

As in `sections.py`, a field here is a flag, a key and a field of the form.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field

from tui_trainer.sections import Section, knob


def _limits(value: Any) -> Any:
    """`1=7.5,7=7.5` as people type it -> a table."""
    if not isinstance(value, str):
        return value
    parts = [part.rpartition("=") for part in value.split(",") if part.strip()]
    if any(not sign or not name.strip() for name, sign, _ in parts):
        raise ValueError("pairs expected")
    pairs = {name.strip(): limit.strip() for name, _, limit in parts}
    if len(pairs) < len(parts):
        raise ValueError("a class stands there twice")
    return pairs


OfClasses = Annotated[dict[str, Annotated[float, Field(ge=0, le=180)]], BeforeValidator(_limits)]
OfShear = Annotated[dict[str, Annotated[float, Field(ge=0, le=80)]], BeforeValidator(_limits)]


class Augment(Section):
    """Augmentation"""

    rotation: float = knob(0.0, "degrees by which pictures are turned at most, either way", live=True, ge=0, le=180)
    rotation_of: OfClasses = knob(
        {},
        "limits of the rotation of single classes",
        expected="pairs of a class and degrees up to 180, as in 1=7.5,7=7.5",
    )
    scale: float = knob(0.0, "share by which pictures grow or shrink at most", live=True, ge=0, le=0.9)
    stretch: float = knob(
        0.0, "share by which width and height, each by itself, grow or shrink at most", live=True, ge=0, le=0.9
    )
    shear: float = knob(0.0, "degrees by which upright lines lean at most, either way", live=True, ge=0, le=80)
    shear_of: OfShear = knob(
        {}, "limits of the shear of single classes", expected="pairs of a class and degrees up to 80, as in 1=7.5,7=7.5"
    )
    shift: float = knob(0.0, "pixels by which pictures move at most, in each direction", live=True, ge=0, le=1024)
    elastic_alpha: float = knob(
        0.0,
        "strength of elastic deformations: pixels move by uniform noise from -1 to 1, smoothed, times this; 0 is off",
        live=True,
        ge=0,
        le=10_000,
    )
    elastic_sigma: float = knob(4.0, "deviation, in pixels, of the Gaussian that smooths that noise", ge=0.5, le=1000)
    fill: Literal["background", "edge"] = knob(
        "background",
        "what comes in from outside a picture: the median of the training pictures' edges, or the nearest pixel",
        flag="augment_fill",
    )
    erasing: float = knob(0.0, "share of the pictures of which a rectangle is made background", live=True, ge=0, le=1)
    erasing_least: float = knob(0.02, "least share of a picture that such a rectangle takes", gt=0, le=1)
    erasing_most: float = knob(0.33, "largest share of a picture that such a rectangle takes", gt=0, le=1)

    @property
    def deforms(self) -> bool:
        """Whether pixels move."""
        limits = (self.rotation, self.scale, self.stretch, self.shear, self.shift, self.elastic_alpha)
        return any((*limits, *self.rotation_of.values(), *self.shear_of.values()))

    @property
    def is_on(self) -> bool:
        """Whether pictures are trained on in another form than they have."""
        return self.deforms or self.erasing > 0
