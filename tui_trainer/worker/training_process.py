"""A run as a process does it: run folder + engine. Every event is written to the folder, then handed on."""

from __future__ import annotations

import logging
import shutil
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, suppress
from itertools import chain
from pathlib import Path
from typing import IO, Any

import torch

from tui_trainer import config_file, run_dir, runs_folder, signals
from tui_trainer.commands import Command, Stop
from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.data import load
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session, check_fits
from tui_trainer.engine.training import train
from tui_trainer.errors import InputError, StorageError
from tui_trainer.event_budget import EventBudget
from tui_trainer.events import Event, PhaseBegan, RunEnded, Warned
from tui_trainer.knobs import changed
from tui_trainer.run_dir import EventFile, RunDir, Tail
from tui_trainer.run_state import RunState, folded
from tui_trainer.worker.facts import changes_between, resumed, started
from tui_trainer.worker.resuming import check_unfinished, config_then

log = logging.getLogger("tui_trainer")


def start(config: RunConfig, runs_dir: Path, name: str | None, stem: str) -> Iterator[Event]:
    """Train a new run in a new folder. Raises InputError before the first event, leaving no folder behind."""
    runs_folder.check_new(runs_dir, name)
    session = prepare(config)
    with signals.caught() as asked, ExitStack() as held:
        run = runs_folder.create(runs_dir, name, stem)
        try:
            held.enter_context(run.take_lock())
            runs_folder.lay_out(run, config)
            first = started(run, session)
        except StorageError as error:
            shutil.rmtree(run.path, ignore_errors=True)
            raise InputError(f"{error}; free some space or name another folder with --runs-dir") from None
        yield from _work(run, session, [first], _inbox(Tail(run.commands), asked))


def begin(run: RunDir, config: RunConfig) -> Iterator[Event]:
    """Train in a folder that `launch` laid out; the lock is held. Raises InputError after saying so as an event."""
    yield _say(run, PhaseBegan(what=f"reading {config.data.name}"))
    try:
        session = prepare(config)
    except InputError as error:
        yield _say(run, RunEnded(reason="failed", message=str(error), run=run.name, run_dir=str(run.path)))
        raise
    with signals.caught() as asked:
        yield from _work(run, session, [started(run, session)], _inbox(Tail(run.commands), asked))


def resume(run: RunDir, changes: Mapping[str, Any], lock: IO[str] | None = None) -> Iterator[Event]:
    """Go on with a run from its newest good checkpoint, with some settings changed; `lock` is held or None.

    Raises InputError before the first event (RunBusyError where another process trains it); the run stays as it was.
    """
    with lock or run.take_lock():
        said_meanwhile = Tail(run.commands, from_end=True)
        checkpoint.sweep(run.checkpoints)
        asked_for = config_file.load(run.config)
        found = checkpoint.find(run.checkpoints)
        if found.last is None and found.warnings:
            raise InputError(f"run {run.name!r} has no good checkpoint left ({found.warnings[0]}); start it anew")
        then = config_then(run, asked_for, found)
        config = changed(then, changes)
        check_unfinished(run, config, changes)
        if lock is None:
            run.exit.unlink(missing_ok=True)  # it told of a worker before this one
        else:
            _say(run, PhaseBegan(what=f"reading {config.data.name} and the checkpoint"))
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
            first: list[Event] = [resumed(run, session, found.last)]
            first += [Warned(message=warning) for warning in found.warnings]
            first += changes_between(then, config, session)
            yield from _work(run, session, first, _inbox(said_meanwhile, asked))


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
    file = None
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
        if not isinstance(error, StorageError):
            log.exception("the run failed")
        end = _failed(run, folded(run), error)
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


def _say(run: RunDir, event: Event) -> Event:
    """Write an event before the training's own file is open."""
    file = EventFile(run.events)
    file.append(event.to_line())
    file.close()
    return event


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
