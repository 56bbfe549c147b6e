"""The training loss together with its gradient at the net's outputs.

The same losses as `evaluation.loss_function`; targets of classes are rows of a table (one-hot, smoothed), so that one
formula serves and a live change of the smoothing is a change of the table's numbers.
"""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.sections import Loss


class Criterion:
    """`criterion(outputs, targets, samples)`: (sum of the samples' losses, gradient of the batch's mean loss).

    outputs (n, units) of this process's share of a batch of `samples`; targets as in `Samples`. Float32, whatever the
    outputs are.
    """

    def __init__(self, config: Loss, data: DataSet, device: torch.device) -> None:
        self._outputs = data.outputs
        self._is_entropy = data.task == "classes" and config.name != "mse"
        self._table = torch.eye(data.outputs, device=device) if data.task == "classes" else None
        self._shift, self._spread = data.scaling.target_shift.to(device), data.scaling.target_spread.to(device)
        self.change(config)

    def change(self, config: Loss) -> None:
        """Another label smoothing (Szegedy et al. 2016): a share of the target spread over all classes."""
        if self._table is not None:
            smoothing, classes = config.label_smoothing, self._outputs
            self._table.fill_(smoothing / classes).fill_diagonal_(1 - smoothing + smoothing / classes)

    def __call__(self, outputs: Tensor, targets: Tensor, samples: int) -> tuple[Tensor, Tensor]:
        """See the class."""
        wanted = self._wanted(targets)
        if self._is_entropy:
            logs = torch.log_softmax(outputs, 1, dtype=torch.float32)
            total = torch.dot(wanted.view(-1), logs.view(-1)).neg_()
            return total, logs.exp_().sub_(wanted).mul_(1.0 / samples)
        errors = outputs.float() - wanted
        total = torch.dot(errors.view(-1), errors.view(-1)).mul_(1.0 / self._outputs)
        return total, errors.mul_(2 / (samples * self._outputs))

    def _wanted(self, targets: Tensor) -> Tensor:
        if self._table is not None:
            return self._table.index_select(0, targets)
        return (targets - self._shift) / self._spread
