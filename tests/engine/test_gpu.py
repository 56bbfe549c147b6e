"""The same promises on a CUDA device; skipped where there is none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import At, run, same_bits, the_end
from tests.engine.task_data import table
from tui_trainer import devices
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.data import load
from tui_trainer.engine.data.tiers import place
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded, PhaseBegan
from tui_trainer.knobs import build

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device"),
]


def session(where: str, **values: Any) -> Session:
    config = build({"epochs": 3, "device": where, **values})
    chosen = device.choose(config.hardware)
    return Session(config, load(config).to(chosen), chosen)


def take_steps_without_waiting(made: Session) -> None:
    """After a first step, in which libraries set themselves up; whatever waits for the device raises."""
    made.start_epoch()
    if made.work_ahead:
        made.prepare_steps()
    made.take_steps()
    torch.cuda.set_sync_debug_mode("error")
    try:
        for _ in range(4):
            made.take_steps()
    finally:
        torch.cuda.set_sync_debug_mode("default")


def losses(made: Session) -> list[float]:
    return [event.train_loss for event in run(made) if isinstance(event, EpochEnded)]


@pytest.mark.parametrize("engine", ["eager", "graph", "compile"])
@pytest.mark.parametrize(
    "values",
    [
        {}, {"optimizer": "sgd", "momentum": 0.9, "lr": 0.05}, {"optimizer": "rmsprop"},
        {"optimizer": "adamw", "weight_decay": 0.1, "clip_norm": 0.5, "schedule": "cosine"},
        {"normalization": "batch", "max_norm": 1.0, "l1": 1e-4, "label_smoothing": 0.1},
        {"data": "diabetes", "normalization": "layer", "batch_size": 20},
        {"optimizer": "sgd", "lr": 0.05, "momentum_epochs": 2, "final_momentum": 0.9, "ema": 0.95, "max_norm": [1, 0]},
    ],
    ids=str,
)  # fmt: skip
def test_the_losses_are_the_cpus(engine: str, values: dict[str, Any]) -> None:
    assert losses(session("cuda", engine=engine, **values)) == pytest.approx(losses(session("cpu", **values)), abs=1e-3)


@pytest.mark.parametrize("engine", ["eager", "graph", "compile"])
@pytest.mark.parametrize(
    ("task", "values"),
    [
        ("classes", {"class_weights": "balanced"}),
        ("binary", {"loss": "binary_cross_entropy", "class_weights": "balanced"}),
        ("labels", {"class_weights": "balanced", "l1": 1e-4}),
        ("several", {"loss": "huber", "precision": "float32"}),
        ("values", {"loss": "l1", "max_norm": 2.0}),
    ],
    ids=str,
)
def test_every_task_with_learned_vectors_has_the_cpus_losses_and_figures(
    engine: str, task: str, values: dict[str, Any]
) -> None:
    ends = []
    for where in ("cpu", "cuda"):
        data, config = table(
            task, embedded=True, device=where, **({"engine": engine} if where == "cuda" else {}), **values
        )
        chosen = device.choose(config.hardware)
        events = run(Session(config, data.to(chosen), chosen))
        ends.append(([event.train_loss for event in events if isinstance(event, EpochEnded)], the_end(events)))
    assert ends[1][0] == pytest.approx(ends[0][0], abs=1e-3)
    for name in ("test_loss", "test_roc_auc", "test_pr_auc", "test_calibration_error", "test_r2"):
        assert getattr(ends[1][1], name) == pytest.approx(getattr(ends[0][1], name), abs=2e-2), name


def test_learned_vectors_are_the_same_bits_again_in_deterministic_mode() -> None:
    bits = []
    for _ in range(2):
        data, config = table("labels", embedded=True, device="cuda", deterministic=True)
        chosen = device.choose(config.hardware)
        run(made := Session(config, data.to(chosen), chosen))
        bits.append(made)
    torch.use_deterministic_algorithms(False)
    assert same_bits(*bits)


def test_a_gpu_runs_graphs_by_itself() -> None:
    made = session("cuda")
    assert (made.steps.name, made.steps.block) == ("graph", 20)  # all the full batches of an epoch
    assert any(isinstance(event, PhaseBegan) for event in run(made))


@pytest.mark.parametrize("engine", ["eager", "graph"])
def test_dropout_drops_the_same_units_step_by_step_and_in_a_graph(engine: str) -> None:
    whole = losses(session("cuda", engine="eager", dropout=0.3))
    assert losses(session("cuda", engine=engine, dropout=0.3)) == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize("engine", ["graph", "compile"])
def test_mixtures_are_the_same_step_by_step_and_in_a_graph(engine: str) -> None:
    values: dict[str, Any] = {"mixup": 0.3, "ema": 0.95, "dropout": 0.2}
    whole = losses(session("cuda", engine="eager", **values))
    assert losses(session("cuda", engine=engine, **values)) == pytest.approx(whole, rel=1e-3)


@pytest.mark.parametrize(
    "line",
    [
        '{"command":"set","lr":0.01}',  '{"command":"set","clip_norm":0.1}', '{"command":"set","dropout":0.5}',
        '{"command":"set","batch_size":32}', '{"command":"set","label_smoothing":0.2}',
    ],
)  # fmt: skip
def test_a_live_change_reaches_the_graph(line: str) -> None:
    asked = {1: [line]}
    values = {"clip_norm": 1.0, "batch_size": 16}
    ours, plain = session("cuda", engine="graph", **values), session("cuda", engine="eager", **values)
    graph = [e.train_loss for e in run(ours, inbox=At(asked), every_step=True) if isinstance(e, EpochEnded)]
    after = {ours.steps.block: [line]}
    eager = [e.train_loss for e in run(plain, inbox=At(after), every_step=True) if isinstance(e, EpochEnded)]
    assert graph == pytest.approx(eager, rel=5e-3)


@pytest.mark.parametrize("tier", [{"device_memory": "1kB"}, {"device_memory": "1kB", "host_memory": "1kB"}], ids=str)
def test_every_tier_gives_the_same_losses(tier: dict[str, Any]) -> None:
    config = build({"epochs": 3, "device": "cuda", **tier})
    chosen = device.choose(config.hardware)
    data, feed, _ = place(load(config), chosen, config.hardware)
    far = Session(config, data, chosen, feed=feed)
    assert losses(far) == pytest.approx(losses(session("cuda")), abs=1e-4)
    feed.close()


@pytest.mark.parametrize("engine", ["eager", "graph"])
@pytest.mark.parametrize("optimizer", ["adam", "adamw", "sgd", "rmsprop"])
def test_a_stop_in_the_middle_leaves_no_trace_in_deterministic_mode(
    tmp_path: Path, optimizer: str, engine: str
) -> None:
    values = {"optimizer": optimizer, "dropout": 0.3, "deterministic": True, "engine": engine, "batch_size": 16}
    values |= {"mixup": 0.2, "ema": 0.95}
    whole = session("cuda", **values)
    run(whole)
    stop = At({4 if engine == "graph" else 90: ['{"command":"stop"}']})
    run(session("cuda", **values), tmp_path, stop, every_step=True)
    again = session("cuda", **values)
    found = checkpoint.find(tmp_path)
    assert found.last is not None
    again.restore(found.last, found.best)
    run(again)
    torch.use_deterministic_algorithms(False)
    assert same_bits(whole, again)


@pytest.mark.parametrize("precision", ["bf16", "tf32"])
def test_every_precision_learns(precision: str) -> None:
    accuracy = the_end(run(session("cuda", precision=precision, epochs=15))).test_accuracy
    assert accuracy is not None
    assert accuracy > 0.9


def test_a_loss_that_is_no_number_is_found_and_the_weights_stay_finite() -> None:
    made = session("cuda", data="breast_cancer", normalize="none")
    made.data.train.inputs[5] = float("inf")
    assert the_end(run(made)).reason == "diverged"
    assert all(bool(torch.isfinite(p).all()) for p in made.model.parameters())


@pytest.mark.parametrize("engine", ["eager", "graph"])
@pytest.mark.parametrize(
    "values",
    [
        {}, {"mixup": 0.3, "ema": 0.95}, {"data": "diabetes", "mixup": 0.3},
        {"optimizer": "sgd", "momentum_epochs": 2, "final_momentum": 0.9, "max_norm": (1.0, 0.0)},
    ],
    ids=str,
)  # fmt: skip
def test_a_step_does_not_wait_for_the_device(engine: str, values: dict[str, Any]) -> None:
    made = session("cuda", engine=engine, batch_size=8, **values)
    take_steps_without_waiting(made)


def test_the_reading_of_devices_agrees_with_torch() -> None:
    assert len(devices.gpus()) == torch.cuda.device_count()
