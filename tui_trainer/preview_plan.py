"""What `tui-trainer preview` shall show: its flags, and what they come to. No torch here."""

from __future__ import annotations

import argparse
from dataclasses import dataclass
from typing import Literal

from tui_trainer.config import RunConfig
from tui_trainer.errors import printable
from tui_trainer.knobs import KNOBS, shown
from tui_trainer.plain_text import is_asked_for_by_locale

MOST = 1000


@dataclass(frozen=True)
class PreviewPlan:
    """Rows of pictures, so many side by side (None: as many as fit); auto is pixels where the terminal has them."""

    config: RunConfig
    rows: int = 10
    across: int | None = None
    way: Literal["auto", "blocks", "ascii"] = "auto"

    @property
    def deformations(self) -> str:
        """What is done to the pictures: the settings that are not the defaults."""
        knobs = [knob for knob in KNOBS.values() if knob.section == "augment"]
        chosen = [knob for knob in knobs if knob.of(self.config) != knob.default]
        return ", ".join(f"{knob.name} {shown(knob.of(self.config))}" for knob in chosen)


def add_flags(parser: argparse.ArgumentParser) -> None:
    """Those beside the hyperparameters."""
    parser.add_argument("--rows", metavar="N", type=_count, default=10, help="rows, of a class each [10]")
    parser.add_argument("--across", metavar="N", type=_count, help="pictures side by side [as many as fit]")
    parser.add_argument("--blocks", action="store_true", help="half blocks, also where the terminal has pixels")
    parser.add_argument("--ascii", action="store_true", help="ASCII shades [where there is no UTF-8]")


def read(options: argparse.Namespace, config: RunConfig) -> PreviewPlan:
    """The flags as a plan."""
    is_ascii = options.ascii or is_asked_for_by_locale()
    return PreviewPlan(
        config, options.rows, options.across, "ascii" if is_ascii else "blocks" if options.blocks else "auto"
    )


def _count(text: str) -> int:
    if not (text.isascii() and text.isdigit() and len(text) < 6 and 1 <= int(text) <= MOST):
        raise argparse.ArgumentTypeError(
            f"{printable(text)!r} is not allowed; expected a whole number from 1 to {MOST:,}"
        )
    return int(text)
