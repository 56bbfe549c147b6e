"""The tensors that training reads, and what is known of them."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from functools import cached_property

import torch
from torch import Tensor

from tui_trainer.data_sets import Task
from tui_trainer.engine.data.encoding import Encoding
from tui_trainer.engine.data.opened import Part
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.report import ColumnFacts


@dataclass(frozen=True)
class Samples:
    """Inputs (n, features) as uint8 or float32; targets (n,) int64 for classes, (n, outputs) float32 otherwise.

    A label's target is 0 or 1. The last columns of the inputs may be numbers of categories (`DataSet.embedded`).
    """

    inputs: Tensor
    targets: Tensor

    def __len__(self) -> int:
        return self.inputs.shape[0]

    @property
    def nbytes(self) -> int:
        """Memory of inputs and targets."""
        return self.inputs.nbytes + self.targets.nbytes

    def pick(self, rows: Tensor) -> Samples:
        """These rows, copied."""
        return Samples(self.inputs.index_select(0, rows), self.targets.index_select(0, rows))

    def part(self, start: int, stop: int) -> Samples:
        """Those that lie there, not copied."""
        return Samples(self.inputs[start:stop], self.targets[start:stop])

    def to(self, device: torch.device) -> Samples:
        """The same on a device, in the same compact types."""
        return Samples(self.inputs.to(device), self.targets.to(device))


@dataclass(frozen=True)
class Source:
    """A data set as it was read, before anything is split off or scaled."""

    task: Task
    train: Samples
    test: Samples | None
    class_names: tuple[str, ...]
    full_scale: float | None = None  # input value that means 1 (255 for bytes of a picture), where there is one
    channels: int = 0  # of a picture stored channel by channel; 0: each feature stands for itself


@dataclass(frozen=True)
class Scaling:
    """scaled = (raw - shift) / spread, for inputs (1 or features numbers each) and targets (1 or outputs numbers each).

    A division, as everybody writes it: training amplifies the last bit of a reciprocal to 1e-4 of the loss.
    """

    shift: Tensor
    spread: Tensor
    target_shift: Tensor = field(default_factory=lambda: torch.zeros(1))
    target_spread: Tensor = field(default_factory=lambda: torch.ones(1))


@dataclass(frozen=True)
class DataSet:
    """Three splits and the scaling that was measured on the first."""

    name: str
    task: Task
    train: Samples
    validation: Samples | None
    test: Samples
    class_names: tuple[str, ...]  # of labels, theirs; of values, none
    scaling: Scaling
    is_binary: bool = False  # two classes told apart by one output, the logit of the second
    class_weights: Tensor | None = None  # (classes,), mean 1 over the training samples; (labels,), of the positives
    embedded: tuple[tuple[int, int], ...] = ()  # (categories, size of their vectors) of each of the last input columns
    pictures: PictureShape | None = None  # where each sample is one
    encoding: Encoding | None = None  # how the inputs were made, for a prediction
    target_names: tuple[str, ...] = ()  # columns of values, where they have names
    columns: tuple[tuple[str, int, int], ...] = ()  # (name, first input, end) of a table's columns
    described: tuple[ColumnFacts, ...] = ()  # a table's columns as they were read, left out or not; for a check
    place: Callable[[Part, int], str] | None = None  # `people.csv, row 17`, of a split's n-th sample, counted from 0
    notes: tuple[str, ...] = ()  # what was found and done while reading, in sentences

    @property
    def inputs(self) -> int:
        """Features of one sample."""
        return self.train.inputs.shape[1]

    @property
    def outputs(self) -> int:
        """Units of the last layer: classes, or values to predict."""
        if self.task == "classes":
            return 1 if self.is_binary else len(self.class_names)
        return self.train.targets.shape[1]

    def to(self, device: torch.device) -> DataSet:
        """The same with all samples on a device."""
        validation = self.validation.to(device) if self.validation is not None else None
        return replace(self, train=self.train.to(device), validation=validation, test=self.test.to(device))

    @cached_property
    def fingerprint(self) -> str:
        """A digest of the training split: a run resumes on the same samples or not at all."""
        return _digest(self.train)

    @cached_property
    def fingerprint_held_back(self) -> str:
        """The same of validation and test: the figures of a run that goes on are of the same rows as before."""
        return _digest(*(part for part in (self.validation, self.test) if part is not None))


def _digest(*parts: Samples) -> str:
    digest = hashlib.sha256()
    for tensor in (tensor for part in parts for tensor in (part.inputs, part.targets)):
        digest.update(f"{tensor.dtype}{tuple(tensor.shape)}".encode())
        digest.update(tensor.cpu().contiguous().numpy().data.cast("B"))
    return digest.hexdigest()
