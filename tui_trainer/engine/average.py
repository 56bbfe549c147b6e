"""The moving average of the weights over the steps, and the net that answers with it.

Averaged weights lie where the last ones only circle around (Polyak & Juditsky 1992): what is evaluated, called best,
tested and predicted with. The training goes on with its own weights. Running figures of a normalisation are not
averaged twice: both nets share them.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping

import torch
from torch import Tensor, nn

from tui_trainer.engine.parameters import Parameters
from tui_trainer.sections import Training


class Average:
    """`average()` after each step: a <- d a + (1 - d) w, with the decay d of `ema`, and a = w at the first.

    With `ema_warmup` d is at most (1 + t) / (10 + t) after t steps (as TensorFlow's ExponentialMovingAverage has it):
    the start is forgotten long before 1 / (1 - ema) steps are over. `net` is the model with a for weights.
    """

    def __init__(self, config: Training, model: nn.Sequential, parameters: Parameters) -> None:
        self._decay, self._warms_up = config.ema, config.ema_warmup
        self._weights = parameters.flat
        self._flat = parameters.flat.clone()
        self._steps = torch.zeros((), device=self._flat.device)
        self.net = copy.deepcopy(model)
        for parameter, piece in zip(self.net.parameters(), parameters.pieces(self._flat), strict=True):
            parameter.data = piece
        for own, shared in zip(self.net.modules(), model.modules(), strict=True):
            for name, buffer in shared.named_buffers(recurse=False):
                setattr(own, name, buffer)

    def __call__(self) -> None:
        """Once a step, after it; nothing waits for the device."""
        steps = self._steps
        decay = (steps > 0) * self._decay
        if self._warms_up:
            decay = torch.minimum(decay, (1 + steps) / (10 + steps))
        self._flat.lerp_(self._weights, 1 - decay)
        steps.add_(1)

    def tensors(self) -> list[Tensor]:
        """All that it changes."""
        return [self._flat, self._steps]

    def capture(self, model: nn.Sequential) -> dict[str, Tensor]:
        """What a resume needs beside the averaged weights: those of the training, and the steps."""
        return {"steps": self._steps, **{f"weights.{name}": weight for name, weight in model.named_parameters()}}

    def restore(self, state: Mapping[str, Tensor], model: nn.Sequential) -> None:
        """Back to what `capture` gave; the averaged weights are in their net already."""
        self._steps.copy_(state["steps"])
        for name, weight in model.named_parameters():
            weight.copy_(state[f"weights.{name}"])
