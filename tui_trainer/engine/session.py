"""A run's working state: everything that goes from one step to the next, and in and out of a checkpoint."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tui_trainer.config import RunConfig
from tui_trainer.engine import augmentation, session_checkpoint
from tui_trainer.engine.blocks import engine_for, make_steps
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.criterion import loss_name
from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.data.feed import DeviceFeed, Feed
from tui_trainer.engine.data.preprocessing import preprocessing_of
from tui_trainer.engine.early_stopping import EarlyStopping, monitored
from tui_trainer.engine.epoch import Epoch
from tui_trainer.engine.evaluation import evaluate, loss_function
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.meter import meter_for
from tui_trainer.engine.model import build_model
from tui_trainer.engine.order import epoch_order
from tui_trainer.engine.pace import Pace
from tui_trainer.engine.passes import Batch
from tui_trainer.engine.rehearsal import rehearsal
from tui_trainer.engine.schedule import lr_factor
from tui_trainer.engine.step import Step
from tui_trainer.errors import InputError
from tui_trainer.scores import Scores

FIELD_OF = {"val_macro_f1": "macro_f1"}  # where the figure's name and its field differ


class Session:
    """Model, optimizer and counters of a run. `feed` has the training samples; without one they are on the device."""

    def __init__(
        self, config: RunConfig, data: DataSet, device: torch.device, group: Group = ALONE, feed: Feed | None = None
    ) -> None:
        torch.manual_seed(config.training.seed)
        self.feed = feed or DeviceFeed(data.train)
        self.placed = ""  # where the samples are and why, in words
        self.config, self.data, self.device, self.group = config, data, device, group
        self.model = build_model(config.model, data).to(device)
        self.preprocessing = preprocessing_of(data)
        self.loss = loss_function(config.loss, data)  # of evaluations
        engine = engine_for(config, device, group)
        self.meter = meter_for(device, reads=engine == "eager")
        self.steps = make_steps(engine, Step(self.model, config, data, self.meter, group))
        self.record = EarlyStopping(monitored(config.training.monitor, data.task))
        self.best_weights: dict[str, Tensor] | None = None
        self.best_step = 0  # at the end of the best epoch
        self.pace = Pace()
        self._waited = 0.0  # for samples, before this epoch
        self.epochs_done = 0
        self.position = 0  # samples of the running epoch that were trained on
        self.step = 0
        self.lr = config.optimizer.lr
        self._has_schedule = config.schedule.name != "constant" or config.schedule.warmup > 0
        self._order: Tensor | None = None
        self._epoch: Epoch | None = None
        self._plan_epoch()

    @property
    def batch_size(self) -> int:
        """Samples per step; "full" is the whole split."""
        size, samples = self.config.training.batch_size, len(self.data.train)
        return samples if size == "full" else min(size, samples)

    def _plan_epoch(self) -> None:
        """Where the running epoch ends, in samples: a dropped partial batch lies beyond it."""
        left = len(self.data.train) - self.position
        size = self.batch_size
        self.epoch_end = self.position + (left // size * size if self.config.training.drop_last else left)
        if self._order is not None:
            self._epoch = Epoch(self.feed, self._order, self.group, size, self.position, self.epoch_end)
        steps = len(self.data.train) // size
        self.steps.fit(steps, size)
        self._look_every = 0
        if self.data.task == "classes":  # every batch would cost a small net 2 to 10 % of its speed
            self._look_every = 1 if steps <= 4 else 4 if steps < 64 else 8

    @property
    def samples_left(self) -> int:
        """To the end of the run."""
        epochs_left = self.config.training.epochs - self.epochs_done
        return max(0, epochs_left * len(self.data.train) - self.position)

    @property
    def answering(self) -> nn.Sequential:
        """The net that is evaluated and kept as best, and that predicts: `model`, or the one of averaged weights."""
        average = self.steps.step.average
        return self.model if average is None else average.net

    @property
    def evaluated_split(self) -> Samples:
        """What the val_* figures are measured on: the test split where there is no validation split."""
        return self.data.validation if self.data.validation is not None else self.data.test

    def draw_order(self) -> None:
        """The running epoch's order, from the seed and its number alone."""
        training = self.config.training
        epoch, samples = self.epochs_done + 1, len(self.data.train)
        self._order = epoch_order(training.seed, epoch, samples, shuffle=training.shuffle, device=self.device)
        self._plan_epoch()

    def start_epoch(self) -> None:
        """Draw the running epoch's order; a meter that a checkpoint has filled stays as it is."""
        self.draw_order()
        if self.position == 0:
            self.meter.start_epoch(self.step)
            self.meter.start_accuracy()
        self.steps.start_epoch(self.epochs_done)
        self.pace.start_epoch()
        self._waited = self.feed.seconds_waited

    @property
    def seconds_waiting(self) -> float | None:
        """Of this epoch, for samples that are not on the device; None where all are."""
        return None if self.feed.tier == "device" else self.feed.seconds_waited - self._waited

    @property
    def work_ahead(self) -> str:
        """What has to be done before the next block of steps can run, in words; "" for nothing."""
        if self.steps.block * self.batch_size > self.epoch_end - self.position:
            return ""
        return self.steps.work_ahead(self.batch_size, self._look_in(self.steps.block))

    def prepare_steps(self) -> list[str]:
        """Do that work. Returns what went otherwise than was asked for, in sentences."""
        with rehearsal(self):
            self.steps.prepare(*self._work(self.steps.block))
        troubles, self.steps.troubles = self.steps.troubles, []
        return troubles

    def take_steps(self) -> bool:
        """The next optimizer step, or the next block of steps; False when the epoch has none left."""
        left = self.epoch_end - self.position
        if left <= 0:
            return False
        count = self.steps.block if left >= self.steps.block * self.batch_size else 1
        samples = min(count * self.batch_size, left)
        data, rows, batch, lrs, look_every = self._work(count)
        looked = look_every and batch.size * (count // look_every)
        self.meter.count(samples, looked, count)
        self.steps.run(data, rows, batch, lrs, look_every)
        self.pace.count(samples)
        self.step += count
        self.position += samples
        self.lr = lrs[-1]
        return True

    def _work(self, count: int) -> tuple[Samples, Tensor | None, Batch, list[float], int]:
        """The arguments of `Steps.run` for so many steps from here."""
        assert self._epoch is not None  # noqa: S101  # start_epoch made it
        samples, rows = self._epoch.samples(self.position, count)
        size = min(self.batch_size, self.epoch_end - self.position)
        lrs = [self._lr_at(self.position + number * size) for number in range(count)]
        look_every = self._look_in(count) if count > 1 else int(self._is_looked_at(self.step + 1))
        return samples, rows, Batch(size, self.group.share(size)), lrs, look_every

    def _is_looked_at(self, step: int) -> bool:
        return bool(self._look_every) and step % self._look_every == 0

    def _look_in(self, block: int) -> int:
        """Of every so many batches of a block one is looked at, and of a small one, one; 0: of none."""
        return min(self._look_every, block)

    def _lr_at(self, position: int) -> float:
        """The learning rate of the step that begins at a position of the running epoch."""
        lr = self.config.optimizer.lr
        if not self._has_schedule:
            return lr
        moment = self.epochs_done + position / len(self.data.train)
        return lr * lr_factor(self.config.schedule, moment, self.config.training.epochs)

    def finish_epoch(self, scores: Scores) -> bool:
        """Count the epoch and keep its weights if it is the best so far. Returns whether it is."""
        value = (
            self.meter.mean()
            if self.record.metric == "train_loss"
            else getattr(scores, FIELD_OF.get(self.record.metric, self.record.metric))
        )
        self.epochs_done += 1
        self.position = 0
        self.record = self.record.seen(value, self.epochs_done, self.config.training.min_change)
        is_best = self.record.best_epoch == self.epochs_done
        if is_best:
            self.best_weights = {name: tensor.detach().clone() for name, tensor in self.answering.state_dict().items()}
            self.best_step = self.step
        return is_best

    def evaluate(self, split: Samples, *, in_full: bool = False) -> Scores:
        """The figures of a split under the present weights; `in_full` as `evaluation.evaluate` says."""
        has_logits = loss_name(self.config.loss, self.data.task) != "mse"
        with self.pace.aside():
            net, group = self.answering, self.group
            return evaluate(net, split, self.data, self.loss, group, in_full=in_full, has_logits=has_logits)

    def change(self, config: RunConfig) -> None:
        """Let changed live hyperparameters take effect from the next step on. Raises InputError for what cannot be."""
        begun = self.epochs_done + (1 if self.position else 0)
        if config.training.epochs < begun:
            raise InputError(f"epochs {config.training.epochs}: epoch {begun} has begun already; give it at least that")
        check_fits(config, self.data)
        if config.training.batch_size != self.config.training.batch_size:
            self.pace.forget_rate()
        self.config = config
        self._plan_epoch()
        self.loss = loss_function(config.loss, self.data)
        self.steps.change(config)

    def capture(self) -> Checkpoint:
        """Everything a resume needs, copied."""
        return session_checkpoint.last_of(self)

    def capture_best(self) -> Checkpoint | None:
        """The best epoch's weights."""
        return session_checkpoint.best_of(self)

    def restore(self, last: Checkpoint, best: Checkpoint | None) -> None:
        """Go on exactly where a checkpoint was taken. Raises InputError where the data or the net is another one."""
        session_checkpoint.restore(self, last, best)


def check_fits(config: RunConfig, data: DataSet) -> None:
    """Raises InputError for settings that these data cannot serve."""
    augmentation.check(config.augment, data)
    training, samples = config.training, len(data.train)
    size = samples if training.batch_size == "full" else training.batch_size
    if training.drop_last and size > samples:
        raise InputError(f"--batch-size {size:,} with --drop-last leaves no batch of {samples:,} training samples")
    left = samples % min(size, samples)
    if config.model.normalization == "batch" and not training.drop_last and (left == 1 or samples == 1):
        raise InputError(
            f"--batch-size {size:,} leaves a last batch of one of {samples:,} samples, which batch normalisation "
            "cannot use; add --drop-last or choose another size"
        )
