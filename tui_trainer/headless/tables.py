"""`runs`, `recipes` and `devices`: a table on a terminal or in a pipe, JSON for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Generator
from contextlib import closing
from dataclasses import asdict
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tui_trainer.devices import GB, Cpu, Gpu
from tui_trainer.errors import printable
from tui_trainer.recipes import Recipe
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import RunState, state_of
from tui_trainer.runs_folder import all_runs
from tui_trainer.words import architecture, best_figure, clock, test_figure

COLOURS = {"training": "green", "paused": "yellow", "lost": "red", "failed": "red", "diverged": "red"}


class _Console(Console):
    def on_broken_pipe(self) -> None:
        """A reader who has had enough is no failure (rich would end with code 1)."""
        raise BrokenPipeError


def console() -> Console:
    """A console that neither wraps nor cuts what a pipe gets."""
    return _Console(highlight=False, width=None if sys.stdout.isatty() else 200)


def table(*columns: str) -> Table:
    """The house's table: no lines, dim heads."""
    return Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")


def print_json(value: Any) -> int:
    """One JSON document on standard output."""
    print(json.dumps(value, indent=1))
    return 0


def show_runs(runs_dir: Path, *, as_json: bool) -> int:
    """All runs of a folder, newest last."""
    states = [(run, state_of(run)) for run in all_runs(runs_dir)]
    facts = [_facts(run, state) for run, state in states]
    if as_json:
        return print_json(facts)
    if not facts:
        print(f"No runs in {runs_dir} yet. Start one: tui-trainer --no-ui")
        return 0
    shown = table("run", "state", "data", "net", "epochs", "best", "test", "time", "heard")
    shown.columns[0].no_wrap, shown.columns[0].overflow = True, "fold"
    shown.columns[0].min_width = max(len(run["run"]) for run in facts)  # it has to be typed again
    for run, (_, state) in zip(facts, states, strict=True):
        shown.add_row(
            Text(printable(run["run"])),
            Text(run["status"].replace("_", " ") + " !" * bool(run["alerts"]), style=COLOURS.get(run["status"], "")),
            run["data"] or "",
            run["net"] or "",
            f"{run['epochs_done']}/{run['epochs']}",
            best_figure(state.best),
            test_figure(state.ended),
            clock(run["seconds"] or 0) if run["seconds"] else "",
            _age(run["last_heard"]),
        )
    console().print(shown)
    if any(run["status"] in ("lost", "failed", "stopped") for run in facts):
        print("\nGo on with one that is lost, failed or stopped: tui-trainer resume RUN")
    return 0


def _facts(run: RunDir, state: RunState) -> dict[str, Any]:
    started, best, end = state.started, state.best, state.ended
    return {
        "run": run.name,
        "run_dir": str(run.path),
        "status": state.status,
        "data": started.data if started else None,
        "task": started.task if started else None,
        "net": architecture(started) if started else None,
        "epochs_done": state.epochs_done,
        "epochs": state.epochs,
        "step": state.step,
        "alerts": [alert.alert for alert in state.alerts],
        "best_epoch": best.epoch if best else None,
        "best_val_loss": best.val_loss if best else None,
        "best_val_accuracy": best.val_accuracy if best else None,
        "best_val_rmse": best.val_rmse if best else None,
        "best_val_roc_auc": best.val_roc_auc if best else None,
        "best_macro_f1": best.macro_f1 if best else None,
        "test_accuracy": end.test_accuracy if end else None,
        "test_rmse": end.test_rmse if end else None,
        "test_mae": end.test_mae if end else None,
        "test_r2": end.test_r2 if end else None,
        "test_roc_auc": end.test_roc_auc if end else None,
        "test_macro_f1": end.test_macro_f1 if end else None,
        "seconds": end.seconds if end else None,
        "last_heard": state.last_heard or None,
        "message": end.message if end else None,
    }


def _age(heard: float | None) -> str:
    return f"{clock(max(0.0, time.time() - heard))} ago" if heard else ""


def show_recipes(recipes: list[Recipe], *, as_json: bool) -> int:
    """The recipes with their commands and what they should reach."""
    if as_json:
        return print_json([recipe.as_dict() for recipe in recipes])
    out = console()
    for recipe in recipes:
        out.print(Text.assemble((recipe.name, "bold"), f"  {recipe.sentence}"))
        out.print(Text(f"    {recipe.command}\n    expected: {recipe.expected}", style="dim"))
    return 0


def show_devices(cpu: Cpu, gpus: list[Gpu], *, as_json: bool) -> int:
    """What `--device` may name here."""
    if as_json:
        return print_json({"cpu": asdict(cpu), "gpus": [asdict(gpu) for gpu in gpus]})
    shown = table("device", "name", "memory", "load", "temp", "power", "processes")
    shown.add_row(
        "cpu", f"{cpu.name}, {cpu.cores} cores", _memory(cpu.memory_used, cpu.memory_total), f"{cpu.load:.0%}"
    )
    for gpu in gpus:
        shown.add_row(
            f"cuda:{gpu.index}",
            gpu.name,
            _memory(gpu.memory_used, gpu.memory_total),
            "" if gpu.load is None else f"{gpu.load:.0%}",
            "" if gpu.temperature is None else f"{gpu.temperature} °C",
            "" if gpu.watts is None else f"{gpu.watts:.0f} W",
            str(len(gpu.processes)),
        )
    console().print(shown)
    if not gpus:
        print("\nNo NVIDIA GPU answers here; training runs on the CPU.")
    return 0


def _memory(used: int, total: int) -> str:
    return f"{used / GB:.1f}/{total / GB:.1f} GB"


def measured(steps: Generator[dict[str, Any], None, None], *, as_json: bool) -> dict[str, Any]:
    """The result of a measurement, its progress on standard error meanwhile; however this ends, it is closed."""
    result: dict[str, Any] = {}
    with closing(steps):
        for step in steps:
            if "result" in step:
                result = step["result"]
            elif not as_json:
                print(step["progress"], file=sys.stderr, flush=True)
    return result


def print_measured(result: dict[str, Any], shown: Table) -> int:
    """Title, table and machine."""
    out = console()
    out.print(Text(result["title"], style="bold"))
    out.print(shown)
    out.print(Text(result["machine"], style="dim"))
    return 0
