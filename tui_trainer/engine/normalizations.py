"""The passes of the normalising layers, written down: in float32, by torch's own operations where they can."""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

from tui_trainer.engine.group import Group

if TYPE_CHECKING:
    from tui_trainer.engine.passes import Batch, Gradients


class BatchNorm:
    """Mean and variance of the whole batch; the running ones move as nn.BatchNorm1d's do: by its own operations."""

    def __init__(self, name: str, module: nn.BatchNorm1d, weights: dict[str, Tensor]) -> None:
        self._name, self._module = name, module
        self._weight, self._bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """x (n, width) -> the same in float32."""
        x, module = x.float(), self._module
        assert module.num_batches_tracked is not None  # noqa: S101
        module.num_batches_tracked.add_(1)
        y, mean, scale = torch.ops.aten._native_batch_norm_legit(
            x, self._weight, self._bias, module.running_mean, module.running_var, True, module.momentum, module.eps
        )
        return y, (x, mean, scale)

    def backward(self, grad: Tensor, kept: tuple[Tensor, Tensor, Tensor], grads: Gradients) -> Tensor:
        """By torch's own backward of it."""
        (x, mean, scale), module = kept, self._module
        at_inputs, weight_grad, bias_grad = torch.ops.aten.native_batch_norm_backward(
            grad.float(), x, self._weight, module.running_mean, module.running_var, mean, scale, True, module.eps,
            [True, True, True],
        )  # fmt: skip
        grads.put(f"{self._name}.weight", weight_grad)
        grads.put(f"{self._name}.bias", bias_grad)
        return at_inputs  # type: ignore[no-any-return]


class SharedBatchNorm:
    """The same over the batch of a whole group of processes."""

    def __init__(self, name: str, module: nn.BatchNorm1d, weights: dict[str, Tensor], group: Group) -> None:
        self._name, self._module, self._group = name, module, group
        self._weight, self._bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor, int]]:
        """x (n, width) -> the same in float32."""
        x, module, size = x.float(), self._module, batch.size
        mean = self._over_group(x.sum(0)) / size
        centred = x - mean
        variance = self._over_group(centred.square().sum(0)) / size
        share = float(module.momentum or 0.0)
        assert module.running_mean is not None  # noqa: S101
        assert module.running_var is not None  # noqa: S101
        assert module.num_batches_tracked is not None  # noqa: S101
        module.running_mean.lerp_(mean, share)
        module.running_var.lerp_(variance * (size / (size - 1)), share)
        module.num_batches_tracked.add_(1)
        scale = torch.rsqrt(variance + module.eps)
        normed = centred * scale
        return torch.addcmul(self._bias, normed, self._weight), (normed, scale, size)

    def backward(self, grad: Tensor, kept: tuple[Tensor, Tensor, int], grads: Gradients) -> Tensor:
        """Ioffe & Szegedy 2015, section 3, gathered into three terms."""
        normed, scale, size = kept
        grad = grad.float()
        sums = torch.stack((grad.sum(0), (grad * normed).sum(0)))
        grads.put(f"{self._name}.bias", sums[0])
        grads.put(f"{self._name}.weight", sums[1])
        sums = self._over_group(sums) / size
        return (grad - sums[0] - normed * sums[1]) * (scale * self._weight)

    def _over_group(self, sums: Tensor) -> Tensor:
        self._group.add_up(sums)
        return sums


class LayerNorm:
    """As nn.LayerNorm, in float32."""

    def __init__(self, name: str, module: nn.LayerNorm, weights: dict[str, Tensor]) -> None:
        self._name, self._module = name, module
        self._weight, self._bias = weights[f"{name}.weight"], weights[f"{name}.bias"]

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, tuple[Tensor, Tensor, Tensor]]:
        """x (n, width) -> the same in float32."""
        x, shape, eps = x.float(), self._module.normalized_shape, self._module.eps
        y, mean, scale = torch.native_layer_norm(x, shape, self._weight, self._bias, eps)
        return y, (x, mean, scale)

    def backward(self, grad: Tensor, kept: tuple[Tensor, Tensor, Tensor], grads: Gradients) -> Tensor:
        """By torch's own backward of it."""
        (x, mean, scale), shape = kept, self._module.normalized_shape
        at_inputs, weight_grad, bias_grad = torch.ops.aten.native_layer_norm_backward(
            grad.float(), x, shape, mean, scale, self._weight, self._bias, [True, True, True]
        )
        grads.put(f"{self._name}.weight", weight_grad)
        grads.put(f"{self._name}.bias", bias_grad)
        return at_inputs  # type: ignore[no-any-return]
