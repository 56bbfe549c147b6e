"""Training pictures as they are and as training sees them, for a person to look at."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.engine.augmentation import augmentation_for
from tui_trainer.engine.data import load
from tui_trainer.engine.passes import Batch
from tui_trainer.errors import InputError

CPU = torch.device("cpu")


@dataclass(frozen=True)
class Picture:
    """Red, green and blue of each pixel, a byte each, row by row from the top."""

    width: int
    height: int
    levels: bytes


@dataclass(frozen=True)
class PictureRow:
    """Pictures side by side: of one class, or (where there are none) of one sample."""

    name: str
    pictures: tuple[Picture, ...]


class Preview:
    """A recipe's training pictures. The same seed shows the same. Raises InputError where there are none."""

    def __init__(self, config: RunConfig) -> None:
        self.data = load(config)
        if self.data.pictures is None:
            raise InputError(
                f"--data {config.data.name}: its samples are not known to be pictures, so that there is nothing to "
                "look at; name a data set or a folder of pictures, or see the columns with --check"
            )
        self.shape = self.data.pictures
        self._augmentation = augmentation_for(config.augment, self.data, CPU)
        self._seed = config.training.seed

    @property
    def is_deformed(self) -> bool:
        """Whether training sees other pictures than there are."""
        return self._augmentation is not None

    @property
    def names(self) -> tuple[str, ...]:
        """Of the rows that there can be: the classes, or the numbers of some samples."""
        if self.data.task == "classes":
            return self.data.class_names
        return tuple(str(number + 1) for number in range(min(100, len(self.data.train))))

    def rows(self, most: int, across: int) -> Iterator[PictureRow]:
        """Of the first classes: a picture as it is and then deformed, or, where nothing is, several pictures."""
        torch.manual_seed(self._seed)
        targets = self.data.train.targets
        for number, name in enumerate(self.names[:most]):
            of_class = (targets == number).nonzero()[:, 0] if self.data.task == "classes" else torch.tensor([number])
            if len(of_class):
                chosen = of_class[torch.randperm(len(of_class))[: 1 if self.is_deformed else across]]
                yield PictureRow(name, tuple(self._pictures(chosen, across)))

    def _pictures(self, chosen: Tensor, across: int) -> Iterator[Picture]:
        samples = self.data.train.pick(chosen)
        inputs = samples.inputs.float()
        if self._augmentation is not None:
            copies = across - 1
            same = self.data.train.pick(chosen.expand(copies))
            inputs = torch.cat((inputs, self._augmentation(same, Batch(copies, slice(0, copies))).inputs))
        levels = (self.shape.upright(inputs) * (255 / self.shape.full_scale)).round().clamp(0, 255).byte()
        for picture in levels.expand(-1, 3, -1, -1).permute(0, 2, 3, 1):
            yield Picture(self.shape.width, self.shape.height, picture.contiguous().numpy().tobytes())
