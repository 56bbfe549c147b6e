"""Learned vectors of categories: as autograd has them, in the flat weights, through a resume."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import At, run, same_bits
from tests.engine.task_data import EMBEDDED, session_of
from tests.engine.test_blocks import losses
from tests.engine.test_criterion import in_blocks
from tests.engine.test_passes import by_autograd, written_down
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.data.dataset import Samples, Scaling
from tui_trainer.engine.evaluation import loss_function
from tui_trainer.engine.model import build_model, parameter_count
from tui_trainer.engine.passes import Batch
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded

SAMPLES = 50
TABLES = [f"embeddings.table{number}" for number in (1, 2, 3)]
NETS: list[tuple[str, dict[str, Any]]] = [
    ("classes", {"hidden": "64,16"}),
    ("binary", {"hidden": "", "loss": "binary_cross_entropy"}),
    ("values", {"hidden": "16", "normalization": "batch"}),
    ("labels", {"hidden": "16", "activation": "gelu"}),
]


def embedded(task: str = "classes", **values: Any) -> Session:
    return session_of(task, embedded=True, **values)


@pytest.mark.parametrize(("task", "values"), NETS, ids=str)
def test_loss_and_gradients_are_autograds(task: str, values: dict[str, Any]) -> None:
    made = embedded(task, **values)
    inputs, targets = made.data.train.inputs[:SAMPLES], made.data.train.targets[:SAMPLES]
    loss, grads = by_autograd(made, inputs, targets)
    ours, written = written_down(made, inputs, targets)
    assert ours == pytest.approx(loss, rel=1e-5)
    assert written.keys() == grads.keys()
    for name, grad in grads.items():
        assert torch.allclose(written[name], grad, rtol=1e-4, atol=1e-6), name
    assert all(bool(grads[name].abs().max() > 1e-4) for name in TABLES)


def test_bf16_is_close_to_torchs_autocast() -> None:
    made = embedded(precision="bf16", hidden="64,64")
    inputs, targets = made.data.train.inputs[:SAMPLES], made.data.train.targets[:SAMPLES]
    with torch.autocast("cpu", torch.bfloat16):
        loss, grads = by_autograd(made, inputs, targets)
    ours, written = written_down(made, inputs, targets)
    assert ours == pytest.approx(loss, rel=0.02)
    for name, grad in grads.items():
        assert torch.nn.functional.cosine_similarity(grad.flatten(), written[name].flatten(), 0) > 0.995, name


def test_the_shares_of_processes_add_up_to_the_gradient() -> None:
    made = embedded(input_dropout=0.0)
    inputs, targets = made.data.train.inputs[:SAMPLES], made.data.train.targets[:SAMPLES]
    step = made.steps.step
    _, grads = written_down(made, inputs, targets)
    expected = torch.cat([grads[name].flatten() for name in step.parameters.names])
    total = torch.zeros_like(expected)
    for own in (slice(0, 17), slice(17, 17), slice(17, SAMPLES)):
        outputs, kept = step.passes.forward(inputs[own], Batch(SAMPLES, own))
        _, grad = step.criterion(outputs, targets[own], SAMPLES)
        pieces = step.parameters.pieces(step.passes.backward(grad, kept))
        total += torch.cat([piece.flatten() for piece in pieces])
    assert torch.allclose(total, expected, rtol=1e-4, atol=1e-6)


def test_dropout_of_the_inputs_falls_on_the_vectors_too() -> None:
    made = embedded("binary", input_dropout=0.4, hidden="")
    inputs, targets = made.data.train.inputs[:SAMPLES], made.data.train.targets[:SAMPLES]
    step = made.steps.step
    outputs, kept = step.passes.forward(inputs, Batch(SAMPLES, slice(0, SAMPLES)))
    mask = kept[1]
    assert mask.shape == (SAMPLES, made.data.inputs - 3 + 61)
    pieces = step.parameters.pieces(step.passes.backward(step.criterion(outputs, targets, SAMPLES)[1], kept))
    written = dict(zip(step.parameters.names, (piece.clone() for piece in pieces), strict=True))
    theirs = build_model(made.config.model, made.data)
    theirs.load_state_dict(made.model.state_dict())
    dropped = theirs.get_submodule("embeddings")(theirs.get_submodule("scale")(inputs)) * mask
    loss_function(made.config.loss, made.data)(theirs.get_submodule("output")(dropped), targets).backward()
    for name, parameter in theirs.named_parameters():
        assert parameter.grad is not None
        assert torch.allclose(written[name], parameter.grad, rtol=1e-4, atol=1e-6), name


def test_categories_become_their_rows_and_numbers_are_scaled() -> None:
    made = embedded(hidden="16")
    names = [name for name, _ in made.model.named_children()]
    assert names == ["scale", "embeddings", "input_dropout", "linear1", "activation1", "dropout1", "output"]
    raw = made.data.test.inputs[:4]
    joined = made.model.get_submodule("embeddings")(made.model.get_submodule("scale")(raw))
    scaling, plain = made.data.scaling, made.data.inputs - len(EMBEDDED)
    assert torch.allclose(joined[:, :plain], ((raw - scaling.shift) / scaling.spread)[:, :plain])
    start = plain
    for column, (name, (_, size)) in enumerate(zip(TABLES, EMBEDDED, strict=True)):
        rows = made.model.get_parameter(name)[raw[:, plain + column].long()]
        assert torch.equal(joined[:, start : start + size], rows)
        start += size
    assert start == joined.shape[1] == made.model.get_parameter("linear1.weight").shape[1]


def test_one_scaling_for_all_inputs_leaves_categories_alone() -> None:
    made = embedded()
    data = replace(made.data, scaling=Scaling(torch.tensor([2.0]), torch.tensor([4.0])))
    scaled = build_model(made.config.model, data).get_submodule("scale")(data.train.inputs)
    assert torch.equal(scaled[:, -3:], data.train.inputs[:, -3:])
    assert torch.equal(scaled[:, :-3], (data.train.inputs[:, :-3] - 2) / 4)


def test_vectors_start_about_as_long_as_a_scaled_number_and_the_unseen_category_says_nothing() -> None:
    made = embedded()
    for name, (categories, size) in zip(TABLES, EMBEDDED, strict=True):
        table = made.model.get_parameter(name)
        assert table.shape == (categories, size)
        assert bool((table[0] == 0).all())
        assert 0.5 < table[1:].norm(dim=1).mean().item() < 1.5
    assert made.model.get_parameter(TABLES[1])[1:].std().item() == pytest.approx(8**-0.5, rel=0.1)


def test_what_was_not_in_a_batch_keeps_its_vector() -> None:
    made = embedded(optimizer="sgd", epochs=1)
    before = made.model.get_parameter(TABLES[1]).clone()
    made.start_epoch()
    assert made._order is not None
    seen = made.data.train.inputs[made._order[:32], -2].long().unique()
    made.take_steps()
    moved = (made.model.get_parameter(TABLES[1]) != before).any(1).nonzero()[:, 0]
    assert set(moved.tolist()) == set(seen.tolist())


def test_decay_holds_for_tables_and_penalties_of_units_do_not() -> None:
    before = embedded().model.get_parameter(TABLES[1]).clone()
    options: dict[str, Any] = {"optimizer": "sgd", "lr": 1e-3, "epochs": 1}
    unseen = [n for n in range(60) if n not in embedded().data.train.inputs[:, -2].long()]
    decayed = embedded(**options, weight_decay=0.5, decay_biases=False)
    run(decayed)
    assert decayed.model.get_parameter(TABLES[1]).norm() < before.norm()
    other = embedded(**options, l1=0.5, max_norm=0.1)
    run(other)
    after = other.model.get_parameter(TABLES[1])
    assert torch.equal(after[unseen], before[unseen])
    assert after[1:].norm(dim=0).min() > 0.5
    assert other.model.get_parameter("linear1.weight").norm(dim=1).max() <= 0.1 + 1e-5


def test_they_are_counted() -> None:
    made = embedded(hidden="32,16")
    count = sum(p.numel() for p in made.model.parameters())
    data = made.data
    assert count == parameter_count(data.inputs, (32, 16), data.outputs, data.embedded)
    assert device.bytes_of_net(made.config, data) == count * device.BYTES_PER_PARAMETER


@pytest.mark.parametrize(
    "values", [{"dropout": 0.2, "input_dropout": 0.2}, {"optimizer": "rmsprop", "l1": 1e-4, "max_norm": 2.0}], ids=str
)
def test_a_resume_leaves_no_trace(tmp_path: Path, values: dict[str, Any]) -> None:
    run(whole := embedded("binary", **values))
    run(embedded("binary", **values), tmp_path, At({11: ['{"command":"stop"}']}), every_step=True)
    torch.manual_seed(987)
    again, found = embedded("binary", **values), checkpoint.find(tmp_path)
    assert found.last is not None
    assert set(TABLES) <= set(found.last.weights)
    again.restore(found.last, found.best)
    run(again)
    assert same_bits(whole, again)


def test_blocks_give_the_losses_of_single_steps() -> None:
    values: dict[str, Any] = {"hidden": "64", "dropout": 0.1, "l1": 1e-4}
    ours = losses(in_blocks("classes", embedded=True, **values))
    assert ours == pytest.approx(losses(embedded(**values)), rel=1e-5)


@pytest.mark.slow
def test_compiled_steps_give_the_losses_of_single_steps() -> None:
    ours = losses(in_blocks("classes", compiled=True, embedded=True, hidden="64"))
    assert ours == pytest.approx(losses(embedded(hidden="64")), rel=2e-4)


def test_vectors_learn_what_numbers_of_categories_cannot_say() -> None:
    made = embedded("binary", epochs=20, lr=0.01, hidden="16")
    parity = (made.data.train.inputs[:, -2].long() % 2).long()  # of 59 categories, by no order a line could use
    samples = Samples(made.data.train.inputs, parity)
    vars(made.data)["train"] = samples
    learned = Session(made.config, made.data, made.device)
    epochs = [event for event in run(learned) if isinstance(event, EpochEnded)]
    assert epochs[-1].train_accuracy is not None
    assert epochs[-1].train_accuracy > 0.9
