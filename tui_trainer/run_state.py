"""What a run is doing: `advance(state, event)`, pure, and the only place that decides it.

The dashboard, the headless printer, `runs` and the tests all fold the same events.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

from tui_trainer.events import (
    CheckpointSaved,
    Continued,
    EpochEnded,
    Event,
    HyperparametersChanged,
    Paused,
    Progress,
    RunEnded,
    RunResumed,
    RunStarted,
)

Status = Literal[
    "starting", "training", "paused", "completed", "stopped", "early_stopped", "diverged", "failed", "lost"
]


@dataclass(frozen=True)
class RunState:
    """A run at one moment. `lost` (no end, no living worker) is not in the events: see `seen_from_outside`."""

    status: Status = "starting"
    started: RunStarted | None = None
    ended: RunEnded | None = None
    progress: Progress | None = None
    epoch: EpochEnded | None = None  # the latest
    best: EpochEnded | None = None
    saved: CheckpointSaved | None = None
    epochs: int = 0  # as now asked for
    epochs_done: int = 0
    step: int = 0
    last_heard: float = 0.0  # Unix seconds

    def seen_from_outside(self, is_alive: bool) -> RunState:
        """With the status that a run has whose worker died without a word."""
        if is_alive or self.status not in ("starting", "training", "paused"):
            return self
        return replace(self, status="lost")


def advance(state: RunState, event: Event) -> RunState:
    """The state after one more event."""
    state = replace(state, last_heard=event.time)
    match event:
        case RunStarted():
            return replace(state, status="training", started=event, epochs=event.epochs)
        case RunResumed():
            return _rewound(state, event)
        case Progress():
            return replace(state, progress=event, step=event.step, epochs=event.epochs)
        case EpochEnded():
            best = event if event.is_best else state.best
            return replace(state, epoch=event, best=best, epochs_done=event.epoch, step=event.step, epochs=event.epochs)
        case CheckpointSaved():
            return replace(state, saved=event)
        case Paused():
            return replace(state, status="paused", step=event.step)
        case Continued():
            return replace(state, status="training", step=event.step)
        case HyperparametersChanged():
            return replace(state, step=event.step, epochs=int(event.values.get("epochs", state.epochs)))
        case RunEnded():
            return replace(state, status=event.reason, ended=event, epochs_done=event.epochs_done, step=event.step)
        case _:
            return state


def _rewound(state: RunState, event: RunResumed) -> RunState:
    """Back to the checkpoint: what was said of later epochs no longer holds."""

    def kept(epoch: EpochEnded | None) -> EpochEnded | None:
        return epoch if epoch and epoch.epoch <= event.epochs_done else None

    return replace(
        state, status="training", ended=None, progress=None, epoch=kept(state.epoch), best=kept(state.best),
        epochs=event.epochs, epochs_done=event.epochs_done, step=event.step,
    )  # fmt: skip
