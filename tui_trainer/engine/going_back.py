"""Back to a checkpoint in the same process: weights, optimizer, random state, counters; settings stay as they are."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

from tui_trainer.engine import checkpoint
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.session import Session
from tui_trainer.errors import DamagedCheckpointError
from tui_trainer.inside_events import WentBack
from tui_trainer.knobs import KNOBS, live_names


def go_back(session: Session, folder: Path | None, until: int | None) -> WentBack:
    """To the newest good checkpoint of at most step `until`; without one, to the run's beginning. All processes alike.

    Good: finite, and every byte as written. In the folder `last` and the one before it are complete. The best epoch has
    its weights alone: its optimizer begins anew.
    """
    rewind(session, folder, until)
    return WentBack(
        epochs=session.config.training.epochs,
        epochs_done=session.epochs_done,
        step=session.step,
        live={name: KNOBS[name].of(session.config) for name in live_names()},
    )


def rewind(session: Session, folder: Path | None, until: int | None) -> Checkpoint | None:
    """Do it; where it went, None for the run's beginning."""
    group = session.group
    found = group.agreed(_newest(session, folder, until) if group.is_first else None)
    pace, best = session.pace, _best_of(session)
    if found is None:
        _begin_anew(session)
    elif found.kind == "best":
        _restore_best(session, found)
    else:
        bests = [*_in_folder(folder, "best"), *([best] if best else [])]
        known = (kept for kept in bests if kept.facts["epochs_done"] == found.facts["record"]["best_epoch"])
        session.restore(found, group.agreed(next(known, None)))
    session.pace = pace  # what was spent is spent
    session.pace.forget_rate()
    session.start_epoch()
    return found


def _newest(session: Session, folder: Path | None, until: int | None) -> Checkpoint | None:
    kept = [*_in_folder(folder, "last"), *filter(None, [_best_of(session)])]
    good = [found for found in kept if until is None or found.facts["step"] <= until]
    return max(good, key=lambda found: (found.facts["step"], found.kind == "last"), default=None)


def _in_folder(folder: Path | None, kind: checkpoint.Kind) -> Iterator[Checkpoint]:
    if folder is None:
        return
    for name in (kind, f"{kind}.previous"):
        with suppress(DamagedCheckpointError):
            yield checkpoint.read(folder / name)


def _best_of(session: Session) -> Checkpoint | None:
    """The best epoch as this process remembers it; of a run that an earlier version began it knows no step."""
    return session.capture_best() if session.best_step else None


def _restore_best(session: Session, best: Checkpoint) -> None:
    _begin_anew(session)
    facts = best.facts
    weights = {name: tensor.to(session.device) for name, tensor in best.weights.items()}
    session.model.load_state_dict(weights)
    session.answering.load_state_dict(weights)
    session.record = replace(session.record, **facts["record"] | {"epochs_since": 0})
    session.best_weights, session.best_step = weights, facts["step"]
    session.epochs_done, session.step = facts["epochs_done"], facts["step"]
    session.meter.start_epoch(session.step)


def _begin_anew(session: Session) -> None:
    """As the run began: starting weights by the seed, an optimizer that has seen nothing."""
    fresh = Session(session.config, session.data, session.device, session.group, session.feed)
    begun = fresh.capture()
    for tensor in session.steps.step.update.tensors():
        tensor.zero_()
    session.restore(begun, None)
