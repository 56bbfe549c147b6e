"""One optimizer step: forward, loss, backward, sum over the processes, update. Reads from top to bottom.

The same code runs step by step (`EagerSteps`), and in blocks that are captured or compiled (`blocks.py`). Nothing here
waits for a GPU; on the CPU, where reading costs nothing, the meter looks at every loss before the weights change.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

import torch
from torch import Tensor, nn

from tui_trainer.config import RunConfig
from tui_trainer.engine.augmentation import augmentation_for
from tui_trainer.engine.average import Average
from tui_trainer.engine.criterion import Criterion
from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.group import Group
from tui_trainer.engine.meter import LossMeter
from tui_trainer.engine.mixup import Mixup
from tui_trainer.engine.model import set_dropout
from tui_trainer.engine.optim import Number, Update, shape_of
from tui_trainer.engine.parameters import Parameters
from tui_trainer.engine.passes import Batch, Passes


class Step:
    """The step of a net under its present settings."""

    def __init__(self, model: nn.Sequential, config: RunConfig, data: DataSet, meter: LossMeter, group: Group) -> None:
        self.meter, self.group = meter, group
        self.parameters = Parameters(model)
        self.update = Update(config.optimizer, config.regularization, self.parameters)
        self.criterion = Criterion(config.loss, data, self.parameters.flat.device)
        self.average = Average(config.training, model, self.parameters) if config.training.ema else None
        self._model, self._data = model, data
        self.augmentation = augmentation_for(config.augment, data, self.parameters.flat.device)
        self._mixup = self._mixup_of(config)
        self._kind = self._kind_of(config)
        self._is_bf16 = config.hardware.precision == "bf16"
        self.passes = self._lay_passes()

    def deformed(self, samples: Samples, batch: Batch, count: int = 1) -> Samples:
        """The samples of `count` batches one behind the other, their pictures deformed anew where that is asked for."""
        return samples if self.augmentation is None else self.augmentation(samples, batch, count)

    def batches_at_once(self, batch: Batch, count: int) -> int:
        """How many of `count` batches are best deformed together."""
        return count if self.augmentation is None else min(count, self.augmentation.batches_at_once(batch.own_size))

    def __call__(self, inputs: Tensor, targets: Tensor, batch: Batch, lr: Number, *, is_looked_at: bool) -> None:
        """One update from this process's samples of a batch: raw inputs (n, features), targets as in `Samples`."""
        if self._mixup is None:
            outputs, kept = self.passes.forward(inputs, batch)
            total, grad = self.criterion(outputs, targets, batch.size)
        else:
            inputs, mixed = self._mixup(inputs, targets, batch)
            outputs, kept = self.passes.forward(inputs, batch)
            total, grad = self.criterion.of_mixed(outputs, mixed, batch.size)
            targets = mixed.dominant
        right = self.criterion.right(outputs, targets) if is_looked_at else None
        grad = self.passes.backward(grad, kept)
        if self.group.size > 1:
            total, right = self._add_up(total, right)
        poisoned = self.meter.add(total)
        if right is not None:
            self.meter.add_right(right)
        self.update(grad, lr, poisoned)
        if self.average is not None:
            self.average()

    def _add_up(self, total: Tensor, right: Tensor | None) -> tuple[Tensor, Tensor | None]:
        """Gradient, losses and right predictions of the whole group, in one exchange."""
        extras = self.parameters.extras
        extras[0] = total
        if right is not None:
            extras[1] = right
        self.group.add_up(self.parameters.summed)
        return extras[0], None if right is None else extras[1].long()

    def tensors(self) -> list[Tensor]:
        """All that a step changes, but for the running figures of a normalisation."""
        averaged = [] if self.average is None else self.average.tensors()
        return [self.parameters.flat, *averaged, *self.update.tensors(), *self.meter.tensors()]

    def change(self, config: RunConfig) -> bool:
        """Live settings that hold from the next step on. Returns whether other operations are needed for them."""
        before, self._kind = self._kind, self._kind_of(config)
        self.criterion.change(config.loss)
        self.update.change(config.optimizer)
        set_dropout(self._model, config.model)
        if before == self._kind:
            return False
        self._mixup = self._mixup_of(config)
        self.passes = self._lay_passes()
        self.augmentation = augmentation_for(config.augment, self._data, self.parameters.flat.device)
        return True

    def _kind_of(self, config: RunConfig) -> tuple[object, ...]:
        """What of the live settings decides which operations a step has, and on which memory."""
        return (
            shape_of(config.optimizer),
            config.model.dropout,
            config.model.input_dropout,
            config.training.batch_size,
            config.augment,
            config.regularization.mixup,
        )

    def _mixup_of(self, config: RunConfig) -> Mixup | None:
        strength = config.regularization.mixup
        return Mixup(strength, self.group, self.parameters.flat.device) if strength else None

    def _lay_passes(self) -> Passes:
        return Passes(self._model, self.parameters, self.group, is_bf16=self._is_bf16)


class Steps(Protocol):
    """How steps are run. `block`: so many full batches at once; whatever is left of an epoch comes one by one."""

    step: Step
    block: int
    name: str
    troubles: list[str]

    def run(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look_every: int) -> None:
        """len(lrs) steps on as many batches, whose samples of this process lie one behind the other.

        They are these rows of `samples`, or (None) all of it. Of every so many batches one is looked at (0: of none).
        """

    def work_ahead(self, batch_size: int, look_every: int) -> str:
        """What has to be done before a block of such batches can run, in words; "" for nothing."""

    def prepare(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look: int) -> None:
        """Do that work, by steps on these samples. What they change is the caller's to restore."""

    def fit(self, full_batches: int, size: int) -> None:
        """Choose `block` for epochs of so many full batches of this size."""

    def start_epoch(self, epochs_done: int) -> None:
        """What moves by the epoch takes its value for the one after so many."""

    def change(self, config: RunConfig) -> None:
        """Live settings that hold from the next step on."""


class EagerSteps:
    """Step by step: for any device, option and number of processes."""

    block = 1
    name = "eager"

    def __init__(self, step: Step) -> None:
        self.step = step
        self.troubles: list[str] = []

    @torch.no_grad()
    def run(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look_every: int) -> None:
        """See `Steps`."""
        if rows is not None:
            samples = samples.pick(rows)
        samples = self.step.deformed(samples, batch)
        self.step(samples.inputs, samples.targets, batch, lrs[0], is_looked_at=look_every == 1)

    def work_ahead(self, batch_size: int, look_every: int) -> str:
        """See `Steps`."""
        return ""

    def prepare(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look: int) -> None:
        """See `Steps`."""

    def fit(self, full_batches: int, size: int) -> None:
        """See `Steps`."""

    def start_epoch(self, epochs_done: int) -> None:
        """See `Steps`."""
        self.step.update.start_epoch(epochs_done)

    def change(self, config: RunConfig) -> None:
        """See `Steps`."""
        self.step.change(config)
