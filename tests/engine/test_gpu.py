"""The same promises on a CUDA device; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import At, run, same_bits, the_end
from tui_trainer import devices
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.data import load
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded
from tui_trainer.knobs import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def session(where: str, **values: Any) -> Session:
    config = build({"epochs": 3, "device": where, **values})
    chosen = device.choose(config.hardware)
    return Session(config, load(config.data, 0).to(chosen), chosen)


def losses(made: Session) -> list[float]:
    return [event.train_loss for event in run(made) if isinstance(event, EpochEnded)]


def test_the_losses_are_the_cpus() -> None:
    assert losses(session("cuda")) == pytest.approx(losses(session("cpu")), abs=1e-4)


@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_stop_in_the_middle_leaves_no_trace_in_deterministic_mode(tmp_path: Path, optimizer: str) -> None:
    values = {"optimizer": optimizer, "dropout": 0.3, "deterministic": True}
    whole = session("cuda", **values)
    run(whole)
    run(session("cuda", **values), tmp_path, At({30: ['{"command":"stop"}']}), every_step=True)
    again = session("cuda", **values)
    found = checkpoint.find(tmp_path)
    assert found.last is not None
    again.restore(found.last, found.best)
    run(again)
    torch.use_deterministic_algorithms(False)
    assert same_bits(whole, again)


def test_bf16_learns() -> None:
    accuracy = the_end(run(session("cuda", precision="bf16", epochs=15))).test_accuracy
    assert accuracy is not None
    assert accuracy > 0.9


def test_a_loss_that_is_no_number_is_found_and_the_weights_stay_finite() -> None:
    made = session("cuda", data="breast_cancer", normalize="none")
    made.data.train.inputs[5] = float("inf")
    assert the_end(run(made)).reason == "diverged"
    assert all(bool(torch.isfinite(p).all()) for p in made.model.parameters())


def test_a_step_does_not_wait_for_the_device() -> None:
    made = session("cuda")
    made.start_epoch()
    made.take_steps()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(5):
            made.take_steps()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def test_the_reading_of_devices_agrees_with_torch() -> None:
    assert len(devices.gpus()) == torch.cuda.device_count()
