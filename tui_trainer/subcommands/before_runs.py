"""Subcommands that try a config without a run: its pictures, its learning rate, its batch size."""

from __future__ import annotations

import argparse
from collections.abc import Sequence
from dataclasses import replace

from tui_trainer import (
    asked_config,
    finder_plans,
    preview_plan,
)
from tui_trainer.config import RunConfig
from tui_trainer.finder_words import words_of
from tui_trainer.flags import Parser, knob_values
from tui_trainer.paths import folder
from tui_trainer.subcommands.shared import add_runs_dir, config_parser


def preview(arguments: Sequence[str]) -> int:
    """`tui-trainer preview [RECIPE]`."""

    def make_parser(config: RunConfig) -> Parser:
        parser = config_parser("preview", config, json=False)
        preview_plan.add_flags(parser)
        return parser

    if (asked := asked_config.read(make_parser, arguments)) is None:
        return 0
    plan = preview_plan.read(*asked)
    from tui_trainer import headless
    from tui_trainer.engine.preview import Preview

    return headless.show_preview(lambda: Preview(plan.config), plan)


def lr_find(arguments: Sequence[str]) -> int:
    """`tui-trainer lr-find [RECIPE]`."""

    def make_parser(config: RunConfig) -> Parser:
        parser = config_parser("lr-find", config)
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
        parser = config_parser("batch-find", config)
        finder_plans.add_batch_flags(parser)
        return parser

    if (asked := asked_config.read(make_parser, arguments)) is None:
        return 0
    options, config = asked
    plan = finder_plans.read_batch(options, config)
    from tui_trainer import headless, worker

    words = _words_without(options, "lr", "batch_size")
    return headless.show_finder(worker.find_batch_size(plan), words, as_json=options.json)


def _words_without(options: argparse.Namespace, *names: str) -> list[str]:
    """The recipe and the hyperparameters as they were typed, but for some."""
    return words_of(options.config, {name: value for name, value in knob_values(options).items() if name not in names})
