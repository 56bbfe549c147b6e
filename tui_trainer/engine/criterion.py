"""The training loss together with its gradient at the net's outputs.

The same losses as `evaluation.loss_function`; targets of classes are rows of a table (one-hot, smoothed, weighted), so
that one formula serves and a live change of the smoothing is a change of the table's numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor
from torch.nn import functional as F

from tui_trainer.data_sets import Task
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.mixup import Mixed
from tui_trainer.sections import Loss

AUTO: dict[Task, str] = {"classes": "cross_entropy", "labels": "binary_cross_entropy", "values": "mse"}


def loss_name(config: Loss, task: Task) -> str:
    """The loss that `auto` stands for."""
    return AUTO[task] if config.name == "auto" else config.name


class Criterion:
    """`criterion(outputs, targets, samples)`: (sum of the samples' losses, gradient of the batch's mean loss).

    outputs (n, units) of this process's share of a batch of `samples`; targets as in `Samples`. Float32, whatever the
    outputs are. A sample's loss is the mean over its outputs (labels, values), times the weight of its class.
    """

    def __init__(self, config: Loss, data: DataSet, device: torch.device) -> None:
        self._outputs, self._is_binary = data.outputs, data.is_binary
        self._name, self._delta = loss_name(config, data.task), config.huber_delta
        self._is_entropy = self._name == "cross_entropy"
        self._weights = None if data.class_weights is None else data.class_weights.to(device)
        self._table: Tensor | None = None
        if data.task == "classes":
            rows = torch.tensor([[0.0], [1.0]]) if data.is_binary else torch.eye(data.outputs)
            self._table = rows.to(device)
        self._is_scaled = data.task == "values"
        self._shift, self._spread = data.scaling.target_shift.to(device), data.scaling.target_spread.to(device)
        self.change(config)

    def change(self, config: Loss) -> None:
        """Another label smoothing (Szegedy et al. 2016): a share of the target spread over all classes."""
        if self._table is None or self._is_binary:
            return
        smoothing, classes = config.label_smoothing, self._outputs
        self._table.fill_(smoothing / classes).fill_diagonal_(1 - smoothing + smoothing / classes)
        if self._weights is not None:
            self._table.mul_(self._weights.unsqueeze(1))

    def __call__(self, outputs: Tensor, targets: Tensor, samples: int) -> tuple[Tensor, Tensor]:
        """See the class."""
        wanted = self._wanted(targets)
        if self._is_entropy:
            return self._of_shares(outputs, wanted, samples)
        if self._name == "binary_cross_entropy":
            return self._of_logits(outputs.float(), wanted, targets, samples)
        return self._of_errors(outputs.float() - wanted, samples)

    def of_mixed(self, outputs: Tensor, mixed: Mixed, samples: int) -> tuple[Tensor, Tensor]:
        """The same of mixtures: of the mixed targets. A weight that hangs on the class asks for the two losses."""
        if self._name == "binary_cross_entropy" and self._weights is not None:
            total, grad = self(outputs, mixed.own, samples)
            other_total, other_grad = self(outputs, mixed.partners, samples)
            return torch.lerp(other_total, total, mixed.share), torch.lerp(other_grad, grad, mixed.share)
        wanted = torch.lerp(self._wanted(mixed.partners), self._wanted(mixed.own), mixed.share)
        if self._is_entropy:
            return self._of_shares(outputs, wanted, samples)
        if self._name == "binary_cross_entropy":
            return self._of_logits(outputs.float(), wanted, mixed.own, samples)
        return self._of_errors(outputs.float() - wanted, samples)

    def right(self, outputs: Tensor, targets: Tensor) -> Tensor:
        """How many samples' classes are right, ()."""
        predicted = outputs[:, 0] > 0 if self._is_binary else outputs.argmax(1)
        return (predicted == targets).sum()

    def _of_shares(self, outputs: Tensor, wanted: Tensor, samples: int) -> tuple[Tensor, Tensor]:
        """Of logits and the classes' shares (n, classes), which are overwritten."""
        logs = torch.log_softmax(outputs, 1, dtype=torch.float32)
        total = torch.dot(wanted.view(-1), logs.view(-1)).neg_()
        return total, torch._log_softmax_backward_data(wanted.mul_(-1.0 / samples), logs, 1, torch.float32)

    def _of_errors(self, errors: Tensor, samples: int) -> tuple[Tensor, Tensor]:
        """Of predicted minus wanted values (n, outputs)."""
        share = 1.0 / self._outputs
        if self._name == "l1":
            return errors.abs().sum().mul_(share), errors.sign_().mul_(share / samples)
        if self._name == "huber":  # Huber 1964, as torch's huber_loss: error²/2 up to delta, linear beyond
            inner = errors.clamp(-self._delta, self._delta)
            total = torch.dot(inner.view(-1), torch.add(errors, inner, alpha=-0.5).view(-1)).mul_(share)
            return total, inner.mul_(share / samples)
        total = torch.dot(errors.view(-1), errors.view(-1)).mul_(share)
        return total, errors.mul_(2 / (samples * self._outputs))

    def _of_logits(self, logits: Tensor, wanted: Tensor, targets: Tensor, samples: int) -> tuple[Tensor, Tensor]:
        """Of logits and 0 or 1 (n, outputs), each a question of its own."""
        weights = None
        if self._weights is not None and self._is_binary:
            weights = self._weights.index_select(0, targets).unsqueeze(1)
        elif self._weights is not None:
            weights = 1 + wanted * (self._weights - 1)
        total = F.binary_cross_entropy_with_logits(logits, wanted, weights, reduction="sum").mul_(1.0 / self._outputs)
        grad = torch.sigmoid(logits).sub_(wanted)
        if weights is not None:
            grad.mul_(weights)
        return total, grad.mul_(1.0 / (samples * self._outputs))

    def _wanted(self, targets: Tensor) -> Tensor:
        if self._table is not None:
            return self._table.index_select(0, targets)
        return (targets - self._shift) / self._spread if self._is_scaled else targets
