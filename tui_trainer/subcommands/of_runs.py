"""Subcommands about runs that there are: look on, go on, predict, export."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence

from tui_trainer import export_plan, foreground, predict_plan
from tui_trainer.config import RunConfig
from tui_trainer.errors import printable
from tui_trainer.flags import Parser, add_knobs, knob_values
from tui_trainer.knobs import KNOBS, MOVABLE, read_value
from tui_trainer.paths import folder
from tui_trainer.subcommands.shared import add_dashboard, add_runs_dir, dashboard, parser_of, read

RESUMABLE = tuple(name for name in MOVABLE if name != "deterministic")  # taken by `resume` beside the live ones


def attach(arguments: Sequence[str]) -> int:
    """`tui-trainer attach [RUN]`."""
    parser = parser_of("attach", json=False)
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run's name or folder [the newest that trains now]")
    parser.add_argument("--readonly", action="store_true", help="look on: no key steers the run")
    add_dashboard(parser)
    add_runs_dir(parser)
    if (options := read(parser, arguments)) is None:
        return 0
    from tui_trainer import runs_folder

    runs_dir = folder(options.runs_dir, "--runs-dir")
    run = runs_folder.find(runs_dir, options.run) if options.run else runs_folder.newest_living(runs_dir)
    return dashboard(options, runs_dir, run=run, is_readonly=options.readonly)


def list_runs(arguments: Sequence[str]) -> int:
    """`tui-trainer runs`."""
    parser = parser_of("runs")
    add_runs_dir(parser)
    if (options := read(parser, arguments)) is None:
        return 0
    from tui_trainer import headless

    return headless.show_runs(folder(options.runs_dir, "--runs-dir"), as_json=options.json)


def resume(arguments: Sequence[str]) -> int:
    """`tui-trainer resume RUN`."""
    parser = parser_of("resume")
    parser.add_argument("run", metavar="RUN", nargs="?", help="name of a run, or the path of its folder")
    parser.add_argument("--no-ui", action="store_true", help="train in this terminal, without the dashboard")
    parser.add_argument(
        "--apply",
        metavar="ALERT[:N]",
        default="",
        help="begin with a remedy of an alert: divergence-1, or divergence-1:2",
    )
    add_dashboard(parser)
    add_runs_dir(parser)
    add_knobs(parser, RunConfig(), [knob for knob in KNOBS.values() if knob.is_live or knob.name in RESUMABLE])
    if (options := read(parser, arguments)) is None:
        return 0
    check_named(parser, options)
    runs_dir = folder(options.runs_dir, "--runs-dir")
    if not (options.no_ui or options.json):
        from tui_trainer import runs_folder

        changes = {name: read_value(name, value) for name, value in knob_values(options).items()}
        run = runs_folder.find(runs_dir, options.run)
        return dashboard(options, runs_dir, run=run, resume=changes, apply=options.apply)
    words = ["resume", *arguments]
    changes = knob_values(options)
    return foreground.resume(runs_dir, options.run, changes, words, as_json=options.json, apply=options.apply)


def predict(arguments: Sequence[str]) -> int:
    """`tui-trainer predict RUN FILE`."""
    parser = parser_of("predict", json=False)
    parser.usage = "tui-trainer predict RUN FILE [flags]"
    parser.epilog = predict_plan.WHAT_COMES_OUT
    predict_plan.add_flags(parser)
    add_runs_dir(parser)
    if (options := read(parser, arguments)) is None:
        return 0
    check_named(parser, options)
    if options.file is None:
        parser.error(f"the file to predict is missing, as in `tui-trainer predict {printable(options.run)} FILE`")
    from tui_trainer import headless, runs_folder

    run = runs_folder.find(folder(options.runs_dir, "--runs-dir"), options.run)
    plan = predict_plan.read(options)
    from tui_trainer.engine import predict as engine_predict

    return headless.show_predict(engine_predict.predict(run, plan, sys.stdout.buffer), plan.out)


def export(arguments: Sequence[str]) -> int:
    """`tui-trainer export RUN --to FORMAT`."""
    parser = parser_of("export", json=False)
    parser.usage = "tui-trainer export RUN --to FORMAT [flags]"
    parser.epilog = export_plan.WHAT_COMES_OUT
    export_plan.add_flags(parser)
    add_runs_dir(parser)
    if (options := read(parser, arguments)) is None:
        return 0
    check_named(parser, options)
    from tui_trainer import headless, runs_folder

    run = runs_folder.find(folder(options.runs_dir, "--runs-dir"), options.run)
    plan = export_plan.read(options, run.name)
    from tui_trainer.engine.export import exporting

    return headless.show_export(exporting.export(run, plan))


def check_named(parser: Parser, options: argparse.Namespace) -> None:
    """Ends the program with a sentence where no run was named."""
    if options.run is None:
        parser.error("the name of a run is missing; `tui-trainer runs` lists them")
