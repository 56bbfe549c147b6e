"""The net as it answers: from raw inputs to probabilities, or to values in original units."""

from __future__ import annotations

import torch
from torch import Tensor, nn

from tui_trainer.engine.answers import Meaning
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data.arrays import ArrayEncoding
from tui_trainer.engine.data.encoding import Encoding, Saved
from tui_trainer.engine.data.media import FileEncoding
from tui_trainer.engine.restoring import (
    Facts,
    preprocessing_in,
    restored_encoding,
    restored_meaning,
    restored_net,
)

OUTPUT = {"classes": "probabilities", "labels": "probabilities", "values": "values"}


class Answering(nn.Module):
    """(n, features) -> (n, classes) or (n, labels) of probabilities, or (n, outputs) of values; float32."""

    shift: Tensor
    spread: Tensor

    def __init__(self, net: nn.Sequential, meaning: Meaning) -> None:
        super().__init__()
        self.net, self._meaning = net, meaning
        self.register_buffer("shift", meaning.shift if meaning.task == "values" else None)
        self.register_buffer("spread", meaning.spread if meaning.task == "values" else None)

    def forward(self, inputs: Tensor) -> Tensor:
        """As `answers.Meaning` has it."""
        outputs: Tensor = self.net(inputs)
        if self._meaning.task == "values":
            return torch.addcmul(self.shift, outputs, self.spread)
        if self._meaning.task == "labels":
            return outputs.sigmoid()
        return self._meaning.chances(outputs)[1]


class Restored:
    """What of a checkpoint an export needs. Raises InputError, DamagedCheckpointError."""

    def __init__(self, checkpoint: Checkpoint) -> None:
        self.checkpoint = checkpoint
        self.saved: Saved
        self.facts: Facts
        self.saved, self.facts = preprocessing_in(checkpoint)
        self.meaning: Meaning = restored_meaning(checkpoint, self.saved, self.facts)
        self.encoding: Encoding = restored_encoding(checkpoint, self.saved, {})
        self.net = Answering(restored_net(checkpoint, self.facts), self.meaning).eval()

    @property
    def output(self) -> str:
        """What the outputs are called."""
        return OUTPUT[self.facts.task]

    @property
    def features(self) -> int:
        """Numbers of a sample."""
        return int(self.checkpoint.facts["inputs"])

    @property
    def dtype(self) -> torch.dtype:
        """Of raw inputs, as the data set gives them."""
        match self.encoding:
            case FileEncoding():
                return self.encoding.dtype
            case ArrayEncoding(holds="bytes"):
                return torch.uint8
        return torch.float32
