"""A run as a process does it: run folder + engine. Every event is written to the folder, then handed on.

Of several processes (`part`) each calls the same function; the first one alone reads and writes the folder, and tells
the others what they need of it.
"""

from __future__ import annotations

import shutil
from collections.abc import Iterator, Mapping
from contextlib import AbstractContextManager, ExitStack, nullcontext
from pathlib import Path
from typing import Any, NamedTuple

import torch

from tui_trainer import config_file, run_dir, runs_folder, signals
from tui_trainer.commands import Command, Stop
from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.data import DataSet, load
from tui_trainer.engine.data.tiers import place
from tui_trainer.engine.group import ALONE
from tui_trainer.engine.ranks import Ranks, host_by_host, together, told_by_first
from tui_trainer.engine.rehearsal import fastest_threads
from tui_trainer.engine.session import Session, check_fits
from tui_trainer.engine.steering import Inbox, nobody
from tui_trainer.errors import InputError, StorageError
from tui_trainer.events import Event, PhaseBegan, RunEnded, Warned
from tui_trainer.knobs import changed
from tui_trainer.run_dir import RunDir, Tail
from tui_trainer.treatment import Treatment, treatment_of
from tui_trainer.worker.board.installed import check_installed
from tui_trainer.worker.facts import changes_between, resumed, started, warnings_of
from tui_trainer.worker.noticing import noticed
from tui_trainer.worker.outside import run_of_launch
from tui_trainer.worker.part import ALONE_PART, Part
from tui_trainer.worker.recording import say, trained
from tui_trainer.worker.resuming import applied, check_unfinished, config_then, gone_back, threads_then


def start(config: RunConfig, runs_dir: Path, name: str | None, stem: str, part: Part = ALONE_PART) -> Iterator[Event]:
    """Train a new run in a new folder. Raises InputError before the first event, leaving no folder behind.

    Processes that somebody else has started again after one of them died go on with the run they had made.
    """
    before = told_by_first(part.group, lambda: run_of_launch(runs_dir, part.place))
    if before:
        yield from resume(RunDir(Path(before)), {}, part=part)
        return
    told_by_first(part.group, lambda: runs_folder.check_new(runs_dir, name))
    session = prepare(config, part)
    with signals.caught(is_heard=part.is_first) as asked, ExitStack() as held:
        first: list[Event] = []

        def make() -> str:
            run = runs_folder.create(runs_dir, name, stem)
            try:
                held.enter_context(run.take_lock())
                runs_folder.lay_out(run, config)
                first.extend([started(run, session, part), *warnings_of(session, part), *noticed(session, run.path)])
            except StorageError as error:
                shutil.rmtree(run.path, ignore_errors=True)
                raise InputError(f"{error}; free some space or name another folder with --runs-dir") from None
            return str(run.path)

        run = RunDir(Path(told_by_first(part.group, make)))
        yield from trained(run, session, first, _inbox(run, asked, part), part)


def begin(run: RunDir, part: Part = ALONE_PART, *, tells_phases: bool = True) -> Iterator[Event]:
    """Train in a folder that is laid out; the lock is held. Raises InputError, after saying so as an event."""
    config = told_by_first(part.group, lambda: config_file.load(run.config))
    if part.is_first and tells_phases:
        yield say(run, PhaseBegan(what=f"reading {config.data.name}"))
    try:
        session = prepare(config, part)
    except InputError as error:
        if part.is_first and tells_phases:
            yield say(run, RunEnded(reason="failed", message=str(error), run=run.name, run_dir=str(run.path)))
        raise
    with signals.caught(is_heard=part.is_first) as asked:
        first: list[Event] = []
        if part.is_first:
            first = [started(run, session, part), *warnings_of(session, part), *noticed(session, run.path)]
        yield from trained(run, session, first, _inbox(run, asked, part), part)


def go_on(part: Part) -> Iterator[Event]:
    """What a process that our agent has started does for the run; the agent holds the lock."""
    assert part.line is not None  # noqa: S101
    line, task = part.line, part.line.task
    run = RunDir(Path(task.run))
    if not task.resumes and not told_by_first(part.group, run.has_begun):
        yield from begin(run, part, tells_phases=task.tells_phases)
        return
    changes, apply = ({}, "") if line.is_begun() else (task.changes, task.apply)  # in config.toml after a restart
    yield from resume(run, changes, nullcontext(), part, tells_phases=task.tells_phases, apply=apply)


class _Found(NamedTuple):
    """What a resume goes on with."""

    checkpoints: checkpoint.Found
    asked_for: RunConfig  # as config.toml says it
    then: RunConfig  # as it was at the checkpoint
    config: RunConfig  # as it will be
    changes: Mapping[str, Any]  # with those of a remedy
    treatment: Treatment | None


def resume(
    run: RunDir,
    changes: Mapping[str, Any],
    lock: AbstractContextManager[Any] | None = None,
    part: Part = ALONE_PART,
    *,
    tells_phases: bool = False,
    apply: str = "",
) -> Iterator[Event]:
    """Go on with a run from its newest good checkpoint, with some settings changed; `lock` is held or None.

    `apply` is a remedy of an alert, `divergence-1:2`, that it begins with: it may go back behind that checkpoint.

    Raises InputError before the first event (RunBusyError where another process trains it); the run stays as it was.
    """
    with ExitStack() as held:
        said_meanwhile: list[Tail] = []

        def open_run() -> None:
            held.enter_context(lock or run.take_lock())
            said_meanwhile.append(Tail(run.commands, from_end=True))
            checkpoint.sweep(run.checkpoints)

        told_by_first(part.group, open_run)
        found = told_by_first(part.group, lambda: _found(run, changes, apply))
        last, config = found.checkpoints.last, found.config
        if lock is None and part.is_first:
            run.exit.unlink(missing_ok=True)  # it told of a worker before this one
        if tells_phases and part.is_first:
            say(run, PhaseBegan(what=f"reading {config.data.name} and the checkpoint"))
        session = prepare(threads_then(config, last, part.group.size), part)
        if last:
            together(part.group, lambda: session.restore(last, found.checkpoints.best))
        treated, begins = found.treatment, last
        if goes_back := treated is not None and treated.remedy.goes_back:
            begins = gone_back(run, session, treated.alert.good_until)
        with signals.caught(is_heard=part.is_first) as asked:
            first: list[Event] = []
            if part.is_first:
                text = config_file.to_toml(changed(found.asked_for, found.changes))
                run_dir.replace_file(run.config, lambda file: file.write(text.encode()))
                first = [resumed(run, session, begins, part), *applied(treated, session)]
                first += [Warned(message=warning) for warning in found.checkpoints.warnings]
                first += [*warnings_of(session, part), *changes_between(found.then, config, session)]
            inbox = _inbox(run, asked, part, said_meanwhile[0] if said_meanwhile else None)
            yield from trained(run, session, first, inbox, part, has_gone_back=goes_back)


def resume_named(runs_dir: Path, name: str, changes: Mapping[str, Any], part: Part, apply: str = "") -> Iterator[Event]:
    """As `resume`, by the run's name; of several processes the first has to find it."""
    path = told_by_first(part.group, lambda: str(runs_folder.find(runs_dir, name).path))
    yield from resume(RunDir(Path(path)), changes, part=part, apply=apply)


def _found(run: RunDir, changes: Mapping[str, Any], apply: str) -> _Found:
    treated = treatment_of(run, apply) if apply else None
    changes = {**treated.remedy.values, **changes} if treated else changes
    asked_for = config_file.load(run.config)
    found = checkpoint.find(run.checkpoints)
    if found.last is None and found.warnings:
        raise InputError(f"run {run.name!r} has no good checkpoint left ({found.warnings[0]}); start it anew")
    then = config_then(run, asked_for, found)
    config = changed(then, changes)
    if not (treated and treated.remedy.goes_back):
        check_unfinished(run, config, changes)
    return _Found(found, asked_for, then, config, changes, treated)


def prepare(config: RunConfig, part: Part = ALONE_PART) -> Session:
    """Device, data and net, ready for the first step. Raises InputError, in all processes alike."""
    group = part.group
    if config.output.tensorboard:
        told_by_first(group, check_installed)
    chosen = together(group, lambda: device.choose(config.hardware, part.place))
    if isinstance(group, Ranks):
        group.takes(chosen, device.name_of(chosen))
    loaded = [host_by_host(group, lambda: load(config))]
    if group.size > 1:
        wanted = told_by_first(group, lambda: _what_was_read(loaded[0]))
        together(group, lambda: _check_same(loaded[0], wanted))
    return together(group, lambda: session_of(config, loaded, chosen, part))


def _what_was_read(data: DataSet) -> str:
    return f"{data.fingerprint} {data.fingerprint_held_back} {data.class_names}"


def _check_same(data: DataSet, wanted: str) -> None:
    """Raises InputError where this process has read other samples than the first one."""
    if _what_was_read(data) != wanted:
        raise InputError(
            f"the processes read different samples of {data.name}; give all hosts the same files, and versions of "
            "this program and its packages"
        )


def session_of(config: RunConfig, loaded: list[DataSet], chosen: torch.device, part: Part = ALONE_PART) -> Session:
    """The net over data that are read. `loaded` is emptied: samples that go elsewhere free their memory.

    Raises InputError where data, settings and device do not fit one another.
    """
    check_fits(config, loaded[0])
    device.check_memory(config, loaded[0], chosen)
    local_size = part.place.local_size if part.place and part.group is not ALONE else 1
    torch.set_num_threads(device.threads_for(config, loaded[0], local_size))
    reserved = device.bytes_of_net(config, loaded[0])
    data, feed, placed = place(loaded.pop(), chosen, config.hardware, reserved)
    session = Session(config, data, chosen, part.group, feed)
    session.placed = str(placed)
    if chosen.type == "cpu" and local_size == 1 and not config.hardware.threads and not config.hardware.deterministic:
        torch.set_num_threads(fastest_threads(session, torch.get_num_threads()))
    return session


def _inbox(run: RunDir, asked: list[Stop], part: Part, tail: Tail | None = None) -> Inbox:
    """Commands of signals first, then what was appended to commands.jsonl."""
    if not part.is_first:
        return nobody
    lines, line = tail or Tail(run.commands), part.line

    def look() -> list[str | Command]:
        by_signal, asked[:] = [*asked, *(line.asked() if line else [])], []
        return [*by_signal, *lines.new_lines()]

    return look
