"""A run as a process does it: run folder + engine. Every event is written to the folder, then handed on."""

from __future__ import annotations

import logging
import os
import platform
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from functools import reduce
from itertools import chain
from pathlib import Path
from typing import Any

import torch

from tui_trainer import config_file, environment, run_dir, signals
from tui_trainer.commands import Command, Stop
from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.data import load
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session, check_fits
from tui_trainer.engine.training import train
from tui_trainer.errors import InputError, StorageError
from tui_trainer.event_budget import EventBudget
from tui_trainer.events import Event, RunEnded, RunResumed, RunStarted, Warned
from tui_trainer.knobs import KNOBS, build, changed, shown
from tui_trainer.run_dir import EventFile, RunDir, Tail
from tui_trainer.run_state import RunState, advance

log = logging.getLogger("tui_trainer")
MOVABLE = ("data_dir", "device", "threads", "precision", "deterministic")  # may differ when a run is resumed


def start(config: RunConfig, runs_dir: Path, name: str | None, stem: str) -> Iterator[Event]:
    """Train a new run in a new folder. Raises InputError before the first event, leaving no folder behind."""
    run_dir.check_new(runs_dir, name)
    session = prepare(config)
    with signals.caught() as asked, ExitStack() as held:
        run = run_dir.create(runs_dir, name, stem)
        try:
            held.enter_context(run.locked())
            first = _laid_out(run, config, session)
        except StorageError as error:
            shutil.rmtree(run.path, ignore_errors=True)
            raise InputError(f"{error}; free some space or name another folder with --runs-dir") from None
        yield from _work(run, session, [first], _inbox(Tail(run.commands), asked))


def resume(run: RunDir, changes: Mapping[str, Any]) -> Iterator[Event]:
    """Go on with a run from its newest good checkpoint, with some settings changed.

    Raises InputError before the first event (RunBusyError where another process trains it); the run stays as it was.
    """
    with run.locked():
        checkpoint.sweep(run.checkpoints)
        asked_for = config_file.load(run.config)
        found = checkpoint.find(run.checkpoints)
        if found.last is None and found.warnings:
            raise InputError(f"run {run.name!r} has no good checkpoint left ({found.warnings[0]}); start it anew")
        config = changed(_config_then(run, asked_for, found), changes)
        _check_unfinished(run, config, changes)
        if found.last and not config.hardware.threads:  # the same threads add up in the same order: the same bits
            threads = {"threads": found.last.facts["threads"]}
            session = prepare(changed(config, threads))
        else:
            session = prepare(config)
        if found.last:
            session.restore(found.last, found.best)
        with signals.caught() as asked:
            text = config_file.to_toml(changed(asked_for, changes))
            run_dir.replace_file(run.config, lambda file: file.write(text.encode()))
            first: list[Event] = [_resumed(run, session, found.last)]
            first += [Warned(message=warning) for warning in found.warnings]
            yield from _work(run, session, first, _inbox(Tail(run.commands, from_end=True), asked))


def prepare(config: RunConfig) -> Session:
    """Device, data and net, ready for the first step. Raises InputError."""
    chosen = device.choose(config.hardware)
    data = load(config.data, config.training.seed)
    check_fits(config, data)
    device.check_memory(config, data, chosen)
    torch.set_num_threads(device.threads_for(config, data))
    return Session(config, data.to(chosen), chosen)


def _work(
    run: RunDir, session: Session, first: list[Event], inbox: Callable[[], list[str | Command]]
) -> Iterator[Event]:
    """Train, recording every event; whatever goes wrong ends in a RunEnded."""
    _log_to(run)
    saver = Saver(run.checkpoints)
    saver.knows_best(session.record.best_epoch if session.best_weights else 0)
    file, state = None, RunState()
    try:
        file = EventFile(run.events)
        budget = EventBudget(_began(run), file.size)
        for event in chain(first, train(session, saver, inbox)):
            whole = (
                event.model_copy(update={"run": run.name, "run_dir": str(run.path)})
                if event.event == "run_ended"
                else event
            )
            if line := budget.line_for(whole):
                file.append(line)
            yield whole
    except Exception as error:
        log.exception("the run failed")
        state = reduce(advance, run.read_events(), state)
        end = _failed(run, state, error)
        if file:
            _append_if_possible(file, end)
        yield end
    finally:
        if file:
            file.close()


def _append_if_possible(file: EventFile, end: RunEnded) -> None:
    try:
        file.append(end.to_line())
    except StorageError as error:
        log.error("%s", error)


def _failed(run: RunDir, state: RunState, error: Exception) -> RunEnded:
    """The end of a run that could not go on, in a sentence."""
    if isinstance(error, StorageError):
        what = str(error)
    elif isinstance(error, torch.OutOfMemoryError | MemoryError):
        what = "out of memory. Choose a smaller --batch-size or --hidden"
    else:
        what = f"{type(error).__name__}: {' '.join(str(error).split())[:300]} (the whole story is in {run.log})"
    kept = f"the checkpoint of step {state.saved.step:,} is intact" if state.saved else "nothing had been saved yet"
    message = f"{what}; {kept}. To go on: tui-trainer resume {run.name}"
    if not run.path.is_dir():
        message = f"the run's folder {run.path} was moved or deleted"
    return RunEnded(
        reason="failed",
        message=message,
        run=run.name,
        run_dir=str(run.path),
        epochs_done=state.epochs_done,
        step=state.step,
        best_epoch=state.best.epoch if state.best else None,
    )


def _inbox(tail: Tail, asked: list[Stop]) -> Callable[[], list[str | Command]]:
    """Commands of signals first, then what was appended to commands.jsonl."""

    def look() -> list[str | Command]:
        by_signal, asked[:] = list(asked), []
        return [*by_signal, *tail.new_lines()]

    return look


def _config_then(run: RunDir, asked_for: RunConfig, found: checkpoint.Found) -> RunConfig:
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


def _check_unfinished(run: RunDir, config: RunConfig, changes: Mapping[str, Any]) -> None:
    """Raises InputError where there is nothing left to do, saying how to give the run more."""
    state = reduce(advance, run.read_events(), RunState())
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


def _process(session: Session) -> dict[str, Any]:
    return {
        "device": str(session.device),
        "device_name": device.name_of(session.device),
        "threads": torch.get_num_threads(),
        "pid": os.getpid(),
        "host": platform.node(),
    }


def _started(run: RunDir, session: Session) -> Event:
    config, data, process = session.config, session.data, _process(session)
    environment.write(run, process["device"], process["device_name"], process["threads"])
    return RunStarted(
        run=run.name,
        run_dir=str(run.path),
        data=data.name,
        task=data.task,
        class_names=list(data.class_names),
        inputs=data.inputs,
        outputs=data.outputs,
        hidden=list(config.model.hidden),
        parameters=sum(p.numel() for p in session.model.parameters()),
        train_samples=len(data.train),
        validation_samples=len(data.validation) if data.validation is not None else 0,
        test_samples=len(data.test),
        evaluated_on="test" if data.validation is None else "validation",
        monitor=session.record.metric,
        epochs=config.training.epochs,
        steps_per_epoch=-(-session.epoch_end // session.batch_size),
        seed=config.training.seed,
        precision=config.hardware.precision,
        **process,
    )


def _laid_out(run: RunDir, config: RunConfig, session: Session) -> Event:
    """Everything a run's folder holds before its first step, and what is said first."""
    run_dir.replace_file(run.config, lambda file: file.write(config_file.to_toml(config).encode()))
    with run_dir.guarded(run.commands):
        run.commands.touch()
    return _started(run, session)


def _resumed(run: RunDir, session: Session, last: checkpoint.Checkpoint | None) -> Event:
    process = _process(session)
    environment.write(run, process["device"], process["device_name"], process["threads"])
    return RunResumed(
        epochs=session.config.training.epochs,
        epochs_done=session.epochs_done,
        step=session.step,
        checkpoint=last.folder if last else "",
        **process,
    )


def _began(run: RunDir) -> float:
    """When the run's first event was said; now for a new one."""
    first = next(run.read_events(), None)
    return first.time if first else time.time()


def _log_to(run: RunDir) -> None:
    """Warnings and failures of this process go to worker.log; a full disk must not make logging itself noisy."""
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, logging.FileHandler)]:
        root.removeHandler(old)
        old.close()
    with suppress(OSError):  # the run does not depend on its log
        handler = logging.FileHandler(run.log)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
