"""Activations and their derivatives, by the operations that autograd itself would call."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.engine.model import ScaledTanh

SELU_ALPHA, SELU_SCALE = 1.6732632423543772, 1.0507009873554805  # Klambauer et al. 2017
LEAK = 0.01  # of nn.LeakyReLU
ops = torch.ops.aten


def _tanh_scaled(x: Tensor) -> Tensor:
    return 1.7159 * torch.tanh(x * (2 / 3))


def _tanh_scaled_backward(grad: Tensor, y: Tensor) -> Tensor:
    inner = y / 1.7159
    return grad * (1.7159 * 2 / 3) * (1 - inner * inner)


def _relu_backward(grad: Tensor, y: Tensor) -> Tensor:
    if torch.compiler.is_compiling():
        return grad * (y > 0)
    return ops.threshold_backward.grad_input(grad, y, 0, grad_input=grad)  # type: ignore[no-any-return]


ACTIVATIONS: dict[type[nn.Module], tuple[Any, Any, bool]] = {
    nn.ReLU: (torch.relu_, _relu_backward, True),
    nn.LeakyReLU: (
        lambda x: nn.functional.leaky_relu(x, LEAK),
        lambda grad, x: ops.leaky_relu_backward(grad, x, LEAK, False),
        False,
    ),
    nn.ELU: (nn.functional.elu, lambda grad, x: ops.elu_backward(grad, 1.0, 1.0, 1.0, False, x), False),
    nn.SELU: (
        torch.selu, lambda grad, x: ops.elu_backward(grad, SELU_ALPHA, SELU_SCALE, 1.0, False, x), False,
    ),
    nn.GELU: (nn.functional.gelu, ops.gelu_backward, False),
    nn.SiLU: (nn.functional.silu, ops.silu_backward, False),
    nn.Tanh: (torch.tanh_, ops.tanh_backward, True),
    nn.Sigmoid: (torch.sigmoid_, ops.sigmoid_backward, True),
    ScaledTanh: (_tanh_scaled, _tanh_scaled_backward, True),
}  # fmt: skip
"""(forward, derivative(grad, kept), whether what is kept are the outputs and not the inputs)."""


class Activation:
    """One activation between two layers, on what a linear or normalising layer made anew."""

    def __init__(
        self, forward: Callable[[Tensor], Tensor], derivative: Callable[[Tensor, Tensor], Tensor], keeps_outputs: bool
    ) -> None:
        self._forward, self._derivative, self._keeps_outputs = forward, derivative, keeps_outputs

    def forward(self, x: Tensor, batch: object) -> tuple[Tensor, Tensor]:
        """Any shape."""
        y = self._forward(x)
        return y, y if self._keeps_outputs else x

    def backward(self, grad: Tensor, kept: Tensor, grads: object) -> Tensor:
        """The gradient before the activation."""
        return self._derivative(grad, kept)
