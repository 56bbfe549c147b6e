"""What every measured program gets, and what it gives back."""

from __future__ import annotations

import itertools
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple

import torch
from torch import Tensor, nn

from tui_trainer.bench_plan import product_flop
from tui_trainer.config import RunConfig
from tui_trainer.engine.data import DataSet


class Timed(NamedTuple):
    """One epoch."""

    seconds: float
    loss: float | None  # mean training loss, where the program has one


Epoch = Callable[[], Timed]  # trains one epoch


class NotMeasuredError(Exception):
    """Why a program cannot be measured here, in half a sentence."""


@dataclass(frozen=True)
class Job:
    """The same net, batch size and samples for everybody. Adam with PyTorch's defaults, learning rate 0.001."""

    settings: RunConfig
    data: DataSet  # on the device
    data_dir: Path  # for the program that reads the pictures itself
    device: torch.device
    threads: int

    @property
    def hidden(self) -> tuple[int, ...]:
        """Units of the hidden layers."""
        return self.settings.model.hidden

    @property
    def batch(self) -> int:
        """Samples per step."""
        size = self.settings.training.batch_size
        return len(self.data.train) if size == "full" else min(size, len(self.data.train))

    @property
    def samples(self) -> int:
        """Of one epoch."""
        return len(self.data.train)

    @property
    def steps(self) -> int:
        """Of one epoch, a last partial batch included."""
        return -(-self.samples // self.batch)

    @property
    def flop(self) -> int:
        """Of one epoch's matrix products."""
        return product_flop(self.hidden, self.samples)

    @property
    def is_bf16(self) -> bool:
        """Whether the matrix products are in bfloat16."""
        return self.settings.hardware.precision == "bf16"

    def pictures(self) -> tuple[Tensor, Tensor]:
        """Inputs in 0..1 as float32 and classes, on the device."""
        return self.data.train.inputs.float() / 255, self.data.train.targets

    def net(self) -> nn.Sequential:
        """As the tutorials build it, on the CPU."""
        sizes, layers = (self.data.inputs, *self.hidden), list[nn.Module]()
        for fan_in, fan_out in itertools.pairwise(sizes):
            layers += [nn.Linear(fan_in, fan_out), nn.ReLU()]
        return nn.Sequential(*layers, nn.Linear(sizes[-1], self.data.outputs))

    def settled(self) -> float:
        """The time on the clock, once the device has done all it was given."""
        if self.device.type == "cuda":
            torch.cuda.synchronize(self.device)
        return time.perf_counter()


@contextmanager
def conditions(job: Job) -> Iterator[None]:
    """The threads and the arithmetic that the job asks for; float32 products in full elsewhere."""
    torch.set_num_threads(job.threads)
    torch.set_float32_matmul_precision("high" if job.settings.hardware.precision == "tf32" else "highest")
    try:
        yield
    finally:
        torch.set_float32_matmul_precision("highest")
