"""`bench`: a live line while it measures, then its tables, as wide as the terminal allows; JSON for programs."""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator
from contextlib import closing
from typing import Any, NamedTuple

from rich.console import Console
from rich.live import Live
from rich.table import Table
from rich.text import Text

from tui_trainer.headless.tables import console, print_json, table
from tui_trainer.headless.ui_bench import figures_table
from tui_trainer.signals import Ended, raised

WIDE, MIDDLE = 124, 100  # columns that all of a table, and most of it, need
MB = 1e6


def show_bench(steps: Generator[dict[str, Any], None, None], *, as_json: bool) -> int:
    """Each step is a dict with `progress`, the last with `result`. Returns the exit code, also of a signal."""
    try:
        with raised(), closing(steps):
            result = _followed(steps, is_silent=as_json)
    except Ended as end:
        print(f"tui-trainer: the bench was ended by {end}; nothing was written", file=sys.stderr)
        return end.exit_code
    if as_json:
        return print_json(result)
    out = console()
    for title, shown in _tables(result, out.width):
        out.print(Text(title, style="bold"))
        out.print(shown)
        out.print()
    for line in _notes(result):
        out.print(Text(line, style="dim"))
    return 0


def _followed(steps: Generator[dict[str, Any], None, None], *, is_silent: bool) -> dict[str, Any]:
    """The result. The line is redrawn on news alone: a thread that draws would take time from what is measured."""
    errors = Console(stderr=True, highlight=False)
    result: dict[str, Any] = {}
    with Live(console=errors, auto_refresh=False, transient=True) as live:
        for step in steps:
            if "result" in step:
                result = step["result"]
            elif is_silent:
                continue
            elif errors.is_terminal:
                live.update(Text(step["progress"], overflow="ellipsis", no_wrap=True), refresh=True)
            else:
                print(step["progress"], file=sys.stderr, flush=True)
    return result


def _rate(value: float) -> str:
    return f"{value:,.0f}" if value >= 100 else f"{value:.3g}"


class Column(NamedTuple):
    """One figure of a row; left out of a table on a terminal that is narrower than `from_width`."""

    head: str
    cell: Callable[[dict[str, Any]], str]
    from_width: int = 0


COLUMNS = (
    Column("threads", lambda row: str(row["threads"]), MIDDLE),
    Column("s/epoch", lambda row: f"{row['seconds']:.3f}"),
    Column("fastest to slowest", lambda row: f"{row['fastest']:.3f} to {row['slowest']:.3f}", MIDDLE),
    Column("steps/s", lambda row: _rate(row["steps_per_second"]), WIDE),
    Column("samples/s", lambda row: f"{row['samples_per_second']:,.0f}"),
    Column("GFLOP/s", lambda row: f"{row['gflop_per_second']:,.1f}"),
    Column("share", lambda row: f"{row['share_of_products']:.0%}"),
    Column("memory", lambda row: "" if row["memory_bytes"] is None else f"{row['memory_bytes'] / MB:,.0f} MB"),
    Column("loss", lambda row: "" if row["train_loss"] is None else f"{row['train_loss']:.4f}", WIDE),
)
TIMES = Column("x tutorial", lambda row: f"{row['times_the_tutorial']:.1f}" if row["times_the_tutorial"] else "")
STYLES = {"ours": "bold", "floor": "dim"}


def _tables(result: dict[str, Any], width: int) -> list[tuple[str, Table]]:
    shown = [(_heading(cell), _cell(cell, width)) for cell in result["cells"]]
    if result["precisions"]:
        shown.append(("Precision", _precisions(result["precisions"])))
    if result["tiers"]:
        shown.append(("Where the samples are: batches taken and not trained on", _tiers(result["tiers"])))
    if result["overhead"]:
        shown.append(("Beside the steps: share of training time", _overhead(result)))
    if result["holds"]:
        shown.append(("What must hold", figures_table(result["holds"], width)))
    return shown


def _heading(cell: dict[str, Any]) -> str:
    precision = "" if cell["precision"] == "float32" else f", {cell['precision']}"
    work = f"{cell['samples']:,} samples and {cell['gflop']:,.1f} GFLOP an epoch"
    return f"{cell['net']}, batch {cell['batch']}{precision}: {work}"


def _cell(cell: dict[str, Any], width: int) -> Table:
    columns = [column for column in COLUMNS if width >= column.from_width]
    if any(row["times_the_tutorial"] for row in cell["programs"]):
        columns.append(TIMES)
    shown = table("program")
    shown.columns[0].no_wrap = True
    shown.columns[0].min_width = 22  # all tables of a page have their figures below one another
    for column in columns:
        shown.add_column(column.head, justify="right", no_wrap=True)
    for row in cell["programs"]:
        shown.add_row(row["label"], *(column.cell(row) for column in columns), style=STYLES.get(row["kind"], ""))
    return shown


def _precisions(rows: list[dict[str, Any]]) -> Table:
    shown = table("precision")
    for head in ("s/epoch", "epochs", "train loss", "test accuracy"):
        shown.add_column(head, justify="right")
    for row in rows:
        accuracy = "no MNIST here" if row["test_accuracy"] is None else f"{row['test_accuracy']:.2%}"
        shown.add_row(
            row["precision"], f"{row['seconds']:.3f}", str(row["epochs"]), f"{row['train_loss']:.4f}", accuracy
        )
    return shown


def _tiers(rows: list[dict[str, Any]]) -> Table:
    shown = table("samples in")
    batches = list(dict.fromkeys(row["batch"] for row in rows))
    rates = {(row["tier"], row["batch"]): row["samples_per_second"] for row in rows}
    for batch in batches:
        shown.add_column(f"batch {batch}", justify="right")
    words = {"device": "the device's memory", "host": "the host's memory", "file": "a mapped file"}
    for tier, word in words.items():
        cells = (f"{rates[tier, b]:,.0f}/s ({rates[tier, b] / rates['device', b]:.2f}x)" for b in batches)
        shown.add_row(word, *cells)
    return shown


def _overhead(result: dict[str, Any]) -> Table:
    shown = table("net")
    for head in ("batch", "reports and log", "evaluation", "its products", "together"):
        shown.add_column(head, justify="right")
    for row in result["overhead"]:
        shares = [
            f"{row[key]:.2%}" for key in ("reports_share", "evaluation_share", "evaluation_products_share", "share")
        ]
        precision = "" if row["precision"] == "float32" else f" {row['precision']}"
        shown.add_row(row["net"] + precision, str(row["batch"]), *shares)
    return shown


def _notes(result: dict[str, Any]) -> list[str]:
    """What was left out, what the words mean, and the machine."""
    left_out = {name: why for cell in result["cells"] for name, why in cell["not_measured"].items()}
    lines = [f"Not measured: {name}: {why}" for name, why in {**left_out, **result["not_measured"]}.items()]
    lines.append(f"Medians of {result['rounds']} alternating rounds. Share: of the rate of the matrix products alone.")
    cores, idle = result["cores"], min(result["idle_cores"].values())
    if idle < cores:
        lines.append(
            f"Other programs were busy here ({idle} of {cores} cores idle): a quiet machine gives other figures."
        )
    lines.append(f"Memory: {result['memory_is']}.")
    if path := result["whole_path"]:
        lines.append(
            f"A run with its log beside its steps alone ({path['net']}, batch {path['batch']}): "
            f"{path['seconds']:.3f} s and {path['steps_alone']:.3f} s, ratio {path['ratio']:.3f}."
        )
    if start := result["start"]:
        lines.append(
            f"Start: {start['seconds']:.2f} s to run_started; import torch {start['import_torch']:.2f} s, "
            f"loading the data {start['load_data']:.2f} s."
        )
    lines += [result["title"] + ".", result["machine"]]
    return lines
