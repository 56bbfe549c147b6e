"""Averaged weights: PyTorch's own average, what is measured with them, and what a checkpoint keeps."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch
from torch import Tensor, nn
from torch.optim.swa_utils import AveragedModel, get_ema_multi_avg_fn

from tests.engine.predicting import trained
from tests.engine.small import run, same_bits, session, the_end
from tui_trainer.engine import checkpoint
from tui_trainer.engine.restoring import preprocessing_in, restored_net
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded


def steps_of(made: Session, epochs: int = 2) -> Any:
    """After each step of so many epochs."""
    for _ in range(epochs):
        made.start_epoch()
        while made.take_steps():
            yield
        made.epochs_done, made.position = made.epochs_done + 1, 0


def weights(net: nn.Module) -> list[Tensor]:
    return [parameter.detach().clone() for parameter in net.parameters()]


def test_the_average_is_torchs() -> None:
    made = session(ema=0.9, ema_warmup=False, hidden="32,16")
    theirs = AveragedModel(made.model, multi_avg_fn=get_ema_multi_avg_fn(0.9))
    for _ in steps_of(made):
        theirs.update_parameters(made.model)
        for a, b in zip(made.answering.parameters(), theirs.module.parameters(), strict=True):
            assert torch.allclose(a, b, atol=1e-6)
    assert not torch.allclose(weights(made.answering)[0], weights(made.model)[0], atol=1e-3)


def test_a_warm_up_forgets_the_first_steps_sooner() -> None:
    made = session(ema=0.9)
    expected: list[Tensor] = []
    for t, _ in enumerate(steps_of(made, epochs=5)):
        decay = min(0.9, (1 + t) / (10 + t)) if t else 0.0
        now = weights(made.model)
        expected = [decay * a + (1 - decay) * b for a, b in zip(expected or now, now, strict=True)]
    for a, b in zip(made.answering.parameters(), expected, strict=True):
        assert torch.allclose(a, b, atol=1e-5)
    assert (1 + t) / (10 + t) > 0.9  # the decay itself was reached


def test_the_training_goes_on_with_its_own_weights_and_the_average_is_what_is_measured(tmp_path: Path) -> None:
    values: dict[str, Any] = {"epochs": 4, "dropout": 0.2, "lr": 0.01}
    without = run(plain := session(**values))
    events = run(averaged := session(**values, ema=0.98), tmp_path)
    for a, b in zip(plain.model.parameters(), averaged.model.parameters(), strict=True):
        assert torch.equal(a, b)
    both = ([event for event in some if isinstance(event, EpochEnded)] for some in (without, events))
    for one, other in zip(*both, strict=True):
        assert one.train_loss == other.train_loss
        assert one.val_loss != other.val_loss
    assert averaged.data.validation is not None
    split = averaged.data.validation
    with torch.no_grad():
        loss = nn.functional.cross_entropy(averaged.answering.eval()(split.inputs), split.targets).item()
    assert other.val_loss == pytest.approx(loss, rel=1e-5)
    found = checkpoint.find(tmp_path)
    assert found.last is not None
    assert torch.equal(found.last.weights["output.weight"], averaged.answering.get_parameter("output.weight"))
    assert torch.equal(found.last.training["average.weights.output.weight"], plain.model.get_parameter("output.weight"))
    assert averaged.best_weights is not None
    averaged.answering.load_state_dict(averaged.best_weights)
    assert averaged.evaluate(averaged.data.test).val_accuracy == the_end(events).test_accuracy


def test_running_figures_of_a_normalisation_are_those_of_the_training() -> None:
    made = session(ema=0.9, normalization="batch")
    run(made)
    means = [net.get_buffer("norm1.running_mean") for net in (made.model, made.answering)]
    assert means[0].abs().max().item() > 0.01
    assert means[0].data_ptr() == means[1].data_ptr()


def test_predictions_come_from_the_average(tmp_path: Path) -> None:
    trained(tmp_path / "run", data="iris", epochs=3, ema=0.95)
    found = checkpoint.find(tmp_path / "run" / "checkpoints")
    assert found.last is not None
    net = restored_net(found.last, preprocessing_in(found.last)[1])
    assert torch.equal(net.get_parameter("output.weight"), found.last.weights["output.weight"])
    assert not torch.equal(found.last.weights["output.weight"], found.last.training["average.weights.output.weight"])


def test_a_run_without_an_average_has_one_net_and_keeps_one() -> None:
    made = session()
    run(made)
    assert made.answering is made.model
    assert not [name for name in made.capture().training if name.startswith("average.")]
    assert same_bits(made, made)
