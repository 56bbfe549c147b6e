"""What a run was, as far as it decides its losses: settings, what was changed on the way, and where it was trained."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from tui_trainer import config_file
from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint
from tui_trainer.engine.criterion import loss_name
from tui_trainer.engine.data import vision
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.early_stopping import monitored
from tui_trainer.engine.model import scaling_of
from tui_trainer.errors import InputError, listed
from tui_trainer.events import Event, HyperparametersChanged, RunEnded, RunResumed, RunStarted
from tui_trainer.inside_events import WentBack
from tui_trainer.knobs import KNOBS, changed
from tui_trainer.per_layer import by_layer
from tui_trainer.run_dir import RunDir

REPLAYED = (
    "lr", "momentum", "final_momentum", "weight_decay", "clip_norm", "dropout", "input_dropout", "epochs", "batch_size"
)  # fmt: skip
FIGURES = ("val_loss", "val_accuracy", "val_rmse", "val_mae", "train_loss")
BINARY = "binary_cross_entropy"
CANNOT = "--to python cannot repeat a run"
WHY = {"stopped": "The run was stopped", "diverged": "The run diverged: this is its last checkpoint"}
Changes = tuple[tuple[int, Mapping[str, Any]], ...]


@dataclass(frozen=True)
class Halt:
    """Where a run ended that neither its epochs nor its patience ended, and in words why."""

    epochs: int  # whole ones
    step: int
    is_inside: bool  # steps of one more epoch were done
    why: str

    @property
    def sentence(self) -> str:
        """For who exports, and for who reads the program."""
        where = f"in epoch {self.epochs + 1:,}, " if self.is_inside else ""
        return f"{self.why}; its program ends there, {where}after {self.step:,} steps"


@dataclass(frozen=True)
class Story:
    """`changes` are (steps done by then, {live hyperparameter: value}), in order."""

    name: str
    config: RunConfig  # as the run began
    data: DataSet
    threads: int = 1
    device: str = "cpu"
    changes: Changes = ()
    halt: Halt | None = None
    notes: tuple[str, ...] = field(default=())

    @property
    def loss(self) -> str:
        """Its name, `auto` resolved."""
        return loss_name(self.config.loss, self.data.task)

    @property
    def monitor(self) -> str:
        """The figure that decides which epoch is best."""
        return monitored(self.config.training.monitor, self.data.task)

    @property
    def is_of_torchvision(self) -> bool:
        """Whether torchvision has the data."""
        return self.data.name in vision.CLASSES

    @property
    def placed(self) -> str:
        """The last argument of what makes a tensor."""
        return "" if self.device == "cpu" else ", device=device"

    def changes_of(self, *names: str) -> bool:
        """Whether one of these was changed on the way."""
        return any(name in values for _, values in self.changes for name in names)


def story_of(run: RunDir, data: DataSet, data_dir: str | None = None) -> Story:
    """From a run's folder. Raises InputError naming what the program could not repeat."""
    config = config_file.load(run.config)
    if data_dir is not None:
        config = changed(config, {"data_dir": data_dir})
    told = list(run.read_milestones())
    started = next((event for event in told if isinstance(event, RunStarted)), None)
    if started is None:
        raise InputError(f"run {run.name!r}: its events do not say how it began; train it again")
    if any(isinstance(event, WentBack) for event in told):
        raise InputError(f"{CANNOT} that went back to a checkpoint while it trained; use another format")
    before, changes = folded(told, config)
    if halt := halt_of(run, told):
        changes = tuple((step, values) for step, values in changes if step < halt.step)
    config = changed(config, {**before, "epochs": before.get("epochs", started.epochs)})
    if config.schedule.name == "constant" and not config.schedule.warmup:  # then only the last number counts
        config, changes = _with_last_epochs(config, changes)
    check(config, data, changes)
    _check_engine(config, changes, told)
    data = replace(data, scaling=scaling_of(data))
    notes = (*_notes(told, started), *([halt.sentence] if halt else []))
    return Story(run.name, config, data, started.threads, started.device, changes, halt, notes)


def halt_of(run: RunDir, told: Iterable[Event]) -> Halt | None:
    """By the last checkpoint: a run that is stopped saves one where it stands. None: it came to its own end."""
    end: RunEnded | None = None
    for event in told:
        end = event if isinstance(event, RunEnded) else None if isinstance(event, RunResumed) else end
    if end and end.reason in ("completed", "early_stopped"):
        return None
    why = WHY.get(end.reason if end else "", "The run has no end: this is its last checkpoint")
    last = checkpoint.find(run.checkpoints).last
    if last is None:
        raise InputError(f"run {run.name!r} has no good checkpoint; train it first")
    facts = last.facts
    return Halt(facts["epochs_done"], facts["step"], facts["position"] > 0, why)


def folded(told: Iterable[Event], config: RunConfig) -> tuple[dict[str, Any], Changes]:
    """({hyperparameter: its value before it was first changed}, the changes that were not undone by a resume)."""
    before: dict[str, Any] = {}
    changes: list[tuple[int, Mapping[str, Any]]] = []
    for event in told:
        match event:
            case HyperparametersChanged():
                for name, value in event.before.items():
                    before.setdefault(name, value)
                changes.append((event.step, event.values))
            case RunResumed():
                changes = [(step, values) for step, values in changes if step <= event.step]
                force = {name: knob.of(config) for name, knob in KNOBS.items()} | before
                for _, values in changes:
                    force |= values
                known = {name: value for name, value in event.live.items() if name in before}
                if moved := {name: value for name, value in known.items() if value != force[name]}:
                    changes.append((event.step, moved))
    merged: dict[int, dict[str, Any]] = {}
    for step, values in changes:
        merged.setdefault(step, {}).update(values)
    return {name: value for name, value in before.items() if name in KNOBS}, tuple(merged.items())


def _with_last_epochs(config: RunConfig, changes: Changes) -> tuple[RunConfig, Changes]:
    for _, values in changes:
        config = changed(config, {"epochs": values["epochs"]}) if "epochs" in values else config
    left = [(step, {name: value for name, value in values.items() if name != "epochs"}) for step, values in changes]
    return config, tuple((step, values) for step, values in left if values)


def check(config: RunConfig, data: DataSet, changes: Changes) -> None:
    """Raises InputError naming a setting that no program is written for."""
    has_weights = config.loss.class_weights != "none" and loss_name(config.loss, data.task) == BINARY
    if config.regularization.mixup and has_weights:
        raise InputError(f"{CANNOT} with --mixup and --class-weights of {BINARY}; use another format")
    names = sorted({name for _, values in changes for name in values if name not in REPLAYED})
    if names:
        raise InputError(f"{CANNOT} whose {listed(names)} was changed while it trained; use another format")
    steps = [values for _, values in changes]
    if any("batch_size" in values for values in steps) and config.training.drop_last:
        raise InputError(f"{CANNOT} with --drop-last whose batch size was changed while it trained; use another format")
    metric = monitored(config.training.monitor, data.task)
    if metric not in FIGURES and (config.training.patience or data.validation is not None):
        raise InputError(
            f"{CANNOT} whose best epoch is that of --monitor {metric}; it can with {', '.join(FIGURES)}; "
            "use another format"
        )


def _check_engine(config: RunConfig, changes: Changes, told: Iterable[Event]) -> None:
    """Blocks of steps draw the deformations of several batches first, and then what their steps draw."""
    said = {event.engine for event in told if isinstance(event, RunStarted | RunResumed)}
    engines = [engine for engine in ("graph", "compile") if engine in said]
    model = config.model
    draws = any(by_layer(model.dropout, len(model.hidden))) or model.input_dropout or config.regularization.mixup
    draws = draws or any({"dropout", "input_dropout"} & set(values) for _, values in changes)
    if engines and draws and config.augment.is_on:
        raise InputError(
            f"{CANNOT} with augmentation and dropout or mixup that was trained with --engine {engines[0]}, whose "
            "random numbers come in another order; train with --engine eager, or use another format"
        )


def _notes(told: Iterable[Event], started: RunStarted) -> Iterable[str]:
    threads = {event.threads for event in told if isinstance(event, RunResumed)} - {started.threads}
    if threads:
        yield (
            "The run went on with other numbers of threads, which add up in another order; its program keeps to "
            f"{started.threads}"
        )
    if started.devices and len(started.devices) > 1:
        yield "The run was trained by several processes, which add up in another order; its program is one process"
    if started.device.startswith("cuda"):
        yield "The run was trained on a GPU, and so will be its program; there the losses agree less closely"
    if started.engine == "compile":
        yield "The run was compiled, which rounds otherwise: the losses of its program agree less closely"
