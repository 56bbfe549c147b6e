"""The recipe mnist-dropout-maxnorm as a plain PyTorch program to hold the recipe against: it shares no code with it.

As a program it trains on MNIST below a folder and prints each epoch: `python -m tests.engine.plain_maxnorm FOLDER`
takes the full 440 epochs, `... FOLDER 20` a twentieth of them.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator

import torch
from torch import Tensor, nn
from torch.nn import functional as F

BATCH = 100
EPOCHS, LR_EPOCHS, MOMENTUM_EPOCHS = 440, 560, 697  # of the run; until rate and momentum are at their last values
LR, LR_FACTOR = 0.097259, 0.022292
MOMENTUM, LAST_MOMENTUM = 0.5, 0.699217


class Net(nn.Module):
    """784-898-1532-10, rectified, with dropout of inputs and hidden units, and a limit on each unit's weights."""

    def __init__(self) -> None:
        super().__init__()
        self.first, self.second, self.last = nn.Linear(784, 898), nn.Linear(898, 1532), nn.Linear(1532, 10)
        nn.init.uniform_(self.first.weight, -0.00891030471479, 0.00891030471479)
        nn.init.uniform_(self.second.weight, -0.0575059125935, 0.0575059125935)
        nn.init.zeros_(self.last.weight)
        for layer in (self.first, self.second, self.last):
            nn.init.zeros_(layer.bias)

    def forward(self, pixels: Tensor) -> Tensor:
        """(n, 784) in 0..1 -> (n, 10) logits."""
        x = F.dropout(pixels, 0.2, self.training)
        x = F.dropout(F.relu(self.first(x)), 0.5, self.training)
        x = F.dropout(F.relu(self.second(x)), 0.5, self.training)
        logits: Tensor = self.last(x)
        return logits

    @torch.no_grad()
    def limit_norms(self) -> None:
        """A unit whose incoming weights are too long together is scaled back."""
        for layer, most in ((self.first, 4.378017), (self.second, 2.970242), (self.last, 4.626974)):
            lengths = layer.weight.norm(dim=1, keepdim=True)
            layer.weight.copy_(torch.where(lengths > most, layer.weight * most / lengths, layer.weight))


def train(pixels: Tensor, classes: Tensor, part: int, seed: int) -> Iterator[tuple[float, Net]]:
    """(mean training loss, the net) after each epoch of 1/part of the recipe's length, on pixels (n, 784) in 0..1."""
    torch.manual_seed(seed)
    net = Net()
    optimizer = torch.optim.SGD(net.parameters(), LR, momentum=MOMENTUM)
    for epoch in range(EPOCHS // part):
        way = epoch / round(LR_EPOCHS / part)
        optimizer.param_groups[0]["lr"] = LR * (1 - way) + LR * LR_FACTOR * way
        way = epoch / round(MOMENTUM_EPOCHS / part)
        optimizer.param_groups[0]["momentum"] = MOMENTUM * (1 - way) + LAST_MOMENTUM * way
        net.train()
        total = 0.0
        for rows in torch.randperm(len(pixels)).split(BATCH):
            loss = F.cross_entropy(net(pixels[rows]), classes[rows])
            optimizer.zero_grad()
            loss.backward()
            optimizer.step()
            net.limit_norms()
            total += loss.item() * len(rows)
        yield total / len(pixels), net


@torch.no_grad()
def error(net: Net, pixels: Tensor, classes: Tensor) -> float:
    """The share of wrong answers."""
    net.eval()
    return float((net(pixels).argmax(1) != classes).double().mean())


def main(folder: str, part: int = 1, seed: int = 0) -> None:
    """Train and print."""
    from torchvision.datasets import MNIST

    training, test = (MNIST(folder, train=is_training) for is_training in (True, False))
    pixels = (training.data.flatten(1) / 255, test.data.flatten(1) / 255)
    for epoch, (loss, net) in enumerate(train(pixels[0], training.targets, part, seed), 1):
        print(f"epoch {epoch}: loss {loss:.4f}, test error {100 * error(net, pixels[1], test.targets):.2f} %")


if __name__ == "__main__":
    main(sys.argv[1], *map(int, sys.argv[2:]))
