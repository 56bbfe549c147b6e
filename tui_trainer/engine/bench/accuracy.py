"""What a precision costs or gains: two epochs of MNIST in each, its test accuracy beside its speed."""

from __future__ import annotations

import statistics
from collections.abc import Generator
from typing import Any

from tui_trainer.bench_plan import spelled
from tui_trainer.engine.bench.job import Job, conditions
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.events import EpochEnded
from tui_trainer.knobs import changed

EPOCHS = 2


def precisions(job: Job, *, is_real: bool) -> Generator[str, None, list[dict[str, Any]]]:
    """A row per precision; accuracy is None where the pictures are made up."""
    rows = []
    kinds = ("float32", "bf16") if job.device.type == "cpu" else ("float32", "tf32", "bf16")
    for kind in kinds:
        yield f"{spelled(job.hidden)}, batch {job.batch}  {EPOCHS} epochs in {kind}"
        settings = changed(job.settings, {"precision": kind, "epochs": EPOCHS})
        within = Job(settings, job.data, job.data_dir, job.device, job.threads)
        with conditions(within):
            events = train(Session(settings, job.data, job.device), Saver(None))
            epochs = [event for event in events if isinstance(event, EpochEnded)]
        rows.append(
            {
                "precision": kind,
                "net": spelled(job.hidden),
                "batch": job.batch,
                "epochs": EPOCHS,
                "seconds": statistics.median(job.samples / epoch.samples_per_second for epoch in epochs),
                "train_loss": epochs[-1].train_loss,
                "test_accuracy": epochs[-1].val_accuracy if is_real else None,
            }
        )
    return rows
