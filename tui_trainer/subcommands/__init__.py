"""The subcommands: what the command line does beside training. Imports nothing heavy until it knows what to do."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from tui_trainer.subcommands.before_runs import batch_find, lr_find, preview
from tui_trainer.subcommands.of_runs import attach, export, list_runs, predict, resume
from tui_trainer.subcommands.of_the_machine import bench, list_devices, list_recipes
from tui_trainer.subcommands.shared import ABOUT, add_dashboard, add_runs_dir, dashboard

__all__ = ["ABOUT", "COMMANDS", "add_dashboard", "add_runs_dir", "dashboard"]

COMMANDS: dict[str, Callable[[Sequence[str]], int]] = {
    "attach": attach, "runs": list_runs, "resume": resume, "preview": preview, "lr-find": lr_find,
    "batch-find": batch_find, "predict": predict, "export": export, "recipes": list_recipes, "devices": list_devices,
    "bench": bench,
}  # fmt: skip
