"""Deformed pictures: a fresh draw for every sample of every step, on the device, inside the step.

A deformation is a grid that says from where each pixel comes (as torchvision's `affine` and `elastic` have it), and is
sampled once, bilinearly. In a group of processes all numbers are drawn for the whole group's batch.
"""

from __future__ import annotations

import math

import torch
import torch.nn.functional as F
from torch import Tensor

from tui_trainer.augment_sections import Augment
from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.elastic import DEVIATION_OF_NOISE, components
from tui_trainer.engine.passes import Batch
from tui_trainer.errors import InputError, nearest

NUMBERS = 12  # drawn from uniform(-1, 1) for each sample: 7 of its affine map, 5 of its rectangle
MOST_NARROW = 10 / 3  # longer than wide, or wider than long: Zhong et al. 2017
NUMBERS_AT_ONCE = 1 << 23  # pixels of so many batches in one go: a small batch leaves a GPU idle
PICTURES_OF_A_PIECE = 256  # deformed at once by a CPU, whose cache holds their grids: half the time of 1024
PICTURES_LOOKED_AT = 1000  # for the background


def augmentation_for(config: Augment, data: DataSet, device: torch.device) -> Augmentation | None:
    """What deforms the training pictures; None where nothing is asked for. Raises InputError as `check` does."""
    check(config, data)
    if not config.is_on or data.pictures is None:
        return None
    limits = {}
    for what, of_all, of_some in (
        ("rotation", config.rotation, config.rotation_of), ("shear", config.shear, config.shear_of)
    ):  # fmt: skip
        degrees = [of_some.get(name, of_all) for name in data.class_names] if of_some else [of_all]
        limits[what] = torch.tensor(degrees, device=device).deg2rad()
    return Augmentation(config, data.pictures, background(data, data.pictures).to(device), limits)


def check(config: Augment, data: DataSet) -> None:
    """Raises InputError for what has no pictures, and for classes that are not there."""
    if not config.is_on:
        return
    if data.pictures is None:
        raise InputError(
            f"augmentation deforms pictures, and the samples of {data.name} are not known to be any; leave "
            f"{_first_flag(config)} out (arrays are pictures where they hold bytes of shape (n, height, width))"
        )
    for flag, of_some in (("--rotation-of", config.rotation_of), ("--shear-of", config.shear_of)):
        if of_some and data.task != "classes":
            raise InputError(f"{flag} needs classes, and {data.name} has {data.task}; leave it out")
        if unknown := next((name for name in of_some if name not in data.class_names), None):
            names = ", ".join(data.class_names[:10]) + (", ..." if len(data.class_names) > 10 else "")
            raise InputError(
                f"{flag} {unknown}={of_some[unknown]:g}: {data.name} has no class {unknown!r}"
                f"{nearest(unknown, data.class_names)} (its classes: {names})"
            )


def _first_flag(config: Augment) -> str:
    asked = (name for name in type(config).model_fields if name in FLAGS and getattr(config, name))
    return f"--{next(asked, 'augment').replace('_', '-')}"


FLAGS = ("rotation", "rotation_of", "scale", "stretch", "shear", "shear_of", "shift", "elastic_alpha", "erasing")


def background(data: DataSet, shape: PictureShape) -> Tensor:
    """(channels, 1, 1) float32: the median of the outermost pixels of the first training pictures."""
    pictures = shape.upright(data.train.inputs[:PICTURES_LOOKED_AT].cpu()).float()  # CUDA's median is no bit-exact one
    sides = (pictures[..., 0, :], pictures[..., -1, :], pictures[..., :, 0], pictures[..., :, -1])
    edges = torch.cat([side.transpose(0, 1).flatten(1) for side in sides], 1)
    return edges.median(1).values[:, None, None]


class Augmentation:
    """Deforms pictures of one shape under one choice of limits.

    `limits`: rotation and shear in radians, (1,) for all or (classes,) each.
    """

    def __init__(self, config: Augment, shape: PictureShape, background: Tensor, limits: dict[str, Tensor]) -> None:
        self._config, self._shape, self._limits = config, shape, limits
        self._background = background if bool(background.any()) else None
        device, height, width = background.device, shape.height, shape.width
        strength = config.elastic_alpha * DEVIATION_OF_NOISE
        down, across = (
            components(pixels, config.elastic_sigma) if strength else torch.empty(pixels, 0)
            for pixels in (height, width)
        )
        self._sizes = down.shape[1], across.shape[1]
        y, x = ((torch.arange(pixels) - (pixels - 1) / 2)[:, None] for pixels in (height, width))
        self._y, self._x = y.to(device), x.to(device)  # of pixels' centres, from the picture's
        self._down = torch.cat((down, torch.ones_like(y), y), 1).to(device)
        self._across = torch.cat((across, torch.ones_like(x), x), 1).t().contiguous().to(device)
        self._unit = torch.tensor([2 / width, 2 / height], device=device)[:, None]  # a pixel as `grid_sample` counts
        self._strength = strength * self._unit
        here = torch.stack(((x * 2 / width).t().expand(height, -1), (y * 2 / height).expand(-1, width)), 1)
        self._here = here[:, None].to(device)  # (height, 1, 2, width): each pixel's own place

    def batches_at_once(self, size: int) -> int:
        """How many batches of so many samples are best deformed together."""
        return max(1, NUMBERS_AT_ONCE // (size * self._shape.channels * self._shape.height * self._shape.width))

    def __call__(self, samples: Samples, batch: Batch, count: int = 1) -> Samples:
        """This process's raw samples of `count` batches, one behind the other -> the same in float32, deformed."""
        numbers, waves = self._draw(self._here, batch, count)
        inputs, targets, total = samples.inputs, samples.targets, len(samples)
        is_in_pieces = not (self._here.is_cuda or torch.compiler.is_compiling())
        piece = PICTURES_OF_A_PIECE if is_in_pieces else max(1, total)
        pieces = [slice(start, start + piece) for start in range(0, total, piece)] or [slice(0, 0)]
        made = [self._deformed(inputs[some], targets[some], numbers[some], waves[:, some]) for some in pieces]
        return Samples(made[0] if len(made) == 1 else torch.cat(made), targets)

    def _deformed(self, inputs: Tensor, targets: Tensor, numbers: Tensor, waves: Tensor) -> Tensor:
        pictures = self._shape.upright(inputs.float())
        if self._background is not None:
            pictures = pictures - self._background
        if self._config.deforms:
            padding = "border" if self._config.fill == "edge" else "zeros"
            grid = self.grid(self.maps(numbers, targets), waves)
            pictures = F.grid_sample(pictures, grid, "bilinear", padding, align_corners=False)
        if self._config.erasing:
            pictures = pictures.masked_fill(self.erased(numbers), 0.0)
        if self._background is not None:
            pictures = pictures + self._background
        return self._shape.in_rows(pictures)

    def _draw(self, like: Tensor, batch: Batch, count: int) -> tuple[Tensor, Tensor]:
        """Uniform (n, NUMBERS) and normal (rows of waves, n, 2, columns of waves), batch by batch, whatever `count`."""
        rows, columns = self._sizes
        numbers, waves = [], []
        for _ in range(count):
            numbers.append(like.new_empty(batch.size, NUMBERS).uniform_(-1, 1)[batch.own])
            if rows:
                waves.append(like.new_empty(rows, batch.size, 2, columns).normal_()[:, batch.own])
        none = like.new_empty(0, len(numbers[0]) * count, 2, columns)
        return torch.cat(numbers), torch.cat(waves, 1) if waves else none

    def maps(self, numbers: Tensor, targets: Tensor) -> Tensor:
        """(n, 2, 3): a pixel's place, x and y from the centre -> where it comes from.

        The inverse of turning (clockwise, y points down) the sheared, scaled picture and then shifting it.
        """
        limit, config = self._limits, self._config
        turn, size, wide, high, lean, right, down = numbers[:, :7].unbind(1)
        angle = turn * (limit["rotation"].index_select(0, targets) if config.rotation_of else limit["rotation"])
        leaning = torch.tan(lean * (limit["shear"].index_select(0, targets) if config.shear_of else limit["shear"]))
        size = 1 + size * config.scale
        wide, high = size * (1 + wide * config.stretch), size * (1 + high * config.stretch)
        cosine, sine = angle.cos(), angle.sin()
        x = torch.stack(((cosine - leaning * sine) / wide, (sine + leaning * cosine) / wide), 1)
        y = torch.stack((-sine / high, cosine / high), 1)
        turned = torch.stack((x, y), 1)
        shift = config.shift * torch.stack((right, down), 1)
        return torch.cat((turned, -(turned * shift[:, None]).sum(2, keepdim=True)), 2)

    def grid(self, maps: Tensor, waves: Tensor) -> Tensor:
        """(n, height, width, 2) in `grid_sample`'s units, where each pixel comes from: by its map, plus the field.

        Both are products of something down and something across (waves, 1 and x, 1 and y): two matrix products.
        """
        rows, columns = self._sizes
        count, height, width = len(maps), self._shape.height, self._shape.width
        factors = maps.new_zeros(rows + 2, count, 2, columns + 2)
        if rows:
            factors[:rows, :, :, :columns] = waves * self._strength
        moved = maps * self._unit
        factors[rows, :, :, columns] = moved[:, :, 2]
        factors[rows, :, 0, columns + 1] = moved[:, 0, 0] - self._unit[0]
        factors[rows, :, 1, columns + 1] = moved[:, 1, 0]
        factors[rows + 1, :, 0, columns] = moved[:, 0, 1]
        factors[rows + 1, :, 1, columns] = moved[:, 1, 1] - self._unit[1]
        across = factors.view(-1, columns + 2) @ self._across
        moves = self._down @ across.view(rows + 2, -1)
        return moves.view(height, count, 2, width).add_(self._here).permute(1, 0, 3, 2)

    def erased(self, numbers: Tensor) -> Tensor:
        """(n, 1, height, width): which pixels a rectangle covers, one wholly inside of so many of the pictures."""
        config, height, width = self._config, self._shape.height, self._shape.width
        chance, area, shape, across, down = ((numbers[:, 7:] + 1) / 2).unbind(1)
        area = (config.erasing_least + area * (config.erasing_most - config.erasing_least)) * height * width
        aspect = torch.exp((2 * shape - 1) * math.log(MOST_NARROW))
        tall, wide = (area * aspect).sqrt().clamp(max=height), (area / aspect).sqrt().clamp(max=width)
        top, left = down * (height - tall), across * (width - wide)
        y, x = self._y.t() + height / 2, self._x.t() + width / 2
        rows = (y >= top[:, None]) & (y < (top + tall)[:, None]) & (chance < config.erasing)[:, None]
        columns = (x >= left[:, None]) & (x < (left + wide)[:, None])
        return (rows[:, :, None] & columns[:, None, :])[:, None]
