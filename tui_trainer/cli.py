"""The command line. Imports nothing heavy until it knows what to do."""

from __future__ import annotations

import argparse
import gc
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

from tui_trainer import __version__, bench_plan, foreground, placement, recipes
from tui_trainer.config import RunConfig
from tui_trainer.config_file import ConfigFile, to_toml
from tui_trainer.errors import InputError, StorageError, printable
from tui_trainer.flags import Parser, add_knobs, knob_values
from tui_trainer.knobs import KNOBS, build, read_value
from tui_trainer.paths import anchored, folder, stem_of
from tui_trainer.plain_text import prepare_streams

FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130
RUNS_VARIABLE = "TUI_TRAINER_RUNS"
RESUMABLE = (  # knobs that `resume` takes beside the live ones
    "data_dir", "device", "processes", "max_restarts", "threads", "engine", "precision", "device_memory", "host_memory",
)  # fmt: skip
ABOUT = {
    "attach": "open the live screen of a run that trains, or of one that has ended",
    "runs": "list the runs of the folder",
    "resume": "go on with a run, from its last checkpoint",
    "recipes": "list the recipes that ship",
    "devices": "show what this machine can train on",
    "bench": "measure training here beside what people would use instead",
}


def main(arguments: Sequence[str] | None = None) -> int:
    """Run the program; returns its exit code (see the README)."""
    prepare_streams()
    arguments = sys.argv[1:] if arguments is None else arguments
    try:
        if bad := [word for word in arguments if not word.isascii() and _is_broken(word)]:
            raise InputError(f"argument {bad[0]!a} is not UTF-8; rename the file or correct the terminal's encoding")
        if placement.CHANNEL_VARIABLE in os.environ:
            return foreground.take_part_for_agent()
        if arguments and arguments[0] in COMMANDS:
            return COMMANDS[arguments[0]](arguments[1:])
        return train(arguments)
    except (InputError, StorageError) as error:
        print(f"tui-trainer: {printable(str(error))}", file=sys.stderr)
        return BAD_INPUT
    except KeyboardInterrupt:
        print("tui-trainer: interrupted before training began; nothing was written", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if not isinstance(error, BrokenPipeError):
            print(f"tui-trainer: cannot write: {error.strerror or error}", file=sys.stderr)
            return FAILED
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115, PTH123  # `tui-trainer runs | head`
        return 0


def train(arguments: Sequence[str]) -> int:
    """`tui-trainer [CONFIG.toml | RECIPE] [flags]`."""
    options = _train_parser(RunConfig()).read(arguments)
    if options.version:
        print(f"tui-trainer {__version__}")
        return 0
    if options.help:
        _train_parser(_config_for_help(options)).print_help()
        return 0
    config, stem = resolve(options.config, knob_values(options))
    if options.print_config:
        print(to_toml(config), end="")
        return 0
    runs_dir = folder(options.runs_dir, "--runs-dir")
    if options.check:
        from tui_trainer import headless, worker

        return headless.show_check(worker.check(config, runs_dir), as_json=options.json)
    if not (options.no_ui or options.json):
        return _dashboard(options, runs_dir, config=config, stem=stem, name=options.name)
    return foreground.start(config, runs_dir, options.name, stem, arguments, as_json=options.json)


def attach(arguments: Sequence[str]) -> int:
    """`tui-trainer attach [RUN]`."""
    parser = _parser("attach", json=False)
    parser.add_argument("run", metavar="RUN", nargs="?", help="a run's name or folder [the newest that trains now]")
    parser.add_argument("--readonly", action="store_true", help="look on: no key steers the run")
    _add_dashboard(parser)
    _add_runs_dir(parser)
    if (options := _read(parser, arguments)) is None:
        return 0
    from tui_trainer import runs_folder

    runs_dir = folder(options.runs_dir, "--runs-dir")
    run = runs_folder.find(runs_dir, options.run) if options.run else runs_folder.newest_living(runs_dir)
    return _dashboard(options, runs_dir, run=run, is_readonly=options.readonly)


def _dashboard(options: argparse.Namespace, runs_dir: Path, **wish: Any) -> int:
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


def resolve(word: str | None, flags: Mapping[str, Any]) -> tuple[RunConfig, str]:
    """The config in force and a stem for the run's name: a flag overrides the file, the file the default."""
    if word is None:
        config = build(anchored(flags))
        return config, stem_of(config.data.name)
    file = ConfigFile(recipes.find(word))
    values = {name: value for name, value in file.values.items() if not _is_overruled(name, flags)}
    values |= anchored(flags)
    return build(values, lambda name: KNOBS[name].flag if name in flags else file.where(name)), stem_of(str(file.path))


def _is_overruled(name: str, flags: Mapping[str, Any]) -> bool:
    """Whether a flag chose something with which the file's value has no effect: `rho` of rmsprop under adam."""
    only_with = KNOBS[name].only_with
    return only_with is not None and only_with[0] in flags and flags[only_with[0]] not in only_with[1]


def list_runs(arguments: Sequence[str]) -> int:
    """`tui-trainer runs`."""
    parser = _parser("runs")
    _add_runs_dir(parser)
    if (options := _read(parser, arguments)) is None:
        return 0
    from tui_trainer import headless

    return headless.show_runs(folder(options.runs_dir, "--runs-dir"), as_json=options.json)


def resume(arguments: Sequence[str]) -> int:
    """`tui-trainer resume RUN`."""
    parser = _parser("resume")
    parser.add_argument("run", metavar="RUN", nargs="?", help="name of a run, or the path of its folder")
    parser.add_argument("--no-ui", action="store_true", help="train in this terminal, without the dashboard")
    _add_dashboard(parser)
    _add_runs_dir(parser)
    add_knobs(parser, RunConfig(), [knob for knob in KNOBS.values() if knob.is_live or knob.name in RESUMABLE])
    if (options := _read(parser, arguments)) is None:
        return 0
    if options.run is None:
        parser.error("the name of a run is missing; `tui-trainer runs` lists them")
    runs_dir = folder(options.runs_dir, "--runs-dir")
    if not (options.no_ui or options.json):
        from tui_trainer import runs_folder

        changes = {name: read_value(name, value) for name, value in knob_values(options).items()}
        return _dashboard(options, runs_dir, run=runs_folder.find(runs_dir, options.run), resume=changes)
    words = ["resume", *arguments]
    return foreground.resume(runs_dir, options.run, knob_values(options), words, as_json=options.json)


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


COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "attach": attach, "runs": list_runs, "resume": resume, "recipes": list_recipes, "devices": list_devices,
    "bench": bench,
}  # fmt: skip


def _train_parser(config: RunConfig) -> Parser:
    commands = "\n".join(f"  tui-trainer {name:8} {sentence}" for name, sentence in ABOUT.items())
    parser = Parser(
        prog="tui-trainer",
        usage="tui-trainer [RECIPE | CONFIG.toml] [flags]\n" + commands,
        description="Train a multilayer perceptron, in a dashboard or (--no-ui) in this terminal. In brackets: the "
        "value in force, and what may stand there.",
        epilog="Exit codes: 0 completed or stopped on request, 1 failed, 2 bad usage or input, 3 diverged, "
        "130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP (all after saving).",
    )
    parser.add_argument("config", metavar="RECIPE | CONFIG.toml", nargs="?", help="a recipe's name or a TOML file")
    parser.add_argument("--no-ui", action="store_true", help="train in this terminal, without the dashboard")
    parser.add_argument(
        "--json", action="store_true", help="print the events as JSON lines and nothing else; means --no-ui"
    )
    parser.add_argument("--print-config", action="store_true", help="print the resolved config as TOML and end")
    parser.add_argument("--check", action="store_true", help="look at the data, say what training will take, and end")
    parser.add_argument("--name", metavar="NAME", help="name of the run's folder [the recipe's name and a number]")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    _add_dashboard(parser)
    _add_runs_dir(parser)
    add_knobs(parser, config, KNOBS.values())
    return parser


def _parser(command: str, *, json: bool = True) -> Parser:
    parser = Parser(prog=f"tui-trainer {command}", description=ABOUT[command].capitalize() + ".")
    if json:
        parser.add_argument("--json", action="store_true", help="print JSON and nothing else")
    return parser


def _read(parser: Parser, arguments: Sequence[str]) -> argparse.Namespace | None:
    """The options, or None once the help was shown."""
    options = parser.read(arguments)
    if options.help:
        parser.print_help()
        return None
    return options


def _add_dashboard(parser: Parser) -> None:
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


def _add_runs_dir(parser: Parser) -> None:
    value = os.environ.get(RUNS_VARIABLE) or "runs"
    text = f"folder of the runs [{value}; or the environment variable {RUNS_VARIABLE}]".replace("%", "%%")
    parser.add_argument("--runs-dir", metavar="FOLDER", default=value, help=text)


def _config_for_help(options: argparse.Namespace) -> RunConfig:
    """The values that the other arguments put in force, as far as they make sense."""
    try:
        return resolve(options.config, knob_values(options))[0]
    except InputError:
        return RunConfig()


def _is_broken(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return True
    return False
