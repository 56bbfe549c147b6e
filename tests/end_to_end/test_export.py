"""`export` as a person runs it: a run that went on with other settings, and what is printed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said
from tests.end_to_end.runs import written
from tests.engine.repeating import of_program

Cli = Callable[..., Said]


def test_a_run_that_was_resumed_with_other_settings_is_repeated(cli: Cli) -> None:
    cli("--no-ui", "--threads", "1", "--device", "cpu", "--epochs", "2", "--name", "it", "--dropout", "0.1")
    cli("resume", "it", "--no-ui", "--epochs", "4", "--lr", "0.01", "--dropout", "0.3")
    said = cli("export", "it", "--to", "python")
    assert said.code == 0
    assert said.out.splitlines()[-1] == "    python it.py  # needs torch"
    assert sorted(path.name for path in Path().glob("it*")) == ["it-data.pt", "it.py"]
    epochs = [event for event in written(Path("runs/it")) if event["event"] == "epoch_ended"]
    ours = [(event["train_loss"], event["val_loss"]) for event in epochs]
    assert len(ours) == 4
    for one, other in zip(ours, of_program(Path("it.py")).epochs, strict=True):
        assert one == pytest.approx(other, abs=1e-6)


def test_what_there_is_stays_and_a_run_without_weights_is_named(cli: Cli) -> None:
    cli("--no-ui", "--threads", "1", "--epochs", "1", "--name", "it")
    assert cli("export", "it", "--to", "safetensors").code == 0
    before = Path("it.safetensors").read_bytes()
    again = cli("export", "it", "--to", "safetensors")
    assert (again.code, Path("it.safetensors").read_bytes()) == (2, before)
    assert "it.safetensors exists" in again.err
    for path in Path("runs/it/checkpoints").rglob("*"):
        if path.is_file():
            path.write_bytes(b"damaged")
    said = cli("export", "it", "--to", "onnx")
    assert said.code == 2
    assert "has no good checkpoint" in said.err
    assert not list(Path().glob("*.onnx"))
