"""The net: its shape, its starting weights, and its parts against PyTorch's own."""

import math

import pytest
import torch
from torch import nn

from tests.engine.small import linear_weights, session
from tui_trainer.engine.model import ScaledTanh, parameter_count
from tui_trainer.knobs import KNOBS, changed_live


@pytest.mark.parametrize("activation", KNOBS["activation"].choices)
def test_every_activation_trains(activation: str) -> None:
    made = session(activation=activation, hidden="16", epochs=1)
    before = [weight.clone() for weight in linear_weights(made.model)]
    made.start_epoch()
    assert made.take_steps()
    assert all(not torch.equal(a, b) for a, b in zip(before, linear_weights(made.model), strict=True))


def test_scaled_tanh_is_lecuns() -> None:
    x = torch.linspace(-3, 3, 7)
    assert torch.allclose(ScaledTanh()(x), 1.7159 * torch.tanh(2 / 3 * x))
    assert ScaledTanh()(torch.tensor(1.0)).item() == pytest.approx(1, abs=1e-4)  # what the constants are for


def test_the_layers_stand_in_order() -> None:
    made = session(hidden="32,16", normalization="batch", dropout=0.3, input_dropout=0.1).model
    assert [name for name, _ in made.named_children()] == [
        "scale", "input_dropout", "linear1", "norm1", "activation1", "dropout1",
        "linear2", "norm2", "activation2", "dropout2", "output",
    ]  # fmt: skip
    assert [m.p for m in made if isinstance(m, nn.Dropout)] == [0.1, 0.3, 0.3]


def test_a_linear_model_has_one_layer_and_counts_are_right() -> None:
    assert [tuple(weight.shape) for weight in linear_weights(session(hidden="").model)] == [(10, 64)]
    assert parameter_count(784, (128,), 10) == 101_770
    model = session(hidden="32,16").model
    assert sum(p.numel() for p in model.parameters()) == parameter_count(64, (32, 16), 10)


@pytest.mark.parametrize(
    ("init", "deviation"),
    [
        ("glorot_uniform", math.sqrt(2 / (64 + 2048))),
        ("glorot_normal", math.sqrt(2 / (64 + 2048))),
        ("he_uniform", math.sqrt(2 / 64)),
        ("he_normal", math.sqrt(2 / 64)),
        ("lecun_normal", math.sqrt(1 / 64)),
        ("uniform", 0.3 / math.sqrt(3)),
        ("normal", 0.3),
        ("torch", 1 / math.sqrt(3 * 64)),
    ],
)
def test_starting_weights_have_the_published_spread(init: str, deviation: float) -> None:
    scale = {"init_scale": 0.3} if init in ("uniform", "normal") else {}
    model = session(hidden="2048", init=init, **scale).model
    weight = linear_weights(model)[0]
    assert weight.std().item() == pytest.approx(deviation, rel=0.02)
    assert abs(weight.mean().item()) < 0.02 * deviation
    biases = model.get_parameter("linear1.bias")
    assert bool((biases == 0).all()) is (init != "torch")


@pytest.mark.parametrize(("init", "spread"), [("uniform", 1 / math.sqrt(3)), ("normal", 1.0)])
def test_each_layer_may_start_in_a_range_of_its_own_and_one_as_zeros(init: str, spread: float) -> None:
    first, second, last = linear_weights(session(hidden="600,500", init=init, init_scale=[0.01, 0.2, 0.0]).model)
    assert first.std().item() == pytest.approx(0.01 * spread, rel=0.02)
    assert second.std().item() == pytest.approx(0.2 * spread, rel=0.02)
    assert not last.any()
    if init == "uniform":
        assert [0.0099 < first.abs().max().item() <= 0.01, 0.199 < second.abs().max().item() <= 0.2] == [True, True]


def test_each_hidden_layer_may_have_a_dropout_of_its_own_and_it_moves_live() -> None:
    made = session(hidden="32,16,8", dropout=[0.1, 0.0, 0.5], input_dropout=0.2)
    assert [m.p for m in made.model if isinstance(m, nn.Dropout)] == [0.2, 0.1, 0.0, 0.5]
    made.change(changed_live(made.config, {"dropout": [0.3, 0.4, 0.0]}))
    assert [m.p for m in made.model if isinstance(m, nn.Dropout)] == [0.2, 0.3, 0.4, 0.0]
    made.start_epoch()
    assert made.take_steps()


def test_bytes_are_scaled_inside_the_net_without_changing_the_data() -> None:
    made = session(normalize="standard")
    raw = made.data.train.inputs.clone()
    scaled = made.model.get_submodule("scale")(raw)
    assert scaled.dtype == torch.float32
    assert abs(scaled.mean().item()) < 1e-4
    assert scaled.std(correction=0).item() == pytest.approx(1, abs=1e-4)
    assert torch.equal(raw, made.data.train.inputs)
