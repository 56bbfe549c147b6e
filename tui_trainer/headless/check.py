"""`--check`: its report as tables on a terminal or in a pipe, as JSON lines for programs."""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterable

from rich.console import Console
from rich.table import Table
from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.events import PhaseBegan
from tui_trainer.findings import expectation, findings, shape
from tui_trainer.headless.tables import console, table
from tui_trainer.report import EVENT, Report

SIGNS = {"warning": ("!", "bold yellow"), "note": ("-", ""), "fine": ("✓", "green")}
MOST_CLASSES = 30


def show_check(steps: Iterable[PhaseBegan | Report], *, as_json: bool) -> int:
    """Phases go to standard error, the report to standard output; with `as_json` all to the latter, a line each."""
    for step in steps:
        if isinstance(step, Report):
            if as_json:
                print(_line(step), flush=True)
            else:
                _print(step, console())
        elif as_json:
            print(step.to_line(), end="", flush=True)
        elif sys.stderr.isatty():
            print(f"{printable(step.what)} ...", file=sys.stderr, flush=True)
    return 0


def _line(report: Report) -> str:
    judged = [finding.to_json() for finding in findings(report)]
    return json.dumps({"event": EVENT, "time": round(time.time(), 3), **report.to_json(), "findings": judged})


def _print(report: Report, out: Console) -> None:
    out.print(Text(printable(shape(report)), style="bold"))
    for finding in findings(report):
        sign, style = SIGNS[finding.severity]
        _say(out, sign, style, printable(finding.sentence))
    if expected := expectation(report):
        _say(out, "=", "bold", printable(expected))
    for shown in (_columns(report), _classes(report), _values(report)):
        if shown is not None:
            out.print()
            out.print(shown)
    if len(report.classes) > MOST_CLASSES:
        out.print(Text(f"and {len(report.classes) - MOST_CLASSES:,} more", style="dim"))


def _say(out: Console, sign: str, style: str, sentence: str) -> None:
    """On a terminal further lines stand under the first word; a pipe gets one line."""
    if not out.is_terminal:
        out.print(Text(f"{sign} {sentence}"), soft_wrap=True)
        return
    row = Table.grid(padding=(0, 1))
    row.add_row(Text(sign, style=style), Text(sentence, style=style if sign == SIGNS["warning"][0] else ""))
    out.print(row)


def _columns(report: Report) -> Table | None:
    if not report.columns:
        return None
    shown = table("column", "kind", "missing", "distinct", "example")
    for column in report.columns:
        shown.add_row(
            Text(printable(column.name)),
            column.kind,
            f"{column.missing:,}" if column.missing else "",
            "" if column.distinct is None else f"{column.distinct:,}",
            Text(printable(column.example)),
        )
    return shown


def _classes(report: Report) -> Table | None:
    if not report.classes:
        return None
    noun = "label" if report.task == "labels" else "class"
    shown = table(noun, "train", "validation", "test", "share")
    for column in shown.columns[1:]:
        column.justify = "right"
    for one in report.classes[:MOST_CLASSES]:
        share = one.train / max(1, report.train)
        shown.add_row(
            Text(printable(one.name)), f"{one.train:,}", f"{one.validation:,}", f"{one.test:,}", f"{share:.1%}"
        )
    return shown


def _values(report: Report) -> Table | None:
    if not report.values:
        return None
    shown = table("to predict", "mean", "deviation", "least", "most")
    for one in report.values:
        name = printable(one.name) or "value"
        shown.add_row(Text(name), f"{one.mean:.5g}", f"{one.deviation:.5g}", f"{one.least:.5g}", f"{one.most:.5g}")
    return shown
