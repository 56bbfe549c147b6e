"""What all programs train on: MNIST, or noise in its shape where there is none in the data's folder."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import NamedTuple

import numpy as np
import torch

from tui_trainer import paths
from tui_trainer.config import RunConfig
from tui_trainer.engine.data import DataSet, idx, load
from tui_trainer.knobs import changed


class Pictures(NamedTuple):
    """The whole data set on the device, and where its files are."""

    data: DataSet
    settings: RunConfig
    folder: Path
    is_real: bool

    @property
    def origin(self) -> str:
        """In words."""
        return "MNIST" if self.is_real else "made-up pictures of MNIST's size (no MNIST in --data-dir)"

    def first(self, samples: int) -> DataSet:
        """The data with the beginning of the training split."""
        if samples >= len(self.data.train):
            return self.data
        rows = torch.arange(samples, device=self.data.train.targets.device)
        return replace(self.data, train=self.data.train.pick(rows))


@contextmanager
def opened(config: RunConfig, device: torch.device) -> Iterator[Pictures]:
    """The pictures, in 0..1 as the tutorials have them, all 60,000 to train on. Raises InputError."""
    with TemporaryDirectory(prefix="tui-trainer-bench-") as made_up:
        folder, is_real = paths.folder(config.data.dir, "--data-dir"), True
        if idx.missing("mnist", folder):
            folder, is_real = Path(made_up), False
            make_up_mnist(folder)
        values = {"data": "mnist", "data_dir": str(folder), "normalize": "unit", "validation": 0}
        settings = changed(config, values)
        yield Pictures(load(settings).to(device), settings, folder, is_real)


def make_up_mnist(folder: Path) -> None:
    """Noise in MNIST's files: the same bytes to read, the same work per step, nothing to learn."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())
