"""Mixup: steps on samples that are mixtures of two (Zhang, Cisse, Dauphin & Lopez-Paz 2018).

As in the paper each batch has one share, from Beta(a, a), and each sample a partner, by a permutation of the batch.
Both are drawn for the whole group's batch, so that the random state and the mixtures are those of one process.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer.engine.group import Group
from tui_trainer.engine.passes import Batch


@dataclass(frozen=True)
class Mixed:
    """Targets of mixtures: `share`, (), of a sample's own and the rest of its partner's, both as in `Samples`."""

    own: Tensor
    partners: Tensor
    share: Tensor

    @property
    def dominant(self) -> Tensor:
        """The targets of which there is more: a prediction of a mixture's class is right if it is this one."""
        return torch.where(self.share >= 0.5, self.own, self.partners)


class Mixup:
    """Mixes the batches of steps; `strength` is the a of Beta(a, a). Inputs are mixed before they are scaled: it is
    the same, and pictures cost a process that has a part of the batch a byte a pixel.
    """

    def __init__(self, strength: float, group: Group, device: torch.device) -> None:
        # in float64, where the numbers of small shapes are no zeros
        self._shapes = torch.full((2,), strength, dtype=torch.float64, device=device)
        self._group = group

    def __call__(self, inputs: Tensor, targets: Tensor, batch: Batch) -> tuple[Tensor, Mixed]:
        """This process's samples of a batch -> their mixtures (n, features) float32, and what to make of the loss."""
        pair = torch._standard_gamma(self._shapes)
        share = (pair[0] / pair.sum()).float()
        # sorted keys: torch.randperm goes by the host, which no graph can record
        partners = torch.rand(batch.size, device=inputs.device).argsort()[batch.own]
        others = self._whole(inputs, batch).index_select(0, partners).float()
        mixed = torch.lerp(others, inputs.float(), share)
        return mixed, Mixed(targets, self._whole(targets, batch).index_select(0, partners), share)

    def _whole(self, own: Tensor, batch: Batch) -> Tensor:
        """The whole group's samples, of which this process has its share."""
        if self._group.size == 1:
            return own
        whole = own.new_zeros(batch.size, *own.shape[1:])
        whole[batch.own] = own
        self._group.add_up(whole)
        return whole
