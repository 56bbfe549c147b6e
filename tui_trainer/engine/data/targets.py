"""What the loss asks of the targets: one output for two classes, weights of classes, the scale of values."""

from __future__ import annotations

from dataclasses import replace

import torch

from tui_trainer.config import RunConfig, misfit
from tui_trainer.data_sections import Data
from tui_trainer.data_sets import Task
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.errors import InputError


def for_loss(data: DataSet, config: RunConfig) -> DataSet:
    """The data set as the configured loss takes it. Raises InputError where it cannot serve this task."""
    if sentence := misfit(config, data.task, data.name, len(data.class_names)):
        raise InputError(sentence)
    is_binary = data.task == "classes" and config.loss.name == "binary_cross_entropy"
    if is_binary and len(data.class_names) != 2:
        raise InputError(
            f"--loss binary_cross_entropy tells two classes apart, and {data.name} has {len(data.class_names)}; "
            "use cross_entropy"
        )
    weights = None
    if config.loss.class_weights == "balanced":
        weights = _balanced(data) if data.task == "classes" else _balanced_labels(data)
    return replace(data, is_binary=is_binary, class_weights=weights)


def _balanced_labels(data: DataSet) -> torch.Tensor:
    """negatives / positives of each label, the weight of its positives; 1 for one that all or no training rows have."""
    positives = data.train.targets.sum(0).cpu()
    is_split = (positives > 0) & (positives < len(data.train))
    return torch.where(is_split, (len(data.train) - positives) / positives, 1.0)


def _balanced(data: DataSet) -> torch.Tensor:
    """samples / (classes * samples of the class), as scikit-learn's "balanced": their mean over the samples is 1."""
    counts = torch.bincount(data.train.targets, minlength=len(data.class_names)).clamp(min=1).float()
    return (len(data.train) / (len(counts) * counts)).cpu()


def target_scaling(config: Data, task: Task, targets: torch.Tensor) -> tuple[torch.Tensor, torch.Tensor]:
    """(shift, spread) of each output, from the training targets (n, outputs)."""
    if task != "values" or config.target_scaling == "none":
        return torch.zeros(1), torch.ones(1)
    deviation, mean = torch.std_mean(targets.double(), dim=0, correction=0)
    return mean.float(), usable(deviation)


def usable(spread: torch.Tensor) -> torch.Tensor:
    """A constant feature has no spread; divided by 1 it stays 0 after its shift."""
    return torch.where(spread > 0, spread, 1.0).float()
