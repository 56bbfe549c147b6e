"""What TensorBoard's own reader finds in a run's records."""

from __future__ import annotations

import io
import time
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any

import pytest
from PIL import Image

from tests.engine.small import session
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.events import Event, RunStarted
from tui_trainer.run_dir import RunDir

ALL = {"scalars": 0, "images": 0, "tensors": 0, "histograms": 0}  # of each series every point
pytest.importorskip("tensorboard", reason="needs the extra `tensorboard`")


def read(run: Path) -> Any:
    """TensorBoard's accumulator over a run's folder, with everything that stands there."""
    from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

    found = EventAccumulator(str(run / "tensorboard"), size_guidance=ALL)
    found.Reload()
    return found


def scalars(run: Path) -> dict[str, list[tuple[int, float]]]:
    """{tag: [(step, value), ...]}."""
    found = read(run)
    return {tag: [(one.step, one.value) for one in found.Scalars(tag)] for tag in found.Tags()["scalars"]}


def texts(run: Path) -> dict[str, list[tuple[int, str]]]:
    """{tag: [(step, Markdown), ...]}."""
    found = read(run)
    told = {tag: found.Tensors(tag) for tag in found.Tags()["tensors"] if not tag.startswith("_hparams_")}
    return {tag: [(one.step, one.tensor_proto.string_val[0].decode()) for one in ones] for tag, ones in told.items()}


def images(run: Path) -> dict[str, list[tuple[int, Image.Image]]]:
    """{tag: [(step, picture), ...]}, decoded."""
    found = read(run)
    return {
        tag: [(one.step, Image.open(io.BytesIO(one.encoded_image_string))) for one in found.Images(tag)]
        for tag in found.Tags()["images"]
    }


def started(**facts: Any) -> RunStarted:
    """A run's first event."""
    return RunStarted(**{
        "run": "it", "run_dir": "it", "data": "digits", "task": "classes", "class_names": [], "inputs": 64,
        "outputs": 10, "hidden": [128], "parameters": 9610, "train_samples": 1293, "validation_samples": 144,
        "test_samples": 360, "evaluated_on": "validation", "monitor": "val_loss", "epochs": 3, "steps_per_epoch": 21,
        "seed": 0, "device": "cpu", "device_name": "cpu", "threads": 1, "precision": "float32", "pid": 1, "host": "h",
        **facts,
    })  # fmt: skip


def told(run: Path, events: Iterable[Event], of: Session | None = None) -> list[Event]:
    """Hands events to TensorBoard's files in a folder; what comes out again."""
    from tui_trainer.worker.board.telling import told_to_tensorboard

    run.mkdir(exist_ok=True)
    return list(told_to_tensorboard(events, RunDir(run), of or session()))


def trained(of: Session) -> list[Event]:
    """What a session says while it trains, and after each step."""
    return list(train(of, Saver(None, of.group), seconds_between_reports=0.0))


def apart(events: Sequence[Event], seconds: float = 1.0) -> list[Event]:
    """The same as if they had been said slowly: nothing of them is too often to be written."""
    now = time.time()
    return [event.model_copy(update={"time": now + number * seconds}) for number, event in enumerate(events)]
