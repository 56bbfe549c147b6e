"""What `lr-find` and `batch-find` are asked for: their flags, and what can be refused without torch."""

from __future__ import annotations

import argparse
import math
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, MOVABLE, changed, read_value, shown
from tui_trainer.run_dir import RunDir

LOWEST, HIGHEST, STEPS = 1e-6, 10.0, 200
MOST_STEPS = 100_000
LEAST_BATCH = 16


@dataclass(frozen=True)
class LrPlan:
    """A range test. `run`: not from a fresh net, but from that run's last checkpoint."""

    config: RunConfig
    low: float = LOWEST
    high: float = HIGHEST
    steps: int = STEPS
    run: RunDir | None = None
    changes: Mapping[str, Any] = field(default_factory=dict)  # of where the run trains


@dataclass(frozen=True)
class BatchPlan:
    """Sizes from `least` to `most`, or to the whole split."""

    config: RunConfig
    least: int = LEAST_BATCH
    most: int | None = None
    rounds: int = 3


def add_lr_flags(parser: argparse.ArgumentParser) -> None:
    """Those of `lr-find` alone."""
    parser.add_argument("--from", dest="low", metavar="LR", help=f"first learning rate [{LOWEST:g}; above 0]")
    parser.add_argument("--to", dest="high", metavar="LR", help=f"last one, at least 10 times as much [{HIGHEST:g}]")
    parser.add_argument("--run", metavar="NAME", help="start from this run's last checkpoint [from a fresh net]")
    parser.add_argument("--steps", metavar="N", help=f"training steps at the most [{STEPS}; 20 to {MOST_STEPS:,}]")


def read_lr(options: argparse.Namespace, config: RunConfig) -> LrPlan:
    """The plan, from a fresh net. Raises InputError."""
    low = _rate("--from", options.low, LOWEST)
    high = _rate("--to", options.high, min(1000.0, max(HIGHEST, 10 * low)))
    if high < 10 * low * (1 - 1e-9):
        raise InputError(f"--from {low:g} --to {high:g}: expected a factor of ten or more, as in --to {10 * low:g}")
    return LrPlan(config, low, high, _number("--steps", options.steps, STEPS, 20, MOST_STEPS))


def run_changes(word: str | None, values: Mapping[str, Any]) -> dict[str, Any]:
    """The flags beside --run, which may only say where to compute. Raises InputError for others, and for a recipe."""
    if word is not None:
        raise InputError(f"--run takes the run's own settings; leave {shown(word)} out")
    if other := next((name for name in values if name not in MOVABLE), ""):
        raise InputError(f"--run takes the run's own settings; leave {KNOBS[other].flag} out")
    return {name: read_value(name, value) for name, value in values.items()}


def add_batch_flags(parser: argparse.ArgumentParser) -> None:
    """Those of `batch-find` alone."""
    parser.add_argument("--least", metavar="N", help=f"smallest batch size; then doubled [{LEAST_BATCH}; at least 1]")
    parser.add_argument("--most", metavar="N", help="largest batch size [the whole training split]")
    parser.add_argument("--rounds", metavar="N", help="measurements of each size [3; 1 to 100]")


def read_batch(options: argparse.Namespace, config: RunConfig) -> BatchPlan:
    """The plan. Raises InputError."""
    least = _number("--least", options.least, LEAST_BATCH, 1, 10_000_000)
    most = _number("--most", options.most, 0, 1, 10_000_000) or None
    if most and options.least is None:
        least = min(least, most)
    if most and most < least:
        raise InputError(f"--least {least} is more than --most {most}")
    return BatchPlan(config, least, most, _number("--rounds", options.rounds, 3, 1, 100))


def without_schedule(config: RunConfig) -> RunConfig:
    """The same at one learning rate throughout."""
    return changed(config, {name: knob.default for name, knob in KNOBS.items() if knob.section == "schedule"})


def _rate(flag: str, text: str | None, default: float) -> float:
    if text is None:
        return default
    try:
        rate = float(text)
    except ValueError:
        rate = math.nan
    if not 1e-30 <= rate <= 1000:
        raise InputError(f"{flag} {shown(text)} is not allowed; expected a number above 0 and at most 1,000")
    return rate


def _number(flag: str, text: str | None, default: int, least: int, most: int) -> int:
    if text is None:
        return default
    if not (text.isascii() and text.isdecimal() and len(text) < 20 and least <= int(text) <= most):
        raise InputError(f"{flag} {shown(text)} is not allowed; expected a whole number from {least:,} to {most:,}")
    return int(text)
