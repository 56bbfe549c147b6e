"""Subcommands about what ships, and about this machine."""

from __future__ import annotations

from collections.abc import Sequence

from tui_trainer import (
    bench_plan,
    recipes,
)
from tui_trainer.config import RunConfig
from tui_trainer.flags import add_knobs, knob_values
from tui_trainer.knobs import KNOBS, build
from tui_trainer.subcommands.shared import parser_of, read


def list_recipes(arguments: Sequence[str]) -> int:
    """`tui-trainer recipes`."""
    if (options := read(parser_of("recipes"), arguments)) is None:
        return 0
    from tui_trainer import headless

    return headless.show_recipes(recipes.all_recipes(), as_json=options.json)


def list_devices(arguments: Sequence[str]) -> int:
    """`tui-trainer devices`."""
    if (options := read(parser_of("devices"), arguments)) is None:
        return 0
    from tui_trainer import devices, headless

    return headless.show_devices(devices.cpu(), devices.gpus(), as_json=options.json)


def bench(arguments: Sequence[str]) -> int:
    """`tui-trainer bench`."""
    parser = parser_of("bench")
    bench_plan.add_flags(parser)
    parser.add_argument("--ui", action="store_true", help="measure the dashboard instead, beside a bare Textual app")
    add_knobs(parser, RunConfig(), [KNOBS[name] for name in ("data_dir", *bench_plan.HARDWARE)])
    if (options := read(parser, arguments)) is None:
        return 0
    from tui_trainer import headless

    if options.ui:
        from tui_trainer.ui import bench as ui_bench

        return headless.show_ui_bench(ui_bench.measure(options.rounds or 3), as_json=options.json)
    plan = bench_plan.read(options, build(knob_values(options)))
    from tui_trainer.engine import bench as engine_bench

    return headless.show_bench(engine_bench.measure(plan), as_json=options.json)
