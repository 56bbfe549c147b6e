"""Several splits, one run after the other in this process: k folds, or the splits that somebody has published.

Each is an ordinary run, named `SERIES.split-07` (`SERIES.fold-07`), whose config.toml has its number: it can be
looked at, resumed and repeated alone. The same series again trains what is missing.
"""

from __future__ import annotations

import math
import re
import statistics
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from tui_trainer import config_file, runs_folder
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.events import Event, RunEnded
from tui_trainer.knobs import KNOBS, MOVABLE, changed, shown
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import state_of
from tui_trainer.split_events import SplitBegan, SplitsEnded, Spread

DONE = ("completed", "early_stopped")


@dataclass(frozen=True)
class _Planned:
    """One run of the series; `before` is its folder where an earlier command has begun it."""

    number: int
    name: str
    config: RunConfig
    before: RunDir | None = None
    ended: RunEnded | None = None  # where it is done


def run_splits(config: RunConfig, runs_dir: Path, name: str | None, stem: str, numbers: range) -> Iterator[Event]:
    """Train what is missing of the series, as events of its runs; the last one is SplitsEnded.

    A run that does not come to its own end (stopped, failed, diverged) ends the series. Raises InputError: before the
    first event where the series cannot begin, after SplitsEnded where a later split cannot.
    """
    runs_folder.check_new(runs_dir, None)
    series = name or _free_name(runs_dir, stem)
    series_of = "fold" if config.split.folds else "split"
    planned = [_plan(config, runs_dir, f"{series}.{series_of}-{n:0{len(str(numbers[-1]))}}", n) for n in numbers]
    yield from _Series(series, planned, is_named=bool(name)).trained(runs_dir)


class _Series:
    """The runs of one series, and how each of them has ended."""

    def __init__(self, name: str, planned: Sequence[_Planned], *, is_named: bool) -> None:
        self._name, self._planned, self._is_named = name, planned, is_named
        self._ends = {one.number: one.ended for one in planned if one.ended}
        self._seconds: list[float] = []  # of each run trained here, reading the data included

    def trained(self, runs_dir: Path) -> Iterator[Event]:
        """All that is missing, in turn."""
        if any(not one.ended for one in self._planned):
            from tui_trainer import worker  # torch, whose seconds say nothing of the splits to come

            worker.check_splits(self._planned[0].config, [one.number for one in self._planned])
        try:
            for one in self._planned:
                if one.ended:
                    continue
                begun = time.monotonic()
                yield self._began(one)
                yield from self._one(one, runs_dir)
                self._seconds.append(time.monotonic() - begun)
                if one.number not in self._ends:
                    break
        except InputError:
            if self._ends:
                yield self._ended()
            raise
        except KeyboardInterrupt:
            if not self._ends:
                raise
            yield self._ended("SIGINT")
            return
        yield self._ended()

    def _one(self, one: _Planned, runs_dir: Path) -> Iterator[Event]:
        from tui_trainer import worker

        before = one.before
        for event in worker.resume(before, {}) if before else worker.start(one.config, runs_dir, one.name, one.name):
            if isinstance(event, RunEnded) and event.reason in DONE:
                self._ends[one.number] = event
            yield event

    def _began(self, one: _Planned) -> SplitBegan:
        left = len(self._planned) - len(self._ends)
        seconds = statistics.median(self._seconds) * left if self._seconds else None
        return SplitBegan(
            number=one.number, count=len(self._planned), left=left, run=one.name,
            seconds_left=None if seconds is None else round(seconds, 1),
        )  # fmt: skip

    def _ended(self, signal: str | None = None) -> SplitsEnded:
        ends, count = list(self._ends.values()), len(self._planned)
        message = f"{len(ends)} of {count} splits are done"
        if len(ends) < count:
            again = "the same command again" if self._is_named else f"the same command with --name {self._name}"
            message += f". To go on: {again}"
        return SplitsEnded(
            name=self._name, count=count, done=len(ends), message=message, runs=[one.name for one in self._planned],
            figures=spreads(ends), seconds=round(sum(end.seconds for end in ends), 3), signal=signal,
        )  # fmt: skip


def spreads(ends: Sequence[RunEnded]) -> dict[str, Spread]:
    """Mean and spread of each test figure that all these runs have. One split has no standard error."""
    figures = {}
    for name in RunEnded.model_fields:
        values = [getattr(end, name) for end in ends]
        if not (name.startswith("test_") and values and all(isinstance(value, float) for value in values)):
            continue
        deviation = statistics.pstdev(values) if all(map(math.isfinite, values)) else math.nan
        error = deviation / math.sqrt(len(values) - 1) if len(values) > 1 else None
        figures[name] = Spread(mean=statistics.fmean(values), std=deviation, standard_error=error)
    return figures


def _plan(config: RunConfig, runs_dir: Path, name: str, number: int) -> _Planned:
    """One run of the series. Raises InputError where a folder of its name holds another one."""
    try:
        runs_folder.check_name(name)
    except InputError as error:
        raise InputError(f"--name {error}") from None
    of_split = changed(config, {"split_number": number})
    run = RunDir(runs_dir / name)
    if not run.config.is_file():
        return _Planned(number, name, of_split)
    there = config_file.load(run.config)
    for knob in KNOBS.values():
        then, now = knob.of(there), knob.of(of_split)
        if then != now and knob.name not in MOVABLE:
            raise InputError(
                f"{run.path} was begun with {knob.name} {shown(then)}, and {shown(now)} is asked for now; repeat the "
                "command that began the series, or choose another --name"
            )
    state = state_of(run)
    return _Planned(number, name, of_split, run, state.ended if state.status in DONE else None)


def _free_name(runs_dir: Path, stem: str) -> str:
    """The first `stem-N` that neither a run nor a series has."""
    taken = set()
    if runs_dir.is_dir():
        taken = {re.sub(r"\.(split|fold)-\d+$", "", path.name) for path in runs_dir.iterdir()}
    number = 1
    while f"{stem}-{number}" in taken:
        number += 1
    return f"{stem}-{number}"
