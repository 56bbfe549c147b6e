"""The subcommands: what the command line does beside training, and the flags that they share with it.

Imports nothing heavy until it knows what to do.
"""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tui_trainer import (
    asked_config,
    bench_plan,
    finder_plans,
    foreground,
    placement,
    predict_plan,
    preview_plan,
    recipes,
)
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, printable
from tui_trainer.finder_words import words_of
from tui_trainer.flags import Parser, add_knobs, knob_values
from tui_trainer.knobs import KNOBS, MOVABLE, build, read_value
from tui_trainer.paths import folder

RUNS_VARIABLE = "TUI_TRAINER_RUNS"
RESUMABLE = tuple(name for name in MOVABLE if name != "deterministic")  # taken by `resume` beside the live ones
ABOUT = {
    "attach": "open the live screen of a run that trains, or of one that has ended",
    "runs": "list the runs of the folder",
    "resume": "go on with a run, from its last checkpoint",
    "preview": "look at the training pictures, as they are and as training sees them",
    "predict": "answer for new rows, pictures or recordings, by what a run has learned",
    "lr-find": "find a learning rate, by a range test of some seconds",
    "batch-find": "find the largest batch size that fits, and the one from which more is hardly faster",
    "recipes": "list the recipes that ship",
    "devices": "show what this machine can train on",
    "bench": "measure training here beside what people would use instead",
}


def attach(arguments: Sequence[str]) -> int:
    """`tui-trainer attach [RUN]`."""
    parser = _parser("attach", json=False)
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run's name or folder [the newest that trains now]")
    parser.add_argument("--readonly", action="store_true", help="look on: no key steers the run")
    add_dashboard(parser)
    add_runs_dir(parser)
    if (options := _read(parser, arguments)) is None:
        return 0
    from tui_trainer import runs_folder

    runs_dir = folder(options.runs_dir, "--runs-dir")
    run = runs_folder.find(runs_dir, options.run) if options.run else runs_folder.newest_living(runs_dir)
    return dashboard(options, runs_dir, run=run, is_readonly=options.readonly)


def list_runs(arguments: Sequence[str]) -> int:
    """`tui-trainer runs`."""
    parser = _parser("runs")
    add_runs_dir(parser)
    if (options := _read(parser, arguments)) is None:
        return 0
    from tui_trainer import headless

    return headless.show_runs(folder(options.runs_dir, "--runs-dir"), as_json=options.json)


def resume(arguments: Sequence[str]) -> int:
    """`tui-trainer resume RUN`."""
    parser = _parser("resume")
    parser.add_argument("run", metavar="RUN", nargs="?", help="name of a run, or the path of its folder")
    parser.add_argument("--no-ui", action="store_true", help="train in this terminal, without the dashboard")
    add_dashboard(parser)
    add_runs_dir(parser)
    add_knobs(parser, RunConfig(), [knob for knob in KNOBS.values() if knob.is_live or knob.name in RESUMABLE])
    if (options := _read(parser, arguments)) is None:
        return 0
    if options.run is None:
        parser.error("the name of a run is missing; `tui-trainer runs` lists them")
    runs_dir = folder(options.runs_dir, "--runs-dir")
    if not (options.no_ui or options.json):
        from tui_trainer import runs_folder

        changes = {name: read_value(name, value) for name, value in knob_values(options).items()}
        return dashboard(options, runs_dir, run=runs_folder.find(runs_dir, options.run), resume=changes)
    words = ["resume", *arguments]
    return foreground.resume(runs_dir, options.run, knob_values(options), words, as_json=options.json)


def predict(arguments: Sequence[str]) -> int:
    """`tui-trainer predict RUN FILE`."""
    parser = _parser("predict", json=False)
    parser.usage = "tui-trainer predict RUN FILE [flags]"
    parser.epilog = predict_plan.WHAT_COMES_OUT
    predict_plan.add_flags(parser)
    add_runs_dir(parser)
    if (options := _read(parser, arguments)) is None:
        return 0
    if options.run is None:
        parser.error("the name of a run is missing; `tui-trainer runs` lists them")
    if options.file is None:
        parser.error(f"the file to predict is missing, as in `tui-trainer predict {printable(options.run)} FILE`")
    from tui_trainer import headless, runs_folder

    run = runs_folder.find(folder(options.runs_dir, "--runs-dir"), options.run)
    plan = predict_plan.read(options)
    from tui_trainer.engine import predict as engine_predict

    return headless.show_predict(engine_predict.predict(run, plan, sys.stdout.buffer), plan.out)


def preview(arguments: Sequence[str]) -> int:
    """`tui-trainer preview [RECIPE]`."""

    def make_parser(config: RunConfig) -> Parser:
        parser = _config_parser("preview", config, json=False)
        preview_plan.add_flags(parser)
        return parser

    if (asked := asked_config.read(make_parser, arguments)) is None:
        return 0
    plan = preview_plan.read(*asked)
    from tui_trainer import headless
    from tui_trainer.engine.preview import Preview

    return headless.show_preview(Preview(plan.config), plan)


def lr_find(arguments: Sequence[str]) -> int:
    """`tui-trainer lr-find [RECIPE]`."""

    def make_parser(config: RunConfig) -> Parser:
        parser = _config_parser("lr-find", config)
        finder_plans.add_lr_flags(parser)
        add_runs_dir(parser)
        return parser

    if (asked := asked_config.read(make_parser, arguments)) is None:
        return 0
    options, config = asked
    plan, words = finder_plans.read_lr(options, config), _words_without(options, "lr")
    if options.run:
        from tui_trainer import runs_folder

        words = ["resume", options.run]
        run = runs_folder.find(folder(options.runs_dir, "--runs-dir"), options.run)
        plan = replace(plan, run=run, changes=finder_plans.run_changes(options.config, knob_values(options)))
    from tui_trainer import headless, worker

    return headless.show_finder(worker.find_lr(plan), words, as_json=options.json)


def batch_find(arguments: Sequence[str]) -> int:
    """`tui-trainer batch-find [RECIPE]`."""

    def make_parser(config: RunConfig) -> Parser:
        parser = _config_parser("batch-find", config)
        finder_plans.add_batch_flags(parser)
        return parser

    if (asked := asked_config.read(make_parser, arguments)) is None:
        return 0
    options, config = asked
    plan = finder_plans.read_batch(options, config)
    from tui_trainer import headless, worker

    words = _words_without(options, "lr", "batch_size")
    return headless.show_finder(worker.find_batch_size(plan), words, as_json=options.json)


def list_recipes(arguments: Sequence[str]) -> int:
    """`tui-trainer recipes`."""
    if (options := _read(_parser("recipes"), arguments)) is None:
        return 0
    from tui_trainer import headless

    return headless.show_recipes(recipes.all_recipes(), as_json=options.json)


def list_devices(arguments: Sequence[str]) -> int:
    """`tui-trainer devices`."""
    if (options := _read(_parser("devices"), arguments)) is None:
        return 0
    from tui_trainer import devices, headless

    return headless.show_devices(devices.cpu(), devices.gpus(), as_json=options.json)


def bench(arguments: Sequence[str]) -> int:
    """`tui-trainer bench`."""
    parser = _parser("bench")
    bench_plan.add_flags(parser)
    parser.add_argument("--ui", action="store_true", help="measure the dashboard instead, beside a bare Textual app")
    add_knobs(parser, RunConfig(), [KNOBS[name] for name in ("data_dir", *bench_plan.HARDWARE)])
    if (options := _read(parser, arguments)) is None:
        return 0
    from tui_trainer import headless

    if options.ui:
        from tui_trainer.ui import bench as ui_bench

        return headless.show_ui_bench(ui_bench.measure(options.rounds or 3), as_json=options.json)
    plan = bench_plan.read(options, build(knob_values(options)))
    from tui_trainer.engine import bench as engine_bench

    return headless.show_bench(engine_bench.measure(plan), as_json=options.json)


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


def _parser(command: str, *, json: bool = True) -> Parser:
    parser = Parser(prog=f"tui-trainer {command}", description=ABOUT[command].capitalize() + ".")
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    return parser


def _config_parser(command: str, config: RunConfig, *, json: bool = True) -> Parser:
    parser = _parser(command, json=json)
    parser.usage = f"tui-trainer {command} [RECIPE | CONFIG.toml] [flags]"
    asked_config.add_config(parser, config)
    return parser


def _words_without(options: argparse.Namespace, *names: str) -> list[str]:
    """The recipe and the hyperparameters as they were typed, but for some."""
    return words_of(options.config, {name: value for name, value in knob_values(options).items() if name not in names})


def _read(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace | None:
    """The options, or None once the help was shown."""
    options = parser.read(arguments)
    if options.help:
        parser.print_help()
        return None
    return options


def add_dashboard(parser: Parser) -> None:
    parser.add_argument(
        "--refresh", metavar="RATE", type=_refresh, default=4.0, help="looks a second of the dashboard [4; 0.2 to 30]"
    )
    parser.add_argument("--ascii", action="store_true", help="the dashboard in ASCII alone [where there is no UTF-8]")


def _refresh(text: str) -> float:
    try:
        rate = float(text)
    except ValueError:
        rate = 0.0
    if not 0.2 <= rate <= 30:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; expected a number from 0.2 to 30")
    return rate


def add_runs_dir(parser: Parser) -> None:
    value = os.environ.get(RUNS_VARIABLE) or "runs"
    text = f"folder of the runs [{value}; or the environment variable {RUNS_VARIABLE}]".replace("%", "%%")
    parser.add_argument("--runs-dir", metavar="FOLDER", default=value, help=text)


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "attach": attach, "runs": list_runs, "resume": resume, "predict": predict, "preview": preview,
    "lr-find": lr_find, "batch-find": batch_find, "recipes": list_recipes, "devices": list_devices, "bench": bench,
}  # fmt: skip
