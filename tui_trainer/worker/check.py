"""`--check`: everything that training does before its first step, and a report instead of that step."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator
from dataclasses import replace
from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import is_path
from tui_trainer.engine import device
from tui_trainer.engine.data import load, own
from tui_trainer.engine.preflight import described, disk, leaks, memory, pace, repeats
from tui_trainer.events import PhaseBegan
from tui_trainer.knobs import changed
from tui_trainer.placement import devices_of
from tui_trainer.report import Report
from tui_trainer.split_files import numbers_of
from tui_trainer.worker.training_process import session_of


def check_splits(config: RunConfig, numbers: Iterable[int]) -> None:
    """Raises InputError where one of the splits cannot be made: before the first is trained on."""
    if is_path(config.data.name):
        own.check_splits(config, numbers)


def check(config: RunConfig, runs_dir: Path) -> Iterator[PhaseBegan | Report]:
    """What it is busy with, and at last the report. Raises InputError as training would; writes nothing.

    Of several processes one is measured, of a series of splits the first; the report says how many there are.
    """
    runs = runs_of(config)
    given = devices_of(config.hardware)
    one = changed(config, {"device": given[0], "processes": 1}) if len(given) > 1 else config
    one = changed(one, {"split_number": 1}) if runs > 1 else one
    chosen = device.choose(one.hardware)
    yield PhaseBegan(what=f"reading {config.data.name}")
    if runs > 1:
        check_splits(config, range(1, runs + 1))
    began = time.monotonic()
    loaded = [load(one, describes=True)]
    seconds = time.monotonic() - began
    yield PhaseBegan(what=f"looking at {len(loaded[0].train):,} training rows")
    report = replace(
        described(loaded[0]),
        repeats=repeats(loaded[0]),
        leaks=leaks(loaded[0]),
        hidden=config.model.hidden,
        splits=runs,
        seconds_to_load=round(seconds, 3),
    )
    yield PhaseBegan(what=f"measuring some steps on {chosen}")
    session = session_of(one, loaded, chosen)
    yield replace(
        report,
        memory=memory(session),
        pace=pace(session, config.training.epochs, runs, len(given)),
        disk=disk(session, runs_dir, runs),
    )


def runs_of(config: RunConfig) -> int:
    """How many runs the settings ask for. Raises InputError where a file of row numbers cannot be read."""
    numbers = numbers_of(config)
    return len(numbers) if numbers and not config.split.number else 1
