"""The scaling of inputs that the net does itself, measured on the training rows."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.engine.data.targets import usable


def input_scaling(kind: str, inputs: Tensor, full_scale: float | None, channels: int) -> tuple[Tensor, Tensor]:
    """(shift, spread) for `normalize`, of each feature, each channel, or (1,) for all.

    `full_scale` is the input value that means 1, where there is one; `channels` are those of a picture of bytes stored
    channel by channel, 0 where each feature stands for itself.
    """
    if kind == "none":
        return torch.zeros(1), torch.ones(1)
    if kind == "unit" and full_scale:
        return torch.zeros(1), torch.full((1,), float(full_scale))
    if kind == "unit":
        low, high = inputs.amin(0).float(), inputs.amax(0).float()
        return low, usable(high - low)
    if channels == 0:
        deviation, mean = torch.std_mean(inputs.double(), dim=0, correction=0)
        return mean.float(), usable(deviation)
    means, deviations = [], []  # one per channel of a picture, without a float copy of all pictures
    for channel in inputs.chunk(channels, dim=1):
        levels = torch.arange(256, dtype=torch.float64)
        counts = torch.bincount(channel.flatten(), minlength=256).double()
        mean = (counts * levels).sum() / counts.sum()
        means.append(mean)
        deviations.append(((counts * (levels - mean) ** 2).sum() / counts.sum()).sqrt())
    pixels = inputs.shape[1] // channels if channels > 1 else 1
    shift = torch.stack(means).repeat_interleave(pixels)
    return shift.float(), usable(torch.stack(deviations).repeat_interleave(pixels))
