"""`python -m tui_trainer.worker RUN_DIR`: trains what the folder asks for.

`launch.py` starts it, through the watcher. Where the run asks for several processes this one is their agent.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import IO

from tui_trainer import config_file, placement, worker
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, StorageError, printable
from tui_trainer.events import Event, PhaseBegan, RunEnded
from tui_trainer.knobs import changed
from tui_trainer.paths import command_of
from tui_trainer.run_dir import RunDir
from tui_trainer.worker.channel import Task
from tui_trainer.worker.part import BAD_INPUT, FAILED
from tui_trainer.worker.recording import say


def main(arguments: Sequence[str] | None = None) -> int:
    """Train to the end; whoever looks reads the folder. Returns 0, 1 (failed) or 2 (bad input)."""
    place = placement.place_in(os.environ)
    if place and place.is_ours:
        return _told(lambda: worker.take_part(place, worker.go_on, _code_of))
    parser = argparse.ArgumentParser(prog="python -m tui_trainer.worker")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--lock-fd", type=int, required=True, help="the run's lock, taken by whoever started this")
    parser.add_argument("--changes", type=json.loads, default={}, help="settings of a resume, as JSON")
    parser.add_argument("--apply", default="", help="the remedy that a resume begins with")
    options = parser.parse_args(arguments)
    os.set_inheritable(options.lock_fd, False)  # a process started from here must not hold the run
    lock = os.fdopen(options.lock_fd, "a+")
    return _told(lambda: _train(RunDir(options.run_dir), lock, options.changes, options.apply))


def _train(run: RunDir, lock: IO[str], changes: dict[str, object], apply: str) -> int:
    config = changed(config_file.load(run.config), changes)
    try:
        given = placement.devices_of(config.hardware)
        if len(given) > 1:
            return _as_agent(run, config, given, lock, changes, apply)
    except InputError as error:
        _say_if_new(run, error)
        raise
    return _code_of(_alone(run, lock, changes, apply))


def _alone(run: RunDir, lock: IO[str], changes: dict[str, object], apply: str) -> Iterator[Event]:
    if run.has_begun():
        yield from worker.resume(run, changes, lock, tells_phases=True, apply=apply)
        return
    with lock:
        yield from worker.begin(run)


def _as_agent(
    run: RunDir, config: RunConfig, given: Sequence[str], lock: IO[str], changes: dict[str, object], apply: str
) -> int:
    from tui_trainer.worker import agent

    task = Task(str(run.path), resumes=run.has_begun(), changes=changes, apply=apply, tells_phases=True)
    with lock:
        agent.check(given)
        say(run, PhaseBegan(what=f"starting {len(given)} processes"))
        return agent.conduct(run, config, given, command_of("tui_trainer.worker"), task).code


def _say_if_new(run: RunDir, error: InputError) -> None:
    """A run that never began has no other way to say why."""
    if not run.has_begun():
        say(run, RunEnded(reason="failed", message=str(error), run=run.name, run_dir=str(run.path)))


def _code_of(events: Iterable[Event], _part: object = None) -> int:
    last: Event | None = None
    for event in events:
        last = event
    return FAILED if isinstance(last, RunEnded) and last.reason == "failed" else 0


def _told(train: Callable[[], int]) -> int:
    try:
        return train()
    except (InputError, StorageError) as error:
        print(f"tui-trainer: {printable(str(error))}", file=sys.stderr)
        return BAD_INPUT


if __name__ == "__main__":
    sys.exit(main())
