"""Smooth random fields, drawn from a few numbers each.

Simard, Steinkraus, Platt 2003: at each pixel a number from uniform(-1, 1), convolved with a Gaussian whose weights add
up to 1, times alpha. A smoothed value is a sum of some hundred numbers, so that the field is Gaussian, and its
covariance says all of it: alpha^2 / 3 times the Gaussian's product with its shifted self, row by column. That of one
axis has few components that matter (8 of 28 at sigma 4), so 64 numbers of a normal distribution do for 784 pixels and
the noise beyond the edge.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor

VARIANCE_LEFT_OUT = 1e-4  # of a field's: a hundredth of its deviation
DEVIATION_OF_NOISE = 1 / math.sqrt(3)  # of uniform(-1, 1)


def components(pixels: int, sigma: float) -> Tensor:
    """(pixels, k) float32: times k independent numbers of a normal distribution, normal noise smoothed along one axis.

    The noise goes on beyond both ends, so that a field is as strong at the edge as in the middle.
    """
    reach = math.ceil(4 * sigma)
    weights = torch.exp(-0.5 * (torch.arange(-reach, reach + 1, dtype=torch.float64) / sigma) ** 2)
    weights /= weights.sum()
    smoothing = torch.zeros(pixels, pixels + 2 * reach, dtype=torch.float64)
    for pixel in range(pixels):
        smoothing[pixel, pixel : pixel + len(weights)] = weights
    found = torch.linalg.eigh(smoothing @ smoothing.t())
    variances, directions = found.eigenvalues.flip(0), found.eigenvectors.flip(1)
    left_out = 1 - variances.cumsum(0) / variances.sum()
    kept = int((left_out > VARIANCE_LEFT_OUT).sum()) + 1
    directions = directions[:, :kept]
    largest = directions.gather(0, directions.abs().argmax(0, keepdim=True))
    signed = directions * largest.sign()  # the sign is the library's choice
    return torch.as_tensor(signed * variances[:kept].sqrt(), dtype=torch.float32)
