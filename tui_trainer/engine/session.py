"""A run's working state: everything that goes from one step to the next, and in and out of a checkpoint."""

from __future__ import annotations

import hashlib
from typing import Any

import torch
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.early_stopping import EarlyStopping, monitored
from tui_trainer.engine.evaluation import evaluate, loss_function
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.meter import meter_for
from tui_trainer.engine.model import build_model, set_dropout
from tui_trainer.engine.optim import apply_live, lr_factor, make_optimizer
from tui_trainer.engine.pace import Pace
from tui_trainer.engine.step import EagerStep
from tui_trainer.errors import InputError
from tui_trainer.events import Scores
from tui_trainer.knobs import values_of

FIELD_OF = {"val_macro_f1": "macro_f1"}  # where the figure's name and its field differ


def epoch_order(seed: int, epoch: int, samples: int, *, shuffle: bool) -> Tensor:
    """The order of an epoch (counted from 1), from the seed alone: a resume needs no generator's state for it.

    Hashed, so that neighbouring seeds share no epoch's order.
    """
    if not shuffle:
        return torch.arange(samples)
    digest = hashlib.sha256(f"{seed}/{epoch}".encode()).digest()
    generator = torch.Generator().manual_seed(int.from_bytes(digest[:8], "big") >> 1)
    return torch.randperm(samples, generator=generator)


class Session:
    """Model, optimizer and counters of a run. The data must be on the device already."""

    def __init__(self, config: RunConfig, data: DataSet, device: torch.device, group: Group = ALONE) -> None:
        torch.manual_seed(config.training.seed)
        self.config, self.data, self.device, self.group = config, data, device, group
        self.model = build_model(config.model, data).to(device)
        self.optimizer = make_optimizer(config.optimizer, self.model)
        self.meter = meter_for(device)
        loss = loss_function(config.loss, data)
        self.do_step = EagerStep(self.model, self.optimizer, loss, config, data.train, self.meter)
        self.record = EarlyStopping(monitored(config.training.monitor, data.task))
        self.best_weights: dict[str, Tensor] | None = None
        self.pace = Pace()
        self.epochs_done = 0
        self.position = 0  # samples of the running epoch that were trained on
        self.step = 0
        self.lr = config.optimizer.lr
        self._has_schedule = config.schedule.name != "constant" or config.schedule.warmup > 0
        self._order: Tensor | None = None
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
        steps = len(self.data.train) // size
        if self.data.task == "classes":  # every batch would cost a small net 2 to 10 % of its speed
            self.do_step.look_every = 1 if steps <= 4 else 4 if steps < 64 else 8

    @property
    def samples_left(self) -> int:
        """To the end of the run."""
        epochs_left = self.config.training.epochs - self.epochs_done
        return max(0, epochs_left * len(self.data.train) - self.position)

    @property
    def evaluated_split(self) -> Samples:
        """What the val_* figures are measured on: the test split where there is no validation split."""
        return self.data.validation if self.data.validation is not None else self.data.test

    def start_epoch(self) -> None:
        """Draw the running epoch's order; a meter that a checkpoint has filled stays as it is."""
        training = self.config.training
        order = epoch_order(training.seed, self.epochs_done + 1, len(self.data.train), shuffle=training.shuffle)
        self._order = order.to(self.device)
        self._plan_epoch()
        if self.position == 0:
            self.meter.start_epoch(self.step)
            self.meter.start_accuracy()
        self.pace.start_epoch()

    def take_step(self) -> bool:
        """One optimizer step on the next rows, or False when the epoch has none left."""
        if self.position >= self.epoch_end or self._order is None:
            return False
        rows = self._order[self.position : min(self.epoch_end, self.position + self.batch_size)]
        self.lr = self.config.optimizer.lr
        if self._has_schedule:
            moment = self.epochs_done + self.position / len(self.data.train)
            self.lr *= lr_factor(self.config.schedule, moment, self.config.training.epochs)
        self.do_step(rows, self.lr, self.step + 1)
        self.step += 1
        self.position += len(rows)
        self.pace.count(len(rows))
        return True

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
            self.best_weights = {name: tensor.detach().clone() for name, tensor in self.model.state_dict().items()}
        return is_best

    def evaluate(self, split: Samples) -> Scores:
        """The figures of a split under the present weights."""
        with self.pace.aside():
            return evaluate(self.model, split, self.data, self.do_step.loss, self.group)

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
        set_dropout(self.model, config.model)
        self.do_step.change(config, loss_function(config.loss, self.data))
        apply_live(self.optimizer, config.optimizer)

    def capture(self) -> Checkpoint:
        """Everything a resume needs, copied."""
        training = {f"optimizer.{key}": value for key, value in _flat(self.optimizer.state_dict()["state"]).items()}
        training["random.cpu"] = torch.get_rng_state()
        if self.device.type == "cuda":
            training["random.cuda"] = torch.cuda.get_rng_state(self.device)
        facts = {
            **self._identity(),
            "epochs_done": self.epochs_done,
            "position": self.position,
            "step": self.step,
            "loss_total": self.meter.total,
            "samples_metered": self.meter.samples,
            "correct": self.meter.correct,
            "looked": self.meter.looked,
            "seconds": self.pace.seconds,
            "threads": torch.get_num_threads(),
            "record": vars(self.record),
            "config": values_of(self.config),
        }
        return Checkpoint("last", facts, _on_cpu(self.model.state_dict()), _on_cpu(training))

    def capture_best(self) -> Checkpoint | None:
        """The best epoch's weights."""
        if self.best_weights is None:
            return None
        facts = {
            **self._identity(),
            "epochs_done": self.record.best_epoch,
            "record": vars(self.record),
            "config": values_of(self.config),
        }
        return Checkpoint("best", facts, _on_cpu(self.best_weights))

    def restore(self, last: Checkpoint, best: Checkpoint | None) -> None:
        """Go on exactly where a checkpoint was taken. Raises InputError where the data or the net is another one."""
        self._check_identity(last)
        facts = last.facts
        self.model.load_state_dict(last.weights)
        state = _nested({k[10:]: v for k, v in last.training.items() if k.startswith("optimizer.")})
        self.optimizer.load_state_dict({**self.optimizer.state_dict(), "state": state})
        self.do_step.update.forget()
        self.record = EarlyStopping(**facts["record"])
        self.best_weights = {name: t.to(self.device) for name, t in best.weights.items()} if best else None
        if best is None and self.record.best_epoch:
            self.record = EarlyStopping(self.record.metric, epochs_since=self.record.epochs_since)
        self.epochs_done, self.position, self.step = facts["epochs_done"], facts["position"], facts["step"]
        self.meter.start_epoch(self.step, facts["loss_total"], facts["samples_metered"])
        self.meter.start_accuracy(facts.get("correct", 0), facts.get("looked", 0))
        self.pace = Pace(facts["seconds"])
        torch.set_rng_state(last.training["random.cpu"])
        if self.device.type == "cuda" and "random.cuda" in last.training:
            torch.cuda.set_rng_state(last.training["random.cuda"], self.device)

    def _identity(self) -> dict[str, Any]:
        return {
            "data": self.data.name,
            "data_digest": self.data.fingerprint,
            "task": self.data.task,
            "inputs": self.data.inputs,
            "outputs": self.data.outputs,
            "class_names": list(self.data.class_names),
            "hidden": list(self.config.model.hidden),
        }

    def _check_identity(self, checkpoint: Checkpoint) -> None:
        for what, now in self._identity().items():
            then = checkpoint.facts[what]
            if then != now and what != "data_digest":
                raise InputError(
                    f"the checkpoint was trained with {what} {then}, but config.toml and the data give {now}; "
                    "undo the change, or start a new run"
                )
            if then != now:
                raise InputError(
                    f"the data set {self.data.name} is not the one this run was trained on (same shape, other values); "
                    "restore it, or start a new run"
                )


def check_fits(config: RunConfig, data: DataSet) -> None:
    """Raises InputError for settings that these data cannot serve."""
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


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}


def _flat(state: dict[int, dict[str, Any]]) -> dict[str, Tensor]:
    return {f"{n}.{key}": v for n, entry in state.items() for key, v in entry.items() if isinstance(v, Tensor)}


def _nested(flat: dict[str, Tensor]) -> dict[int, dict[str, Tensor]]:
    state: dict[int, dict[str, Tensor]] = {}
    for name, tensor in flat.items():
        number, key = name.split(".", 1)
        state.setdefault(int(number), {})[key] = tensor
    return state
