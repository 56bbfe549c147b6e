"""The command line. Imports nothing heavy until it knows what to do."""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence

from tui_trainer import __version__, foreground, placement
from tui_trainer.asked_config import add_config, in_force, resolve
from tui_trainer.config import RunConfig
from tui_trainer.config_file import to_toml
from tui_trainer.errors import InputError, StorageError, printable
from tui_trainer.flags import Parser, knob_values
from tui_trainer.paths import folder
from tui_trainer.plain_text import prepare_streams
from tui_trainer.subcommands import ABOUT, COMMANDS, add_dashboard, add_runs_dir, dashboard

MISTAKEN = (errno.EACCES, errno.EPERM, errno.ENOENT, errno.ENOTDIR, errno.EISDIR, errno.ELOOP, errno.ENAMETOOLONG)
FAILED, BAD_INPUT, INTERRUPTED = 1, 2, 130


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
        trains = not arguments or arguments[0] == "resume" or arguments[0] not in COMMANDS
        said = "interrupted before training began; nothing was written" if trains else "ended by SIGINT"
        print(f"tui-trainer: {said}", file=sys.stderr)
        return INTERRUPTED
    except OSError as error:
        if error.filename and error.errno in MISTAKEN:
            print(f"tui-trainer: {printable(str(error.filename))[:200]}: {error.strerror}", file=sys.stderr)
            return BAD_INPUT
        if not isinstance(error, BrokenPipeError):
            print(f"tui-trainer: cannot read or write: {error.strerror or error}", file=sys.stderr)
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
        _train_parser(in_force(options)).print_help()
        return 0
    config, stem = resolve(options.config, knob_values(options))
    if options.print_config:
        print(to_toml(config), end="")
        return 0
    runs_dir = folder(options.runs_dir, "--runs-dir")
    if options.check:
        from tui_trainer import headless, runs_folder, worker

        runs_folder.check_new(runs_dir, options.name)

        return headless.show_check(worker.check(config, runs_dir), as_json=options.json)
    if not (options.no_ui or options.json):
        return dashboard(options, runs_dir, config=config, stem=stem, name=options.name)
    return foreground.start(config, runs_dir, options.name, stem, arguments, as_json=options.json)


def _train_parser(config: RunConfig) -> Parser:
    commands = "\n".join(f"  tui-trainer {name:10} {sentence}" for name, sentence in ABOUT.items())
    parser = Parser(
        prog="tui-trainer",
        usage="tui-trainer [RECIPE | CONFIG.toml] [flags]\n" + commands,
        description="Train a multilayer perceptron, in a dashboard or (--no-ui) in this terminal. In brackets: the "
        "value in force, and what may stand there.",
        epilog="Exit codes: 0 completed or stopped on request, 1 failed, 2 bad usage or input, 3 diverged, "
        "4 stopped by --on-alert stop, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP (all after saving).",
    )
    parser.add_argument("--no-ui", action="store_true", help="train in this terminal, without the dashboard")
    parser.add_argument(
        "--json", action="store_true", help="print the events as JSON lines and nothing else; means --no-ui"
    )
    parser.add_argument("--print-config", action="store_true", help="print the resolved config as TOML and end")
    parser.add_argument("--check", action="store_true", help="look at the data, say what training will take, and end")
    parser.add_argument("--name", metavar="NAME", help="name of the run's folder [the recipe's name and a number]")
    parser.add_argument("--version", action="store_true", help="print the version and end")
    add_dashboard(parser)
    add_runs_dir(parser)
    add_config(parser, config)
    return parser


def _is_broken(word: str) -> bool:
    try:
        word.encode()
    except UnicodeEncodeError:
        return True
    return False
