"""The config that a command line asks for: a recipe or a file, and flags that override it."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tui_trainer import recipes
from tui_trainer.config import RunConfig
from tui_trainer.config_file import ConfigFile
from tui_trainer.errors import InputError
from tui_trainer.flags import Parser, add_knobs, knob_values
from tui_trainer.knobs import KNOBS, build
from tui_trainer.paths import anchored, stem_of


def add_config(parser: Parser, config: RunConfig) -> None:
    """The recipe or file, and a flag for every hyperparameter; the help shows the values of `config`."""
    parser.add_argument("config", metavar="RECIPE | CONFIG.toml", nargs="?", help="a recipe's name or a TOML file")
    add_knobs(parser, config, KNOBS.values())


def read(
    make_parser: Callable[[RunConfig], Parser], arguments: Sequence[str]
) -> tuple[argparse.Namespace, RunConfig] | None:
    """The options of a command that takes a config, and that config; None once the help was shown.

    `make_parser(config)` has `add_config` among its flags. Raises InputError.
    """
    options = make_parser(RunConfig()).read(arguments)
    if options.help:
        make_parser(in_force(options)).print_help()
        return None
    return options, resolve(options.config, knob_values(options))[0]


def resolve(word: str | None, flags: Mapping[str, Any]) -> tuple[RunConfig, str]:
    """The config in force and a stem for the run's name: a flag overrides the file, the file the default."""
    if word is None:
        config = build(anchored(flags))
        return config, stem_of(config.data.name)
    file = ConfigFile(recipes.find(word))
    values = {name: value for name, value in file.values.items() if not _is_overruled(name, flags)}
    values |= anchored(flags)
    return build(values, lambda name: KNOBS[name].flag if name in flags else file.where(name)), stem_of(str(file.path))


def in_force(options: argparse.Namespace) -> RunConfig:
    """For a help text: what the other arguments put in force, as far as they make sense."""
    try:
        return resolve(options.config, knob_values(options))[0]
    except InputError:
        return RunConfig()


def _is_overruled(name: str, flags: Mapping[str, Any]) -> bool:
    """Whether a flag chose something with which the file's value has no effect: `rho` of rmsprop under adam."""
    only_with = KNOBS[name].only_with
    return only_with is not None and only_with[0] in flags and flags[only_with[0]] not in only_with[1]
