"""Pictures in a folder per class, as one size in grey or colour: PIL decodes them.

A picture that is not square is cut to the square in its middle; turned as its camera says; where it is transparent it
lies on white; of several frames the first counts; 16 bits of grey become 8. What was done is counted in the notes.
"""

from __future__ import annotations

import functools
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.engine.data import class_folders
from tui_trainer.engine.data.class_folders import Kind
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.media import (
    Decoded,
    FileEncoding,
    Item,
    UnreadableError,
    check_task,
    opener,
    source_of,
)
from tui_trainer.engine.data.opened import Opened
from tui_trainer.engine.data.own import PICTURES
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.data.scaling import input_scaling

if TYPE_CHECKING:
    from PIL import Image

WHITE = (255, 255, 255, 255)


@dataclass(frozen=True)
class Pictures(FileEncoding):
    """size x size pixels, channel by channel, rows from the top: `channels` * size * size bytes a picture.

    `full_scale` is the number that white becomes; `transposed` pictures are stored column by column, as EMNIST's are.
    """

    size: int
    channels: int = 1
    full_scale: int = 255
    transposed: bool = False
    kind: ClassVar[str] = "pictures"
    files: ClassVar[Kind] = Kind(PICTURES, "picture", "pictures")
    column: ClassVar[str] = "Image"
    dtype: ClassVar[torch.dtype] = torch.uint8

    @property
    def features(self) -> int:
        """Numbers of one picture."""
        return self.channels * self.size * self.size

    @property
    def shape(self) -> PictureShape:
        """How a picture lies in its row."""
        return PictureShape(self.channels, self.size, self.size, self.full_scale, self.transposed)

    def saved(self) -> Saved:
        """Four facts."""
        return Saved(
            {
                "size": self.size,
                "channels": self.channels,
                "full_scale": self.full_scale,
                "transposed": self.transposed,
            }
        )

    @classmethod
    def restored(cls, saved: Saved) -> Self:
        """From the same facts."""
        return cls(**saved.facts)

    def decode(self, item: Item) -> Decoded:
        """Antialiased (bilinear over the area that a pixel covers). Raises what PIL raises for a damaged file."""
        from PIL import Image, ImageOps

        with Image.open(opener(item)) as file:
            file.load()  # a truncated file is found here
            remarks = _remarks(file)
            picture = _flat(ImageOps.exif_transpose(file))
        picture = picture.convert("L" if self.channels == 1 else "RGB")
        side = (self.size, self.size)
        pixels = np.asarray(ImageOps.fit(picture, side, Image.Resampling.BILINEAR)).reshape(*side, self.channels)
        if self.full_scale != 255:
            pixels = np.rint(pixels * (self.full_scale / 255)).astype(np.uint8)
        return Decoded(pixels.transpose((2, 1, 0) if self.transposed else (2, 0, 1)).reshape(-1), remarks)


def open_images(path: Path, test: Path | None, config: RunConfig) -> Opened:
    """A folder of pictures; those below `train/`, `test/` and `val/` as these parts, those of `test` as the test.

    Raises InputError naming a class folder without a picture, or a file whose class cannot be found.
    """
    check_task(path, config)
    files = class_folders.find(path, test, Pictures.files, config.data.label_pattern)
    fit, scale = functools.partial(encoding_of, config), functools.partial(scaling_of, config)
    return source_of(path, files, fit, scale)


def encoding_of(config: RunConfig, _train: Sequence[Item] = ()) -> Pictures:
    """As the settings ask; nothing is measured."""
    return Pictures(config.images.size, 3 if config.images.colour == "colour" else 1)


def scaling_of(config: RunConfig, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Of each channel, over all training pictures."""
    return input_scaling(config.data.normalize, inputs, 255, 3 if config.images.colour == "colour" else 1)


def _remarks(file: Image.Image) -> tuple[str, ...]:
    remarks = []
    if file.width != file.height:
        remarks.append("are not square: cut to the square in their middle")
    if file.has_transparency_data:
        remarks.append("are transparent: laid on white")
    if getattr(file, "n_frames", 1) > 1:
        remarks.append("have several frames: the first counts")
    return tuple(remarks)


def _flat(picture: Image.Image) -> Image.Image:
    """Opaque, with 8 bits a channel."""
    from PIL import Image

    if picture.mode == "F":
        raise UnreadableError("its pixels are floats; save it with 8 or 16 bits a channel")
    if picture.mode.startswith("I"):  # grey of 16 bits, which PIL would clip at 255
        levels = np.asarray(picture).astype(np.int64)
        if levels.min() < 0 or levels.max() > 65535:
            raise UnreadableError("its grey has more than 16 bits; save it with 8 or 16")
        return Image.fromarray(np.rint(levels / 257).astype(np.uint8))
    if picture.has_transparency_data:
        return Image.alpha_composite(Image.new("RGBA", picture.size, WHITE), picture.convert("RGBA"))
    return picture
