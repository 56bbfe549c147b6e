"""What a run is doing: `advance(state, event)`, pure, and the only place that decides it.

The dashboard, the headless printer, `runs` and the tests all fold the same events.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from functools import reduce
from typing import Any, Literal

from tui_trainer.events import (
    CheckpointSaved,
    Continued,
    EpochEnded,
    Event,
    HyperparametersChanged,
    Paused,
    PhaseBegan,
    Progress,
    RunEnded,
    RunResumed,
    RunStarted,
)
from tui_trainer.inside_events import Alerted, AlertPassed, NetMeasured, RemedyApplied, WentBack
from tui_trainer.run_dir import RunDir

Status = Literal[
    "starting", "training", "paused", "completed", "stopped", "early_stopped", "diverged", "failed", "lost"
]

PASSED_ALERTS_KEPT = 8


@dataclass(frozen=True)
class RunState:
    """A run at one moment. `lost` (no end, no living worker) is not in the events: see `seen_from_outside`."""

    status: Status = "starting"
    phase: str = ""  # what a worker that has not begun to train is busy with
    started: RunStarted | None = None
    ended: RunEnded | None = None
    progress: Progress | None = None
    epoch: EpochEnded | None = None  # the latest
    best: EpochEnded | None = None
    saved: CheckpointSaved | None = None
    epochs: int = 0  # as now asked for
    epochs_done: int = 0
    step: int = 0
    changed: Mapping[str, Any] = field(default_factory=dict)  # live hyperparameters in force, where config.toml is not
    inside: NetMeasured | None = None  # the latest look inside the net
    pictured: NetMeasured | None = None  # the latest that has pictures
    alerts: tuple[Alerted, ...] = ()  # that neither passed nor were answered by a remedy, the latest last
    passed_alerts: tuple[Alerted, ...] = ()  # the last of those that did, whatever the run went back to since
    void: tuple[Alerted, ...] = ()  # those that the latest way back has left behind
    last_heard: float = 0.0  # Unix seconds

    def seen_from_outside(self, is_alive: bool) -> RunState:
        """With the status that only the lock tells: the worker died without a word, or a new one is loading."""
        if self.is_open and not is_alive:
            return replace(self, status="lost")
        return replace(self, status="starting") if is_alive and self.phase else self

    @property
    def is_open(self) -> bool:
        """Whether no end was said."""
        return self.status in ("starting", "training", "paused")


def state_of(run: RunDir) -> RunState:
    """The state that a run's folder tells of, with what only its lock tells."""
    is_alive = run.is_alive()  # before reading: a worker says its end before it lets go
    return folded(run).seen_from_outside(is_alive)


def folded(run: RunDir) -> RunState:
    """The fold over what a run has said so far."""
    return reduce(advance, run.read_milestones(), RunState())


def advance(state: RunState, event: Event) -> RunState:
    """The state after one more event."""
    match event:  # the two that come by the hundred thousand are folded in one step
        case Progress():
            return replace(state, last_heard=event.time, phase="", progress=event, step=event.step, epochs=event.epochs)
        case EpochEnded():
            best = event if event.is_best else state.best
            done = {"epochs_done": event.epoch, "step": event.step, "epochs": event.epochs}
            return replace(state, last_heard=event.time, epoch=event, best=best, **done)  # type: ignore[arg-type]
    return _advance(replace(state, last_heard=event.time), event)


def _advance(state: RunState, event: Event) -> RunState:
    match event:
        case PhaseBegan():
            return replace(state, phase=event.what)
        case RunStarted():
            return replace(state, status="training", phase="", started=event, epochs=event.epochs)
        case RunResumed():
            where = {
                name: getattr(event, name) for name in ("device", "device_name", "threads", "devices", "pid", "host")
            }
            started = state.started.model_copy(update=where) if state.started else None
            return _rewound(replace(state, status="training", phase="", ended=None, started=started), event)
        case WentBack():
            return _rewound(state, event)
        case NetMeasured():
            return replace(state, inside=event, pictured=event if event.pictures else state.pictured)
        case Alerted():
            return replace(state, alerts=(*state.alerts, event))
        case AlertPassed() | RemedyApplied():
            over = tuple(alert for alert in state.alerts if alert.alert == event.alert)
            passed = (*state.passed_alerts, *over)[-PASSED_ALERTS_KEPT:]
            still = tuple(alert for alert in state.alerts if alert.alert != event.alert)
            return replace(state, alerts=still, passed_alerts=passed)
        case CheckpointSaved():
            return replace(state, saved=event)
        case Paused():
            return replace(state, status="paused", step=event.step)
        case Continued():
            return replace(state, status="training", step=event.step)
        case HyperparametersChanged():
            epochs = int(event.values.get("epochs", state.epochs))
            return replace(state, step=event.step, epochs=epochs, changed={**state.changed, **event.values})
        case RunEnded():
            ending = tuple(alert for alert in state.void if alert.alert == event.alert)  # it went back, and stopped
            state = replace(state, status=event.reason, phase="", ended=event, alerts=(*state.alerts, *ending))
            return replace(state, epochs_done=event.epochs_done, step=event.step)
        case _:
            return state


def _rewound(state: RunState, event: RunResumed | WentBack) -> RunState:
    """Back to the checkpoint: what was said of later steps no longer holds."""

    def looked(look: NetMeasured | None) -> NetMeasured | None:
        return look if look and look.step <= event.step else None

    def kept(epoch: EpochEnded | None) -> EpochEnded | None:
        return epoch if epoch and epoch.epoch <= event.epochs_done else None

    return replace(
        state, progress=None, epoch=kept(state.epoch), best=kept(state.best), changed=dict(event.live),
        epochs=event.epochs, epochs_done=event.epochs_done, step=event.step,
        inside=looked(state.inside), pictured=looked(state.pictured),
        alerts=tuple(alert for alert in state.alerts if alert.step <= event.step),
        void=tuple(alert for alert in state.alerts if alert.step > event.step),
    )  # fmt: skip
