"""What the subcommands share: what each is for, its flags, and the way into the dashboard."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from tui_trainer import asked_config, placement
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.flags import Parser

RUNS_VARIABLE = "TUI_TRAINER_RUNS"
ABOUT = {
    "attach": "open the live screen of a run that trains, or of one that has ended",
    "runs": "list the runs of the folder",
    "resume": "go on with a run, from its last checkpoint",
    "preview": "look at the training pictures, as they are and as training sees them",
    "lr-find": "find a learning rate, by a range test of some seconds",
    "batch-find": "find the largest batch size that fits, and the one from which more is hardly faster",
    "predict": "answer for new rows, pictures or recordings, by what a run has learned",
    "export": "write a trained net for other programs, or a program that repeats its run",
    "recipes": "list the recipes that ship",
    "devices": "show what this machine can train on",
    "bench": "measure training here beside what people would use instead",
}


def parser_of(command: str, *, json: bool = True) -> Parser:
    parser = Parser(prog=f"tui-trainer {command}", description=ABOUT[command].capitalize() + ".")
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    return parser


def config_parser(command: str, config: RunConfig, *, json: bool = True) -> Parser:
    parser = parser_of(command, json=json)
    parser.usage = f"tui-trainer {command} [RECIPE | CONFIG.toml] [flags]"
    asked_config.add_config(parser, config)
    return parser


def read(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace | None:
    """The options, or None once the help was shown."""
    options = parser.read(arguments)
    if options.help:
        parser.print_help()
        return None
    return options


def _refresh(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.2 <= rate <= 30:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; expected a number from 0.2 to 30")
    return rate


def add_dashboard(parser: Parser) -> None:
    parser.add_argument(
        "--refresh", metavar="RATE", type=_refresh, default=4.0, help="looks a second of the dashboard [4; 0.2 to 30]"
    )
    parser.add_argument("--ascii", action="store_true", help="the dashboard in ASCII alone [where there is no UTF-8]")


def add_runs_dir(parser: Parser) -> None:
    value = os.environ.get(RUNS_VARIABLE) or "runs"
    text = f"folder of the runs [{value}; or the environment variable {RUNS_VARIABLE}]".replace("%", "%%")
    parser.add_argument("--runs-dir", metavar="FOLDER", default=value, help=text)


def dashboard(options: argparse.Namespace, runs_dir: Path, **wish: Any) -> int:
    """Open the dashboard in this terminal. Raises InputError where there is none."""
    if place := placement.place_in(os.environ):
        raise InputError(f"{place.starter} started this, which gives no process a terminal; add --no-ui")
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout, sys.stderr)):  # Textual draws on stderr
        raise InputError("the dashboard needs a terminal; in a script or a pipe add --no-ui")
    if os.environ.get("TERM", "") in ("", "dumb"):
        raise InputError("the dashboard needs a terminal that can move its cursor (TERM is dumb); add --no-ui")
    gc.disable()  # for the imports; the app enables it again
    from tui_trainer import runs_folder
    from tui_trainer.ui.desk import Wish
    from tui_trainer.ui.open import open_dashboard

    if "run" not in wish:
        runs_folder.check_new(runs_dir, wish.get("name"))
    asked = Wish(runs_dir=runs_dir, **{"config": RunConfig(), "stem": "", **wish})
    return open_dashboard(asked, refresh=options.refresh, is_ascii=options.ascii)
