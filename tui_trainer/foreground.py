"""`--no-ui`: the process that was started is the training, or the agent of several, or one of several.

torch is imported here and not before: what can be refused without it is refused at once.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tui_trainer import config_file, runs_folder, split_files
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.events import Event
from tui_trainer.knobs import changed
from tui_trainer.paths import command_of
from tui_trainer.placement import CHANNEL_VARIABLE, Place, devices_of, place_in
from tui_trainer.split_series import run_splits

if TYPE_CHECKING:
    from tui_trainer.worker import Part
    from tui_trainer.worker.agent import Outcome


def start(
    config: RunConfig, runs_dir: Path, name: str | None, stem: str, words: Sequence[str], *, as_json: bool
) -> int:
    """Train a new run; returns the exit code. `words` are the command line's, for processes that do the same."""
    place = place_in(os.environ)
    numbers = split_files.numbers_of(config)
    if numbers and not config.split.number:
        if place or len(devices_of(config.hardware)) > 1:
            raise InputError(
                f"{len(numbers)} splits are trained one after the other in one process, and several are asked for; "
                f"leave --processes and --device out, or choose one with --split-number 1..{len(numbers)}"
            )
        from tui_trainer import headless

        return headless.follow(run_splits(config, runs_dir, name, stem, numbers), as_json=as_json, is_series=True)
    if place is None:
        runs_folder.check_new(runs_dir, name)
        if len(devices_of(config.hardware)) > 1:
            from tui_trainer.worker import agent

            command = command_of("tui_trainer", *words)
            return _shown(agent.start(config, runs_dir, name, stem, command, as_json=as_json), as_json)
    from tui_trainer import headless, worker

    if place is None:
        return headless.follow(worker.start(config, runs_dir, name, stem), as_json=as_json)
    return _take_part(place, lambda part: worker.start(config, runs_dir, name, stem, part), as_json)


def resume(
    runs_dir: Path, name: str, changes: Mapping[str, Any], words: Sequence[str], *, as_json: bool, apply: str = ""
) -> int:
    """Go on with a run, with some settings changed, or a remedy applied; returns the exit code."""
    place = place_in(os.environ)
    if place is None:
        run = runs_folder.find(runs_dir, name)
        if len(devices_of(changed(config_file.load(run.config), changes).hardware)) > 1:
            from tui_trainer.worker import agent

            command = command_of("tui_trainer", *words)
            return _shown(agent.resume(run, changes, command, as_json=as_json, apply=apply), as_json)
    from tui_trainer import headless, worker

    if place is None:
        return headless.follow(worker.resume(run, changes, apply=apply), as_json=as_json)
    return _take_part(place, lambda part: worker.resume_named(runs_dir, name, changes, part, apply), as_json)


def take_part_for_agent() -> int:
    """Be one of the processes that our agent has started with the words of its own command line."""
    place = place_in(os.environ)
    if place is None:
        raise InputError(f"{CHANNEL_VARIABLE} is set, but this process has no place among others; unset it")
    from tui_trainer import worker

    return _take_part(place, worker.go_on, as_json=False)


def _take_part(place: Place, play: Callable[[Part], Iterator[Event]], as_json: bool) -> int:
    from tui_trainer import headless, worker

    def show(events: Iterable[Event], part: Part) -> int:
        is_json = part.line.task.as_json if part.line else as_json
        return headless.follow(events, as_json=is_json, is_shown=part.is_first)

    return worker.take_part(place, play, show)


def _shown(outcome: Outcome, as_json: bool) -> int:
    """What the agent had to say where no process was left that could."""
    from tui_trainer import headless

    return headless.follow([outcome.end], as_json=as_json) if outcome.end else outcome.code
