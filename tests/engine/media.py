"""Small folders of pictures and recordings, written to be read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from PIL import Image
from scipy.io import wavfile
from torch import Tensor

from tui_trainer.engine.data import own
from tui_trainer.engine.data.opened import Opened, Parts
from tui_trainer.knobs import build

RATE = 8000


def opened(path: Path, **values: Any) -> Opened:
    """The reader that fits the path, with settings by their flags' names."""
    return own.open_source(build({"data": str(path), **values}))


def every_row(of: Opened) -> Parts:
    """All rows as training rows, for a look at all that was read, in its order."""
    return {"train": np.arange(len(of.targets))}


def inputs(of: Opened) -> Tensor:
    """All rows, in their order."""
    return of.encode(every_row(of)).inputs["train"]


def write_pictures(folder: Path, pixels: np.ndarray, classes: np.ndarray) -> None:
    """PNG files of pixels (n, height, width) or (n, height, width, 3), by class: `3/00017.png`."""
    for number, (picture, of_class) in enumerate(zip(pixels, classes, strict=True)):
        place = folder / str(of_class)
        place.mkdir(parents=True, exist_ok=True)
        Image.fromarray(picture).save(place / f"{number:05}.png")


def order_by_class(classes: np.ndarray) -> np.ndarray:
    """The rows in the order in which a folder per class lists them."""
    return np.argsort(classes, kind="stable")


def some_pictures(folder: Path, count: int = 12, size: int = 8) -> np.ndarray:
    """Random pictures of two classes, `cat` and `dog`."""
    pixels = np.random.default_rng(0).integers(0, 256, (count, size, size), dtype=np.uint8)
    write_pictures(folder, pixels, np.array(["cat", "dog"])[np.arange(count) % 2])
    return pixels


def tone(hertz: float, seconds: float = 0.3, rate: int = RATE) -> np.ndarray:
    """A sine of amplitude 0.5, in floats."""
    wave: np.ndarray = (0.5 * np.sin(2 * np.pi * hertz * np.arange(round(seconds * rate)) / rate)).astype(np.float32)
    return wave


def write_wav(path: Path, sound: np.ndarray, rate: int = RATE) -> Path:
    """With its folder, if that is missing."""
    path.parent.mkdir(parents=True, exist_ok=True)
    wavfile.write(path, rate, sound)
    return path


def some_recordings(folder: Path, count: int = 6) -> None:
    """Tones of two classes, `low` and `high`."""
    for number in range(count):
        for name, hertz in (("low", 300), ("high", 2000)):
            write_wav(folder / name / f"{number}.wav", tone(hertz + 10 * number))
