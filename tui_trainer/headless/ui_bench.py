"""`bench --ui`: progress while it measures, then a table of figures, each beside its baseline and its limit."""

from __future__ import annotations

from collections.abc import Generator
from typing import Any

from rich.table import Table
from rich.text import Text

from tui_trainer.headless.tables import measured, print_json, print_measured, table

WIDE = 100  # columns


def show_ui_bench(steps: Generator[dict[str, Any], None, None], *, as_json: bool) -> int:
    """Each step is a dict with `progress`, the last with `result`."""
    result = measured(steps, as_json=as_json)
    if as_json:
        return print_json(result)
    return print_measured(result, figures_table(result["figures"]))


def figures_table(figures: list[dict[str, Any]], width: int = WIDE) -> Table:
    """Figures beside their baselines and limits, as `figures.Figure.as_dict` gives them.

    On a narrow terminal the baseline is left out: the ratio tells.
    """
    is_wide = width >= WIDE
    shown = table("figure", "measured", *["beside", ""] * is_wide, "ratio", "limit", "holds")
    for figure in figures:
        shown.add_row(
            figure["name"],
            f"{_number(figure['value'])} {figure['unit']}",
            *_beside(figure) * is_wide,
            "" if figure["ratio"] is None else f"{figure['ratio']:.3g}",
            " or ".join(_limit(limit, figure["unit"]) for limit in figure["limits"]),
            Text("yes", "green") if figure["holds"] else Text("NO", "red"),
        )
    return shown


def _beside(figure: dict[str, Any]) -> list[str]:
    baseline = "" if figure["baseline"] is None else f"{_number(figure['baseline'])} {figure['unit']}"
    return [baseline, figure["baseline_is"]]


def _number(value: float) -> str:
    return f"{value:,.0f}" if abs(value) >= 100 else f"{value:.3g}"


def _limit(limit: dict[str, Any], unit: str) -> str:
    sign = "≤" if limit["is_most"] else "≥"
    return f"{sign} {limit['bound']:g}{' times' if limit['of'] == 'ratio' else ' ' + unit}"
