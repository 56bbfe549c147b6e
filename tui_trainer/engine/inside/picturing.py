"""Tensors as events carry them: histograms, and weights as pictures."""

from __future__ import annotations

import base64
import math

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.inside_events import Histogram, WeightPicture

BINS = 32
MOST_VALUES = 1 << 16  # counted of a tensor, evenly spread over it: a shape needs no more, and five million take 50 ms
MOST_PICTURES = 12
MOST_SIDE = 32  # pixels; larger pictures are averaged down


def finite(value: float) -> float | None:
    """Five digits of a number, or None for what is none."""
    return float(f"{value:.5g}") if math.isfinite(value) else None


def histogram_of(values: Tensor) -> Histogram | None:
    """Of a tensor of any shape; what is not finite is not counted. None where nothing is left."""
    values = values.reshape(-1)
    values = values[:: max(1, -(-len(values) // MOST_VALUES))].float()
    values = values[values.isfinite()]
    if not len(values):
        return None
    low, high = (float(bound) for bound in torch.stack(torch.aminmax(values)).tolist())
    width = (high - low) / BINS
    if not (width > 0 and math.isfinite(width)):
        return Histogram(low=low, high=high, counts=[len(values)] + [0] * (BINS - 1))
    places = values.sub(low).div_(width).long().clamp_(0, BINS - 1)
    return Histogram(low=_short(low), high=_short(high), counts=torch.bincount(places, minlength=BINS).tolist())


def _short(value: float) -> float:
    return float(f"{value:.5g}")


def weight_pictures(weights: Tensor, shape: PictureShape) -> list[WeightPicture]:
    """Of the first units of (units, inputs) weights; the channels of a colour picture are averaged.

    Always the same units, so that a person sees them change.
    """
    pictures = shape.upright(weights[:MOST_PICTURES].float()).mean(1, keepdim=True)
    height, width = (min(MOST_SIDE, side) for side in pictures.shape[2:])
    small = F.adaptive_avg_pool2d(pictures, (height, width))[:, 0]
    scales = small.abs().amax((1, 2))
    shares = small / scales.clamp(min=1e-30)[:, None, None]
    pixels = shares.mul(127).add(128).round_().clamp_(0, 255).to(torch.uint8).cpu().numpy()
    told = zip(pixels, scales.tolist(), strict=True)
    return [
        WeightPicture(
            unit=unit, width=width, height=height, scale=_short(scale),
            pixels=base64.b64encode(picture.tobytes()).decode(),
        )
        for unit, (picture, scale) in enumerate(told)
        if math.isfinite(scale)
    ]  # fmt: skip
