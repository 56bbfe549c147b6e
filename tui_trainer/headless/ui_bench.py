"""`bench --ui`: progress while it measures, then a table of figures, each beside its baseline and its limit."""

from __future__ import annotations

import sys
from collections.abc import Generator
from contextlib import closing
from typing import Any

from rich.text import Text

from tui_trainer.headless.tables import console, print_json, table


def show_ui_bench(steps: Generator[dict[str, Any], None, None], *, as_json: bool) -> int:
    """Each step is a dict with `progress`, the last with `result`. However this ends, the steps are closed."""
    result: dict[str, Any] = {}
    with closing(steps):
        for step in steps:
            if "result" in step:
                result = step["result"]
            elif not as_json:
                print(step["progress"], file=sys.stderr, flush=True)
    if as_json:
        return print_json(result)
    shown = table("figure", "measured", "beside", "", "ratio", "limit", "holds")
    for figure in result["figures"]:
        shown.add_row(
            figure["name"],
            f"{_number(figure['value'])} {figure['unit']}",
            "" if figure["baseline"] is None else f"{_number(figure['baseline'])} {figure['unit']}",
            figure["baseline_is"],
            "" if figure["ratio"] is None else f"{figure['ratio']:.3g}",
            " or ".join(_limit(limit, figure["unit"]) for limit in figure["limits"]),
            Text("yes", "green") if figure["holds"] else Text("NO", "red"),
        )
    out = console()
    out.print(Text(result["title"], style="bold"))
    out.print(shown)
    out.print(Text(result["machine"], style="dim"))
    return 0


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _limit(limit: dict[str, Any], unit: str) -> str:
    sign = "≤" if limit["is_most"] else "≥"
    return f"{sign} {limit['bound']:g}{' times' if limit['of'] == 'ratio' else ' ' + unit}"
