"""The multilayer perceptron: raw inputs in, logits or scaled values out."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

import torch
from torch import Tensor, nn

from tui_trainer.engine.data.dataset import Scaling
from tui_trainer.engine.embeddings import Embeddings
from tui_trainer.per_layer import by_layer
from tui_trainer.sections import Model


class Scale(nn.Module):
    """(raw - shift) / spread in float32. Buffers, so that a checkpoint needs no data set to predict."""

    shift: Tensor
    spread: Tensor

    def __init__(self, scaling: Scaling) -> None:
        super().__init__()
        self.register_buffer("shift", scaling.shift)
        self.register_buffer("spread", scaling.spread)
        self.shifts = bool(scaling.shift.any())  # a pass over the batch that most pictures can do without

    def forward(self, raw: Tensor, room: Tensor | None = None) -> Tensor:
        """(batch, features) of any type -> float32, in `room` where there is one."""
        scaled = raw.to(torch.float32, copy=True) if room is None else room.copy_(raw)
        if self.shifts:
            scaled.sub_(self.shift)
        return scaled.div_(self.spread)


class ScaledTanh(nn.Module):
    """1.7159 tanh(2x/3), LeCun et al., Efficient BackProp, 1998."""

    def forward(self, x: Tensor) -> Tensor:
        """Any shape -> the same shape."""
        return 1.7159 * torch.tanh(x * (2 / 3))


ACTIVATIONS: dict[str, Callable[[], nn.Module]] = {
    "relu": nn.ReLU, "leaky_relu": nn.LeakyReLU, "elu": nn.ELU, "selu": nn.SELU, "gelu": nn.GELU, "silu": nn.SiLU,
    "tanh": nn.Tanh, "sigmoid": nn.Sigmoid, "scaled_tanh": ScaledTanh,
}  # fmt: skip
NORMALIZATIONS: dict[str, Callable[[int], nn.Module]] = {"batch": nn.BatchNorm1d, "layer": nn.LayerNorm}


def parameter_count(
    inputs: int, hidden: tuple[int, ...], outputs: int, embedded: Sequence[tuple[int, int]] = ()
) -> int:
    """Weights and biases of the linear layers and the tables of embedded categories, without building them."""
    sizes = [width_after(inputs, embedded), *hidden, outputs]
    tables = sum(categories * size for categories, size in embedded)
    return tables + sum(fan_in * fan_out + fan_out for fan_in, fan_out in itertools.pairwise(sizes))


def width_after(inputs: int, embedded: Sequence[tuple[int, int]]) -> int:
    """Inputs of the first linear layer: each of the last columns has become a vector."""
    return inputs + sum(size - 1 for _, size in embedded)


class Shaped(Protocol):
    """What a net is built for: a `DataSet`, or as much of one as a checkpoint tells."""

    @property
    def inputs(self) -> int:
        """Features of one sample."""

    @property
    def outputs(self) -> int:
        """Units of the last layer."""

    @property
    def scaling(self) -> Scaling:
        """Of the inputs; that of the targets is no part of the net."""

    @property
    def embedded(self) -> tuple[tuple[int, int], ...]:
        """As in `DataSet`."""


def build_model(config: Model, data: Shaped) -> nn.Sequential:
    """scale, embeddings, input_dropout, then (linear, norm, activation, dropout) per hidden layer, then output.

    Starting weights come from torch's global generator, drawn layer by layer in that order. There are embeddings where
    the data have columns for them; numbers of categories are not scaled.
    """
    model = nn.Sequential()
    model.add_module("scale", Scale(scaling_of(data)))
    if data.embedded:
        model.add_module("embeddings", Embeddings(data.embedded))
    model.add_module("input_dropout", nn.Dropout(config.input_dropout))
    width = width_after(data.inputs, data.embedded)
    scales, shares = by_layer(config.init_scale, len(config.hidden) + 1), by_layer(config.dropout, len(config.hidden))
    for number, units in enumerate(config.hidden, 1):
        model.add_module(f"linear{number}", started(nn.Linear(width, units), config, scales[number - 1]))
        if config.normalization != "none":
            model.add_module(f"norm{number}", NORMALIZATIONS[config.normalization](units))
        model.add_module(f"activation{number}", ACTIVATIONS[config.activation]())
        model.add_module(f"dropout{number}", nn.Dropout(shares[number - 1]))
        width = units
    model.add_module("output", started(nn.Linear(width, data.outputs), config, scales[-1]))
    return model


def scaling_of(data: Shaped) -> Scaling:
    """Of the inputs as the net applies it: numbers of categories stay as they are."""
    scaling, columns = data.scaling, len(data.embedded)
    if not columns:
        return scaling
    shift, spread = (bound.expand(data.inputs).clone() for bound in (scaling.shift, scaling.spread))
    shift[-columns:], spread[-columns:] = 0.0, 1.0
    return replace(scaling, shift=shift, spread=spread)


def started(layer: nn.Linear, config: Model, scale: float) -> nn.Linear:
    """The layer with the weights that `init` asks for (torch's own are there already), of this scale where it has one.

    A scale of 0 draws as many random numbers as any other, and they become zeros.
    """
    weight = layer.weight
    match config.init:
        case "torch":
            return layer
        case "glorot_uniform":
            nn.init.xavier_uniform_(weight)
        case "glorot_normal":
            nn.init.xavier_normal_(weight)
        case "he_uniform":
            nn.init.kaiming_uniform_(weight, nonlinearity="relu")
        case "he_normal":
            nn.init.kaiming_normal_(weight, nonlinearity="relu")
        case "lecun_normal":
            nn.init.normal_(weight, std=1 / math.sqrt(layer.in_features))
        case "uniform":
            nn.init.uniform_(weight, -scale, scale)
        case "normal":
            nn.init.normal_(weight, std=scale)
    nn.init.zeros_(layer.bias)
    return layer


def set_dropout(model: nn.Sequential, config: Model) -> None:
    """Bring the dropout layers to the config's present values."""
    shares = iter((config.input_dropout, *by_layer(config.dropout, len(config.hidden))))
    for module in model:
        if isinstance(module, nn.Dropout):
            module.p = next(shares)


def all_finite(model: nn.Module) -> bool:
    """Whether every weight and buffer is a finite number."""
    return all(bool(torch.isfinite(tensor).all()) for tensor in model.state_dict().values())
