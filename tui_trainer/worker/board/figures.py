"""The numbers of each event under the names that TensorBoard groups them by: the figure, then what it is of.

As in the events, `validation` is the test split in a run that has no validation split.
"""

from __future__ import annotations

from tui_trainer.events import EpochEnded, Evaluated, Progress, RunEnded, RunStarted
from tui_trainer.scores import Scores

Figures = dict[str, float | None]


def of_progress(event: Progress) -> Figures:
    """Since the report before."""
    return {
        "loss/train": event.loss,
        "accuracy/train": event.accuracy,
        "learning_rate": event.lr,
        "speed/samples_per_second": event.samples_per_second,
    }


def of_epoch(event: EpochEnded) -> Figures:
    """Of the epoch as a whole, and of the evaluation that ended it."""
    return {
        "epoch": event.epoch,
        "loss/train_epoch": event.train_loss,
        "accuracy/train_epoch": event.train_accuracy,
        "learning_rate": event.lr,
        "speed/samples_per_second_of_epoch": event.samples_per_second,
        "speed/seconds_of_epoch": event.seconds,
        **of_scores(event),
    }


def of_scores(event: EpochEnded | Evaluated) -> Figures:
    """One evaluation."""
    measured = {name: getattr(event, name) for name in Scores.model_fields}
    return {
        f"{name.removeprefix('val_')}/validation": value for name, value in measured.items() if isinstance(value, float)
    }


def of_test(event: RunEnded) -> Figures:
    """Of the weights that the run answers for, and of the last ones where these are others."""
    told = {name: value for name, value in event if isinstance(value, float)}
    figures: Figures = {
        f"{name.removeprefix('test_')}/test": value for name, value in told.items() if name.startswith("test_")
    }
    if event.tested_on == "best":
        last = "last_test_"
        figures |= {
            f"{name.removeprefix(last)}/test_of_last_weights": value
            for name, value in told.items()
            if name.startswith(last)
        }
    return figures


def of_run(event: RunStarted) -> str:
    """What is trained on what, where: in Markdown."""
    sizes = "-".join(map(str, (event.inputs, *event.hidden, event.outputs)))
    lines = [
        f"**{event.run}**: {event.data}, {sizes}, {event.parameters:,} parameters, on {event.device} "
        f"({event.device_name})",
        f"{event.train_samples:,} train, {event.validation_samples:,} validation, {event.test_samples:,} test samples; "
        f"{event.steps_per_epoch:,} steps an epoch; seed {event.seed}",
    ]
    if event.evaluated_on == "test":
        lines.append("No validation split: what is called validation here is measured on the test split.")
    return "\n\n".join(lines)
