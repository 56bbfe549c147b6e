"""The passes that are written down give what autograd gives, for every layer, activation and loss."""

from __future__ import annotations

import itertools
from typing import Any

import pytest
import torch
from torch import Tensor

from tests.engine.small import CPU, session
from tui_trainer.engine.data import load
from tui_trainer.engine.evaluation import loss_function
from tui_trainer.engine.model import build_model
from tui_trainer.engine.passes import Batch
from tui_trainer.engine.session import Session
from tui_trainer.knobs import KNOBS, build

SAMPLES = 50
NETS: list[dict[str, Any]] = [
    *({"activation": name, "hidden": "24,16"} for name in KNOBS["activation"].choices),
    {"normalization": "batch", "hidden": "24,24"},
    {"normalization": "layer", "activation": "gelu", "hidden": "24,24"},
    {"hidden": ""},
    {"label_smoothing": 0.2},
    {"loss": "mse", "normalization": "batch"},
    {"data": "diabetes", "hidden": "16"},
    {"data": "breast_cancer", "hidden": "16", "normalize": "unit"},
]


def by_autograd(made: Session, inputs: Tensor, targets: Tensor) -> tuple[float, dict[str, Tensor]]:
    """Mean loss and gradients of a fresh model with the session's weights."""
    model = build_model(made.config.model, made.data)
    model.load_state_dict(made.model.state_dict())
    loss = loss_function(made.config.loss, made.data)(model(inputs), targets)
    loss.backward()
    return loss.item(), {name: p.grad for name, p in model.named_parameters() if p.grad is not None}


def written_down(made: Session, inputs: Tensor, targets: Tensor) -> tuple[float, dict[str, Tensor]]:
    step, batch = made.steps.step, Batch(len(inputs), slice(0, len(inputs)))
    outputs, kept = step.passes.forward(inputs, batch)
    total, grad = step.criterion(outputs, targets, len(inputs))
    pieces = step.parameters.pieces(step.passes.backward(grad, kept))
    return total.item() / len(inputs), dict(zip(step.parameters.names, pieces, strict=True))


@pytest.mark.parametrize("values", NETS, ids=str)
def test_loss_and_gradients_are_autograds(values: dict[str, Any]) -> None:
    made = session(**values)
    inputs, targets = made.data.train.inputs[:SAMPLES], made.data.train.targets[:SAMPLES]
    loss, grads = by_autograd(made, inputs, targets)
    ours, written = written_down(made, inputs, targets)
    assert ours == pytest.approx(loss, rel=1e-5)
    assert written.keys() == grads.keys()
    for name, grad in grads.items():
        assert torch.allclose(written[name], grad, rtol=1e-4, atol=1e-6), name
    assert any(bool(grad.abs().max() > 1e-4) for grad in grads.values())


def test_batch_normalisation_moves_its_running_figures_as_torchs() -> None:
    made = session(normalization="batch")
    theirs = build_model(made.config.model, made.data)
    theirs.load_state_dict(made.model.state_dict())
    inputs = made.data.train.inputs[:SAMPLES]
    made.steps.step.passes.forward(inputs, Batch(SAMPLES, slice(0, SAMPLES)))
    theirs(inputs)
    for name, buffer in theirs.named_buffers():
        assert torch.allclose(made.model.get_buffer(name).float(), buffer.float(), atol=1e-5), name


def test_dropout_drops_its_share_and_scales_the_rest() -> None:
    made = session(hidden="2000", dropout=0.3, activation="sigmoid")
    inputs = made.data.train.inputs[:SAMPLES]
    _, kept = made.steps.step.passes.forward(inputs, Batch(SAMPLES, slice(0, SAMPLES)))
    mask = next(item for item in kept if item.shape == (SAMPLES, 2000) and bool((item == 0).any()))
    assert mask.unique().tolist() == pytest.approx([0.0, 1 / 0.7])
    assert (mask == 0).float().mean().item() == pytest.approx(0.3, abs=0.01)


def test_the_share_of_a_process_gives_its_part_of_the_gradient() -> None:
    whole = session(normalization="layer")
    inputs, targets = whole.data.train.inputs[:SAMPLES], whole.data.train.targets[:SAMPLES]
    step = whole.steps.step
    _, grads = written_down(whole, inputs, targets)
    expected = torch.cat([grads[name].flatten() for name in step.parameters.names])
    total = torch.zeros_like(expected)
    for own in (slice(0, 17), slice(17, 17), slice(17, SAMPLES)):  # one of them has nothing to do
        batch = Batch(SAMPLES, own)
        outputs, kept = step.passes.forward(inputs[own], batch)
        _, grad = step.criterion(outputs, targets[own], SAMPLES)
        pieces = step.parameters.pieces(step.passes.backward(grad, kept))
        total += torch.cat([piece.flatten() for piece in pieces])
    assert torch.allclose(total, expected, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("values", [{}, {"normalization": "layer"}, {"activation": "gelu"}], ids=str)
def test_bf16_is_close_to_torchs_autocast(values: dict[str, Any]) -> None:
    config = build({"precision": "bf16", "hidden": "64,64", **values})
    made = Session(config, load(config), CPU)
    inputs, targets = made.data.train.inputs[:SAMPLES], made.data.train.targets[:SAMPLES]
    with torch.autocast("cpu", torch.bfloat16):
        loss, grads = by_autograd(made, inputs, targets)
    ours, written = written_down(made, inputs, targets)
    assert ours == pytest.approx(loss, rel=0.02)
    for name, grad in grads.items():
        assert torch.nn.functional.cosine_similarity(grad.flatten(), written[name].flatten(), 0) > 0.995, name


def test_the_model_and_the_flat_weights_are_the_same_memory() -> None:
    made = session(hidden="16,8")
    step = made.steps.step
    step.parameters.flat.zero_()
    assert all(bool((p == 0).all()) for p in made.model.parameters())
    sizes = [p.numel() for p in made.model.parameters()]
    assert sum(sizes) == step.parameters.size
    assert list(itertools.accumulate(sizes))[-1] == sum(p.numel() for p in step.parameters.pieces(step.parameters.grad))
