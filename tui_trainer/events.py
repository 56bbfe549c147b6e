"""What a run says: one JSON object a line in `events.jsonl`, and on standard output with `--json`.

Schema version 1. Every event has `event` (its name) and `time` (Unix seconds). Later versions may add events and
fields, never rename or remove them: a reader passes over what it does not know (`parse` returns None). A line without
its newline is not written yet. Losses are the mean over samples of the configured loss, without penalties; for a
regression they are in units of the scaled target, `*_rmse` and `*_mae` in original units. Shares (accuracy, precision,
...) lie in 0..1. A figure that could not be measured is null.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError

from tui_trainer.inside_events import Alerted, AlertPassed, NetMeasured, RemedyApplied, WentBack
from tui_trainer.said import Count, Said
from tui_trainer.scores import DETAILS, Scores
from tui_trainer.split_events import SplitBegan, SplitsEnded

SCHEMA_VERSION = 1
EndReason = Literal["completed", "stopped", "early_stopped", "diverged", "failed"]


class PhaseBegan(Said):
    """A worker in a process of its own says what keeps it from training yet."""

    event: Literal["phase_began"] = "phase_began"
    what: str  # `reading mnist`


class RunStarted(Said):
    """What is trained on what, where: the first event of a run but for `phase_began`."""

    event: Literal["run_started"] = "run_started"
    schema_version: int = SCHEMA_VERSION
    run: str
    run_dir: str
    data: str
    task: Literal["classes", "values", "labels"]
    class_names: list[str]  # of labels, theirs
    target_names: list[str] | None = None  # of values, where their columns have names
    is_binary: bool = False  # two classes told apart by one output
    inputs: int
    outputs: int
    hidden: list[int]
    parameters: int
    train_samples: int
    validation_samples: int
    test_samples: int
    evaluated_on: Literal["validation", "test"]  # what the val_* figures of this run are measured on
    monitor: str  # the figure that decides which epoch is best
    epochs: Count
    steps_per_epoch: Count
    seed: int
    device: str
    device_name: str
    threads: int
    precision: str
    pid: int
    host: str
    devices: list[str] | None = None  # of several processes: each one's, with its host where there are several
    engine: str | None = None  # how steps are run: eager, graph or compile
    tier: Literal["device", "host", "file"] | None = None  # where the training samples are
    placed: str | None = None  # the same in words, with their size
    seconds_expected: float | None = None  # of all epochs, by a glance at some steps; absent where that takes too long


class RunResumed(Said):
    """A new process goes on from a checkpoint; what was said of later steps before is void."""

    event: Literal["run_resumed"] = "run_resumed"
    epochs: Count
    epochs_done: Count
    step: Count
    checkpoint: str  # folder's name; "" when there was none and the run starts over
    live: dict[str, Any] = Field(default_factory=dict)  # the live hyperparameters in force
    device: str
    device_name: str
    threads: int
    pid: int
    host: str
    devices: list[str] | None = None  # as in `run_started`, and so the rest
    engine: str | None = None
    tier: Literal["device", "host", "file"] | None = None
    placed: str | None = None


class Progress(Said):
    """At most ten times a second: mean loss and rate since the last one."""

    event: Literal["progress"] = "progress"
    epoch: Count  # the running epoch, from 1
    epochs: Count
    step: Count  # optimizer steps since the run began
    epoch_fraction: float  # share of this epoch done
    loss: float
    accuracy: float | None = None  # of the batches that were looked at, with dropout as in training
    lr: float
    samples_per_second: float
    seconds_left: float


class EpochFacts(Said):
    """The part of `EpochEnded` that stands before its scores on the line."""

    epoch: Count
    epochs: Count
    step: Count
    train_loss: float
    train_accuracy: float | None = None  # of classes: of the batches looked at, under the weights of their moment
    lr: float  # of the epoch's last step
    samples_per_second: float  # of training alone, without the evaluation
    seconds: float  # of this epoch, evaluation included
    seconds_waiting: float | None = None  # of these, for samples that are not on the device
    is_best: bool


class EpochEnded(Scores, EpochFacts):
    """After the evaluation that ends an epoch."""

    promised = frozenset({"val_loss"})
    event: Literal["epoch_ended"] = "epoch_ended"

    def without_details(self) -> EpochEnded:
        """The same without the per-class figures and the confusion matrix, which grow with the classes."""
        return self.model_copy(update=dict.fromkeys(DETAILS))


class Evaluated(Scores, Said):
    """The answer to an `evaluate` command, in the middle of an epoch."""

    event: Literal["evaluated"] = "evaluated"
    epoch: Count
    step: Count
    id: str | None = None


class CheckpointSaved(Said):
    """A checkpoint is on disk, flushed and in place."""

    event: Literal["checkpoint_saved"] = "checkpoint_saved"
    kind: Literal["last", "best"]
    epochs_done: Count
    step: Count
    bytes: int
    seconds: float
    id: str | None = None


class Paused(Said):
    """Training waits (a checkpoint was saved) until `resume` or `stop`."""

    event: Literal["paused"] = "paused"
    step: Count
    id: str | None = None


class Continued(Said):
    """Training goes on after a pause."""

    event: Literal["continued"] = "continued"
    step: Count
    id: str | None = None


class HyperparametersChanged(Said):
    """These values hold from this step on."""

    event: Literal["hyperparameters_changed"] = "hyperparameters_changed"
    step: Count
    epoch: Count
    values: dict[str, Any]
    before: dict[str, Any]
    id: str | None = None


class CommandRejected(Said):
    """A line of commands.jsonl that could not be obeyed; nothing changed."""

    event: Literal["command_rejected"] = "command_rejected"
    line: str  # the first 200 characters
    why: str
    id: str | None = None


class Warned(Said):
    """Something a person should know and that did not end the run."""

    event: Literal["warned"] = "warned"
    message: str
    is_note: bool | None = None  # what was done as it always is, and no cause to worry


class RunEnded(Said):
    """Last event of a process. `test_*` are of the best checkpoint, or of the last weights: `tested_on` says which."""

    promised = frozenset({"test_loss", "test_accuracy", "best_epoch"})
    event: Literal["run_ended"] = "run_ended"
    reason: EndReason
    message: str
    run: str = ""
    run_dir: str = ""
    seconds: float = 0.0  # spent training and evaluating, over all processes of the run, pauses excluded
    epochs_done: Count = 0
    step: Count = 0
    best_epoch: int | None = None
    best_value: float | None = None
    tested_on: Literal["best", "last"] | None = None
    test_loss: float | None = None
    test_accuracy: float | None = None
    test_rmse: float | None = None
    test_r2: float | None = None
    last_test_loss: float | None = None
    last_test_accuracy: float | None = None
    last_test_rmse: float | None = None
    last_test_r2: float | None = None
    last_test_macro_f1: float | None = None
    test_macro_f1: float | None = None
    test_micro_f1: float | None = None
    test_mae: float | None = None
    test_roc_auc: float | None = None
    test_pr_auc: float | None = None
    test_log_loss: float | None = None
    test_calibration_error: float | None = None
    test_confusion: list[list[int]] | None = None
    test_precision: list[float] | None = None  # these four by label; of classes the confusion tells them
    test_recall: list[float] | None = None
    test_f1: list[float] | None = None
    test_support: list[int] | None = None
    class_names: list[str] | None = None
    signal: str | None = None
    alert: str | None = None  # the name of the alert that stopped the run, with `--on-alert stop`

    def to_line(self) -> str:
        """As `Said.to_line`; a regression has no accuracy to promise."""
        line = super().to_line()
        return line.replace('"test_accuracy":null,', "") if self.test_rmse is not None else line


Event = (
    PhaseBegan | RunStarted | RunResumed | Progress | EpochEnded | Evaluated | CheckpointSaved | Paused | Continued
    | HyperparametersChanged | CommandRejected | Warned | NetMeasured | Alerted | AlertPassed
    | RemedyApplied | WentBack | RunEnded | SplitBegan | SplitsEnded
)  # fmt: skip

_adapter: TypeAdapter[Event] = TypeAdapter(
    Annotated[Event, Field(discriminator="event")], config=ConfigDict(defer_build=True)
)


def parse(line: str | bytes) -> Event | None:
    """The event on a line, or None for one that is malformed or of a later version."""
    try:
        return _adapter.validate_json(line)
    except ValidationError:
        return None
