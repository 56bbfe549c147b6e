"""What the finders say, in words for a terminal and for the dashboard."""

from __future__ import annotations

import shlex
from collections.abc import Mapping, Sequence
from typing import Any

from tui_trainer.finder_events import BatchFound, BatchRow, BatchTried, LrFound, LrTried
from tui_trainer.knobs import KNOBS
from tui_trainer.sizes import size_text
from tui_trainer.words import clock, typed

HEADS = ("batch size", "samples/s", "ms/step", "steps/epoch", "memory", "")
MEMORY = HEADS.index("memory")
ENDS = {
    "all_steps": "through the whole range",
    "rose": "ended as the loss rose",
    "not_finite": "ended as the loss was no number",
}


def heading(found: LrFound | BatchFound) -> str:
    """What was tried."""
    where = f"{found.data}, {found.optimizer}"
    if isinstance(found, LrFound):
        steps = f"{found.steps:,} steps of {found.batch_size:,} samples ({found.epochs:.2g} epochs)"
        return f"Learning rate: {where}, {steps} on {found.device}, {found.seconds:.1f} s, {ENDS[found.end]}"
    return f"Batch size: {where} on {found.device}, {found.seconds:.1f} s"


def progress_words(tried: LrTried | BatchTried) -> str:
    """Where a finder is, how fast, and how long it will take."""
    if isinstance(tried, BatchTried):
        row = tried.row
        return (
            f"{tried.done} of {tried.of}  batch size {row.size:,}  {row.samples_per_second:,.0f} samples/s  "
            f"at most {clock(tried.seconds_left)} left"
        )
    at = f"  lr {tried.points[-1][0]:.2g}  loss {tried.points[-1][2]:.4g}" if tried.points else ""
    rate = f"{tried.samples_per_second:,.0f} samples/s"
    return f"step {tried.done} of {tried.steps}{at}  {rate}  at most {clock(tried.seconds_left)} left"


def found_words(found: LrFound | BatchFound) -> list[str]:
    """The result, in sentences."""
    if isinstance(found, BatchFound):
        return [
            f"Knee: {found.knee:,} (the smallest batch with at least 90 % of the best samples/s)",
            f"Largest measured: {found.largest:,}; {found.sentence}",
            found.advice,
        ]
    if found.suggestion is None:
        return [f"No suggestion: {found.sentence}"]
    parts = [
        f"Suggestion: --lr {found.suggestion:g}  (the settings say {found.lr:g}; the loss falls fastest at "
        f"{found.steepest:.2g} and is lowest at {found.lowest:.2g})"
    ]
    return [*parts, *([f"Beware: {found.sentence}"] if found.sentence else [])]


def table_cells(rows: Sequence[BatchRow], knee: int, present: int | str) -> list[tuple[str, ...]]:
    """The table's head and its lines. `present`: the size that the settings have now.

    Memory is a GPU's: what a process takes of the host's goes by pages and by what the allocator had kept, and says
    nothing of a batch of some kilobytes.
    """
    lines = [HEADS, *(_cells(row, knee, present) for row in rows)]
    if all(row.memory is None for row in rows):
        return [(*line[:MEMORY], *line[MEMORY + 1 :]) for line in lines]
    return lines


def _cells(row: BatchRow, knee: int, present: int | str) -> tuple[str, ...]:
    signs = ["knee"] * (row.size == knee) + ["now"] * (row.size == present)
    return (
        f"{row.size:,}",
        f"{row.samples_per_second:,.0f}",
        f"{row.seconds_a_step * 1000:.3g}",
        f"{row.steps_an_epoch:,}",
        "" if row.memory is None else size_text(row.memory),
        ", ".join(signs),
    )


def words_of(config: str | None, values: Mapping[str, Any]) -> list[str]:
    """The words of a command line that give these settings: a recipe or file, and flags."""
    words = [config] if config else []
    for name, value in values.items():
        knob = KNOBS[name]
        if knob.is_switch:
            words.append(knob.flag if value else "--no-" + knob.flag.removeprefix("--"))
        else:
            words += [knob.flag, typed(value)]
    return words


def command_with(words: list[str], found: LrFound | BatchFound) -> str:
    """`tui-trainer digits --optimizer sgd --lr 0.1`, as a shell reads it; "" where nothing better was found."""
    if isinstance(found, LrFound):
        fresh = ["--lr", f"{found.suggestion:g}"] if found.suggestion else []
    else:
        is_new = found.knee != found.batch_size
        fresh = ["--batch-size", str(found.knee), "--lr", f"{found.knee_lr:g}"] if is_new else []
    return shlex.join(["tui-trainer", *words, *fresh]) if fresh else ""
