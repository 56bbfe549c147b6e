"""`lr-find` and `batch-find`: everything that training does before its first step, then steps that nobody keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from tui_trainer import config_file
from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.checkpoint import Found
from tui_trainer.engine.data import load
from tui_trainer.engine.finders import batch_rates, range_test
from tui_trainer.engine.session import Session
from tui_trainer.errors import InputError
from tui_trainer.events import Event, PhaseBegan
from tui_trainer.finder_events import BatchFound, BatchTried, LrFound, LrTried
from tui_trainer.finder_plans import BatchPlan, LrPlan, without_schedule
from tui_trainer.knobs import changed
from tui_trainer.placement import devices_of
from tui_trainer.run_dir import RunDir
from tui_trainer.worker.check import runs_of
from tui_trainer.worker.resuming import config_then, threads_then
from tui_trainer.worker.training_process import session_of


def find_lr(plan: LrPlan) -> Iterator[Event | LrTried | LrFound]:
    """What it is busy with, and at last LrFound. Raises InputError as training would; writes nothing.

    Of several processes one takes the whole batch, of a series of splits the first is taken.
    """
    config, found = plan.config, None
    if plan.run:
        config, found = settings_of(plan.run, plan.changes)
    yield PhaseBegan(what=f"reading {config.data.name}")
    session = _session(without_schedule(config))
    try:
        if found and found.last:
            session.restore(found.last, None)
        yield from range_test(session, plan.low, plan.high, plan.steps)
    finally:
        session.feed.close()


def find_batch_size(plan: BatchPlan) -> Iterator[Event | BatchTried | BatchFound]:
    """The same, and at last BatchFound."""
    yield PhaseBegan(what=f"reading {plan.config.data.name}")
    session = _session(without_schedule(plan.config))
    try:
        yield from batch_rates(session, plan)
    finally:
        session.feed.close()


def settings_of(run: RunDir, changes: Mapping[str, Any]) -> tuple[RunConfig, Found]:
    """A run's settings at its last checkpoint, with some changed. Raises InputError where there is no checkpoint."""
    asked_for = config_file.load(run.config)
    found = checkpoint.find(run.checkpoints)
    if found.last is None:
        raise InputError(f"run {run.name!r} has no checkpoint to start from; leave --run out, or wait for its first")
    return changed(threads_then(config_then(run, asked_for, found), found.last, 1), changes), found


def _session(config: RunConfig) -> Session:
    given = devices_of(config.hardware)
    one = changed(config, {"device": given[0], "processes": 1}) if len(given) > 1 else config
    one = changed(one, {"split_number": 1}) if runs_of(one) > 1 else one
    chosen = device.choose(one.hardware)
    return session_of(one, [load(one)], chosen)
