"""Whether and with which settings a run may go on."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint
from tui_trainer.engine.going_back import rewind
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import Event
from tui_trainer.inside_events import RemedyApplied
from tui_trainer.knobs import KNOBS, MOVABLE, build, changed, shown
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import folded
from tui_trainer.treatment import Treatment


def config_then(run: RunDir, asked_for: RunConfig, found: checkpoint.Found) -> RunConfig:
    """The settings at the checkpoint, live changes included. Raises InputError where config.toml was edited since."""
    if found.last is None:
        return asked_for
    values = dict(found.last.facts["config"])
    for name, knob in KNOBS.items():
        now, then = knob.of(asked_for), values.get(name, knob.default)
        then = tuple(then) if isinstance(now, tuple) else then
        if name in MOVABLE:
            values[name] = now
        elif now != then and not knob.is_live:
            raise InputError(
                f"{run.config}: {knob.path} is {shown(now)}, but the checkpoint was trained with {shown(then)}; "
                "undo the edit, or start a new run with it"
            )
    return build({name: value for name, value in values.items() if name in KNOBS})


def threads_then(config: RunConfig, last: checkpoint.Checkpoint | None, processes: int) -> RunConfig:
    """With the threads of the checkpoint, unless others are asked for or more or fewer processes share the cores.

    The same threads add up in the same order: the same bits.
    """
    if last is None or config.hardware.threads or last.facts.get("processes", 1) != processes:
        return config
    return changed(config, {"threads": last.facts["threads"]})


def check_unfinished(run: RunDir, config: RunConfig, changes: Mapping[str, Any]) -> None:
    """Raises InputError where there is nothing left to do, saying how to give the run more."""
    state = folded(run)
    if state.status == "early_stopped" and "patience" not in changes:
        raise InputError(
            f"run {run.name!r} stopped early after epoch {state.epochs_done} (--patience {config.training.patience}); "
            "to go on all the same give it more --patience, or --patience 0"
        )
    if "epochs" in changes and config.training.epochs <= state.epochs_done:
        raise InputError(
            f"--epochs {config.training.epochs}: run {run.name!r} has done {state.epochs_done} already; give it more"
        )
    if state.status == "completed" and state.epochs_done >= config.training.epochs:
        raise InputError(
            f"run {run.name!r} is complete ({state.epochs_done} of {config.training.epochs} epochs); "
            f"give it more with --epochs {2 * state.epochs_done}"
        )


def gone_back(run: RunDir, session: Session, until: int | None) -> checkpoint.Checkpoint | None:
    """To the last good checkpoint of at most step `until`, as a run that trains goes back; all processes alike.

    Returns the checkpoint, None for the run's beginning. Raises InputError where nothing is left to do from there.
    """
    found = rewind(session, run.checkpoints, until)
    training = session.config.training
    if session.epochs_done >= training.epochs or session.record.is_exhausted(training.patience):
        raise InputError(
            f"run {run.name!r}: its last good checkpoint is that of epoch {session.epochs_done}, its end; give it more "
            f"with --epochs {2 * session.epochs_done}" + (" --patience 0" if training.patience else "")
        )
    return found


def applied(treated: Treatment | None, session: Session) -> list[Event]:
    """That a remedy was, as an event."""
    if treated is None:
        return []
    return [RemedyApplied(alert=treated.alert.alert, sentence=treated.remedy.sentence, step=session.step)]
