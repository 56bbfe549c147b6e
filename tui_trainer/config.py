"""RunConfig: every hyperparameter, once, and which of them contradict each other.

Declared section by section in `data_sections.py`, `augment_sections.py` and `sections.py`.
"""

from __future__ import annotations

from pydantic import BaseModel, ConfigDict, model_validator

from tui_trainer.augment_sections import Augment
from tui_trainer.data_sections import Data, Images, Speech, Split, Table, Text
from tui_trainer.data_sets import DATA_SETS, Task
from tui_trainer.per_layer import PerLayer
from tui_trainer.sections import Hardware, Loss, Model, Optimizer, Output, Regularization, Schedule, Training


class RunConfig(BaseModel):
    """Everything that decides a run's result, and what it writes beside it.

    Frozen; `knobs.build` and `knobs.changed` make them from values.
    """

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Data = Data()
    split: Split = Split()
    table: Table = Table()
    text: Text = Text()
    images: Images = Images()
    speech: Speech = Speech()
    model: Model = Model()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    regularization: Regularization = Regularization()
    augment: Augment = Augment()
    training: Training = Training()
    hardware: Hardware = Hardware()
    output: Output = Output()

    @model_validator(mode="after")
    def _makes_sense(self) -> RunConfig:
        if sentence := contradiction(self):
            raise ValueError(sentence)
        return self


def contradiction(config: RunConfig) -> str | None:
    """The sentence that says why these settings cannot stand together, or None."""
    known = DATA_SETS.get(config.data.name)
    task = known.task if known else config.data.task
    return (
        _crowded(config.hardware)
        or (misfit(config, task, config.data.name) if task != "auto" else None)
        or _unfit_for_source(config)
        or _unfit_for_loss(config)
        or _miscounted(config)
        or _unfit_for_training(config)
    )


def misfit(config: RunConfig, task: Task, name: str, classes: int = 0) -> str | None:
    """Why a loss or a monitored figure does not serve this task, or None.

    The task of own data, and how many classes there are (0: not known yet), is known once they are read.
    """
    loss, monitor = config.loss.name, config.training.monitor
    if config.loss.label_smoothing and task != "classes":
        return "--label-smoothing needs --loss cross_entropy and classes"
    if task == "values":
        if loss in ("cross_entropy", "binary_cross_entropy"):
            return f"--loss {loss} needs classes, but {name} has values to predict; use --loss mse, l1 or huber"
        if monitor in ("val_accuracy", "val_macro_f1", "val_roc_auc", "val_pr_auc"):
            return f"--monitor {monitor} needs classes, but {name} has values to predict; use val_rmse"
        if config.loss.class_weights != "none":
            return f"--class-weights {config.loss.class_weights} needs classes, but {name} has values to predict"
        return None
    if monitor in ("val_roc_auc", "val_pr_auc") and task == "classes" and classes > 2:
        return (
            f"--monitor {monitor} needs two classes or labels, but {name} has {classes:,} classes, whose areas are "
            "measured once, at the end; use val_macro_f1, val_accuracy or val_loss"
        )
    noun = "classes" if task == "classes" else "labels"
    if loss in ("l1", "huber") or (loss == "mse" and task == "labels"):
        return f"--loss {loss} needs values to predict, but {name} has {noun}; leave --loss out"
    if loss == "cross_entropy" and task == "labels":
        return f"--loss cross_entropy needs one class a sample, but {name} has labels; use binary_cross_entropy"
    if monitor in ("val_rmse", "val_mae"):
        other = "val_accuracy or val_loss" if task == "classes" else "val_macro_f1 or val_loss"
        return f"--monitor {monitor} needs values to predict, but {name} has {noun}; use {other}"
    return None


def _unfit_for_source(config: RunConfig) -> str | None:
    data, split = config.data, config.split
    if data.name in DATA_SETS:
        changed = next((word for word in ("target", "test_data", "columns", "derived") if getattr(data, word)), "")
        if data.normalize == "quantile":
            return f"--normalize quantile is for tables of your own; for {data.name} use standard, unit or none"
        if changed or data.task != "auto":
            flag = f"--{(changed or 'task').replace('_', '-')}"
            return f"{flag} is for your own files; {data.name} is known already: name a file with --data"
        if DATA_SETS[data.name].files and split.folds:
            return f"--folds {split.folds}: {data.name} has test samples of its own; leave it out"
    return _unfit_for_split(config) or _unfit_for_text(config)


def _unfit_for_split(config: RunConfig) -> str | None:
    data, split = config.data, config.split
    ways = {
        "--split-group": split.group, "--split-time": split.time, "--split-column": split.column,
        "--test-pattern": split.pattern, "--test-rows": split.test_rows, "--test-last": split.last_rows,
    }  # fmt: skip
    given = [flag for flag, value in ways.items() if value]
    files = [f"--{part}-rows" for part in ("train", "validation", "test") if getattr(split, f"{part}_rows")]
    if data.name in DATA_SETS and (given or files):
        return f"{[*given, *files][0]} is for your own files; {data.name} is known already: name a file with --data"
    if data.test_data:
        given.append("--test-data")
    if len(given) > 1 and not (len(given) == 2 and "--split-group" in given):
        return f"{given[0]} and {given[1]} both say which rows are the test; use one of them"
    if split.folds == 1:
        return "--folds 1 leaves nothing to train on; use 2 or more, or 0"
    if split.folds and [flag for flag in given if flag != "--split-group"]:
        return f"--folds {split.folds} makes the test rows itself; leave {given[-1]} out"
    other = next((flag for flag in given if flag in ("--split-time", "--split-column", "--test-pattern")), "")
    if files and (other or split.folds):
        return f"{other or '--folds'} and {files[0]} both say which rows are trained on; use one of them"
    if split.number and not (split.folds or split.test_rows):
        return f"--split-number {split.number} needs --folds, or --test-rows with a line per split"
    if split.folds and split.number > split.folds:
        return f"--split-number {split.number} is more than --folds {split.folds}"
    return None


def _unfit_for_text(config: RunConfig) -> str | None:
    data = config.data
    if twisted := next(
        (name for name in data.target if data.columns.get(name, "number") in ("ignore", "constant")), ""
    ):
        return f"--columns {twisted}={data.columns[twisted]}: it is the target, which cannot be left out"
    if config.text.features == "sentences" and not config.text.model:
        return "--text-features sentences needs the folder of a sentence model: --text-model FOLDER"
    if config.data.quantile_noise and config.data.normalize != "quantile":
        return "--quantile-noise has an effect with --normalize quantile only"
    return None


def _unfit_for_loss(config: RunConfig) -> str | None:
    if config.loss.label_smoothing and config.loss.name not in ("auto", "cross_entropy"):
        return "--label-smoothing needs --loss cross_entropy and classes"
    if config.loss.class_weights != "none" and config.loss.name == "mse":
        return "--class-weights needs --loss cross_entropy or binary_cross_entropy"
    if config.training.patience and config.data.validation == 0 and config.training.monitor != "train_loss":
        if config.split.validation_rows or config.split.column:
            return None
        return (
            "early stopping (--patience) watches the validation split, but --validation is 0; "
            "give a validation share, use --monitor train_loss, or set --patience 0"
        )
    return None


def _miscounted(config: RunConfig) -> str | None:
    hidden = len(config.model.hidden)
    layers = f"{hidden} hidden layer{'' if hidden == 1 else 's'}"
    lists: list[tuple[str, PerLayer, int, str]] = [
        ("--dropout", config.model.dropout, hidden, f"{layers}: {hidden} expected"),
        ("--init-scale", config.model.init_scale, hidden + 1, f"{layers} and the output: {hidden + 1} expected"),
        ("--max-norm", config.regularization.max_norm, hidden + 1, f"{layers} and the output: {hidden + 1} expected"),
    ]
    for flag, value, count, sentence in lists:
        if isinstance(value, tuple) and len(value) != count:
            numbers = f"{len(value)} number{'' if len(value) == 1 else 's'}"
            return f"{flag} has {numbers} for {sentence}, or a single number for all"
    return None


def _unfit_for_training(config: RunConfig) -> str | None:
    optimizer, training, hardware = config.optimizer, config.training, config.hardware
    if hardware.engine in ("graph", "compile") and (hardware.processes > 1 or "," in hardware.device):
        return f"--engine {hardware.engine} runs in one process, and several are asked for; use --engine eager or auto"
    if hardware.engine == "graph" and hardware.device == "cpu":
        return "--engine graph is a CUDA graph and needs a GPU, but --device is cpu; use --engine auto"
    if optimizer.final_momentum and not optimizer.momentum_epochs:
        return "--final-momentum needs --momentum-epochs: the epochs after which it is reached"
    if optimizer.nesterov and not (optimizer.momentum or optimizer.final_momentum):
        return "--nesterov needs --momentum above 0"
    if config.regularization.mixup and config.table.categories == "embedding":
        return "--mixup mixes inputs, which learned vectors of categories do not allow; use --categories one_hot"
    if not training.ema and not training.ema_warmup:
        return "--no-ema-warmup has an effect with --ema only"
    if optimizer.name == "adamw" and optimizer.weight_decay_mode == "coupled":
        return "adamw is adam with decoupled weight decay; for coupled decay use --optimizer adam"
    if sentence := _over_too_soon(config):
        return sentence
    if config.schedule.name == "one_cycle" and config.schedule.warmup:
        return "one_cycle warms up by itself; leave out --warmup or choose another --schedule"
    if config.schedule.warmup and config.schedule.warmup >= training.epochs:
        return f"--warmup {config.schedule.warmup:g} leaves nothing of --epochs {training.epochs}; make it shorter"
    if config.augment.erasing_least > config.augment.erasing_most:
        least, most = config.augment.erasing_least, config.augment.erasing_most
        return f"--erasing-least {least:g} is more than --erasing-most {most:g}; exchange them"
    if config.model.normalization == "batch" and training.batch_size == 1:
        return "batch normalisation needs at least 2 samples per batch; raise --batch-size or use --normalization layer"
    return None


def _over_too_soon(config: RunConfig) -> str | None:
    """A schedule that ends before the run, at a learning rate of 0."""
    schedule, epochs = config.schedule, config.training.epochs
    ends_at_0 = schedule.name == "one_cycle" or (schedule.name in ("linear", "cosine") and not schedule.final_factor)
    if not (ends_at_0 and 0 < schedule.epochs < epochs):
        return None
    return (
        f"--schedule-epochs {schedule.epochs} ends before --epochs {epochs}, with a learning rate of 0: nothing would "
        "be learned from then on; make it at least as long"
        + ("" if schedule.name == "one_cycle" else ", or give --final-factor")
    )


def _crowded(hardware: Hardware) -> str | None:
    gpus = [part.strip() for part in hardware.device.split(",")]
    if twice := next((gpu for gpu in gpus if gpus.count(gpu) > 1), ""):
        return f"--device {hardware.device}: {twice} stands there twice; each GPU works for one process"
    if len(gpus) > 1 and hardware.processes not in (1, len(gpus)):
        return f"--processes {hardware.processes} with {len(gpus)} GPUs: each GPU has its own process; leave it out"
    if len(gpus) == 1 and hardware.device.startswith("cuda") and hardware.processes > 1:
        return (
            f"--processes {hardware.processes} on {hardware.device} would take turns on one GPU; name as many GPUs, "
            "as in --device cuda:0,cuda:1, or use --device cpu"
        )
    return None
