"""Small real sessions for the engine's tests."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from tui_trainer.commands import Command
from tui_trainer.engine import checkpoint
from tui_trainer.engine.data import load
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.events import Event, RunEnded
from tui_trainer.knobs import build

CPU = torch.device("cpu")
Inbox = Callable[[], Sequence[str | Command]]


def linear_weights(model: nn.Sequential) -> list[Tensor]:
    """The weight matrices (units, inputs), first layer first."""
    return [module.weight for module in model if isinstance(module, nn.Linear)]


def session(**values: Any) -> Session:
    """A session on one CPU thread; the digits unless the values name other data."""
    return session_in(ALONE, **values)


def session_in(group: Group, **values: Any) -> Session:
    """The same, of one of several processes."""
    torch.set_num_threads(1)
    config = build({"epochs": 3, **values})
    return Session(config, load(config), CPU, group)


def run(of: Session, folder: Path | None = None, inbox: Inbox = lambda: (), *, every_step: bool = False) -> list[Event]:
    """Trains to the end; with `every_step` it reports, and looks into the inbox, after each step."""
    return list(train(of, Saver(folder, of.group), inbox, 0.0 if every_step else 0.1))


def the_end(events: list[Event]) -> RunEnded:
    """The last event, which has to be the run's end."""
    end = events[-1]
    assert isinstance(end, RunEnded)
    return end


class At:
    """An inbox that gives commands after so many steps: `At({5: ['{"command":"stop"}']})`, one look a step."""

    def __init__(self, asked: Mapping[int, Sequence[str | Command]]) -> None:
        self._asked = asked
        self._looks = 0

    def __call__(self) -> Sequence[str | Command]:
        self._looks += 1
        return self._asked.get(self._looks, ())


def resumed(of: Path, **values: Any) -> Session:
    """A session that goes on from the checkpoints in a folder, as another process would."""
    torch.manual_seed(987)  # whatever state another process happens to have
    fresh = session(**values)
    found = checkpoint.find(of)
    assert found.last is not None
    fresh.restore(found.last, found.best)
    return fresh


def same_bits(one: Session, other: Session) -> bool:
    """Whether weights, optimizer state, counters and the random state are equal to the last bit."""
    a, b = one.capture(), other.capture()
    tensors = {**a.weights, **a.training}, {**b.weights, **b.training}
    counters = [
        {key: value for key, value in checkpoint.facts.items() if key not in ("seconds", "config")}
        for checkpoint in (a, b)
    ]
    return (
        tensors[0].keys() == tensors[1].keys()
        and all(torch.equal(tensors[0][key], tensors[1][key]) for key in tensors[0])
        and counters[0] == counters[1]
    )
