"""Layers, one a line: what was measured of each, and a mark beside what looks wrong."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.inside_events import Histogram, LayerFacts
from tui_trainer.ui.charts import BLOCKS
from tui_trainer.ui.palette import Palette

MOST_NAME = 14
LEAST_BARS, MOST_BARS = 8, 24
USUAL_UPDATES = (1e-5, 1e-1)  # of the weights' norm, a step; about 1e-3 is healthy (Karpathy's rule of thumb)
MOST_IDLE = 0.5  # share of dead or of saturated units
WRONG = "!"


def compact(number: float) -> str:
    """At most six columns: `784`, `100.5k`, `1.24M`."""
    for factor, unit in ((1e12, "T"), (1e9, "G"), (1e6, "M"), (1e3, "k")):
        if number >= factor * 0.9995:
            return f"{number / factor:.{1 if number >= 99.95 * factor else 2}f}{unit}"
    return f"{number:.0f}"


def norm_text(value: float | None) -> str:
    """At most seven columns; what is not finite is `nan`."""
    if value is None:
        return "nan"
    return f"{value:.3g}" if value == 0 or 1e-3 <= value < 1e5 else _power(value)


def _power(value: float) -> str:
    """`8.1e-4`."""
    mantissa, _, exponent = f"{value:.1e}".partition("e")
    return f"{mantissa}e{int(exponent)}"


def ratio_text(value: float | None) -> str:
    """`8.1e-4`, `0` or `nan`."""
    return "nan" if value is None else _power(value) if value else "0"


def share_text(value: float | None) -> str:
    """`3%`; a dot where the activation has no such state."""
    return "·" if value is None else "<1%" if 0 < value < 0.005 else f"{value:.0%}"


def complaints(layer: LayerFacts) -> dict[str, str]:
    """{column: what looks wrong in it, in words}."""
    found = {}
    if layer.weight_norm is None:
        found["weights"] = "the weights are not finite"
    if layer.gradient_norm is None:
        found["gradient"] = "the gradient is not finite"
    elif layer.gradient_norm == 0:
        found["gradient"] = "no gradient arrives"
    low, high = USUAL_UPDATES
    if layer.update_ratio is not None and layer.update_ratio < low:
        found["update"] = "steps hardly move the weights"
    elif layer.update_ratio is None or layer.update_ratio > high:
        found["update"] = "steps are large beside the weights"
    if layer.dead is not None and layer.dead > MOST_IDLE:
        found["dead"] = "most units never answer"
    if layer.saturated is not None and layer.saturated > MOST_IDLE:
        found["satur."] = "most answers are at a bound"
    return found


@dataclass(frozen=True)
class Column:
    """A figure of each layer."""

    head: str
    width: int
    text: Callable[[LayerFacts], str]


COLUMNS = (
    Column("units", 7, lambda layer: compact(layer.units)),
    Column("params", 8, lambda layer: compact(layer.parameters)),
    Column("FLOPs", 8, lambda layer: compact(layer.flops)),
    Column("weights", 9, lambda layer: norm_text(layer.weight_norm)),
    Column("gradient", 10, lambda layer: norm_text(layer.gradient_norm)),
    Column("update", 9, lambda layer: ratio_text(layer.update_ratio)),
    Column("dead", 6, lambda layer: share_text(layer.dead)),
    Column("satur.", 8, lambda layer: share_text(layer.saturated)),
)
"""In their order on screen."""
MATTER = ("update", "gradient", "dead", "satur.", "units", "weights", "params", "FLOPs")
"""Where not all find room: these first."""


def fitting(layers: Sequence[LayerFacts], width: int) -> list[Column]:
    """The columns that there is room for beside names and histograms."""
    idle = {
        "dead": any(layer.dead is not None for layer in layers),
        "satur.": any(layer.saturated is not None for layer in layers),
    }
    room = width - name_columns(layers) - LEAST_BARS - 1
    chosen = set()
    for head in MATTER:
        column = next(one for one in COLUMNS if one.head == head)
        if idle.get(head, True) and column.width <= room:
            room -= column.width
            chosen.add(head)
    return [column for column in COLUMNS if column.head in chosen]


def name_columns(layers: Sequence[LayerFacts]) -> int:
    """Of the longest name that is shown in full."""
    return max(5, min(MOST_NAME, max(len(layer.name) for layer in layers)))


def table(layers: Sequence[LayerFacts], rows: range, chosen: int | None, width: int, palette: Palette) -> list[Text]:
    """The head and these rows; the chosen one is under the cursor."""
    columns, label = fitting(layers, width), name_columns(layers)
    bars = min(MOST_BARS, width - label - sum(column.width for column in columns) - 1)
    heads = "".join(f"{column.head:>{column.width - 1}} " for column in columns)
    lines = [Text(f"{'layer':{label}}{heads} {'activations' if bars >= 11 else 'activity'}", "dim")]
    for number in rows:
        layer = layers[number]
        wrong = complaints(layer)
        line = Text(f"{printable(layer.name)[:label]:{label}}", "reverse bold" if number == chosen else "")
        line = Text.assemble(line)
        for column in columns:
            is_wrong = column.head in wrong
            line.append(f"{column.text(layer):>{column.width - 1}}", palette.warn if is_wrong else "")
            line.append(WRONG if is_wrong else " ", palette.warn)
        line.append(" ")
        line.append(sparks(layer.activations, bars), palette.accent)
        lines.append(line)
    return lines


def heights(histogram: Histogram, columns: int) -> list[float]:
    """Of at most so many bars, 0 to 1, by the square root of what is in them: a peak leaves the rest visible."""
    counts = [max(0, count) for count in histogram.counts]
    size = max(1, math.ceil(len(counts) / max(1, columns)))
    sums = [sum(counts[start : start + size]) for start in range(0, len(counts), size)]
    most = max(sums, default=0)
    return [math.sqrt(count / most) if most else 0.0 for count in sums]


def sparks(histogram: Histogram | None, columns: int) -> str:
    """In one line; what is empty is blank, what is not is seen."""
    if histogram is None:
        return ""
    return "".join(
        BLOCKS[max(0, math.ceil(height * 8) - 1)] if height else " " for height in heights(histogram, columns)
    )


def drawing(title: str, histogram: Histogram, width: int, height: int, palette: Palette) -> list[Text]:
    """Title, bars, and an axis with its bounds and, where it lies between them, 0."""
    tops = heights(histogram, width)
    wide = max(1, min(4, width // max(1, len(tops))))
    lines = [Text(title, "dim")]
    for row in range(height - 2, 0, -1):
        eighths = [max(0, min(8, math.ceil(top * (height - 2) * 8) - (row - 1) * 8)) for top in tops]
        lines.append(Text("".join((" " + BLOCKS)[eighth] * wide for eighth in eighths), palette.accent))
    return [*lines, Text(_axis(histogram, wide * len(tops)), "dim")]


def _axis(histogram: Histogram, width: int) -> str:
    low, high = f"{histogram.low:.3g}", f"{histogram.high:.3g}"
    gap = width - len(low) - len(high)
    if gap < 1:
        return f"{low} {high}"
    axis = low + " " * gap + high
    spread = histogram.high - histogram.low
    place = round(-histogram.low / spread * (width - 1)) if spread > 0 else 0
    if len(low) < place - 1 and place + 1 < width - len(high):
        axis = axis[:place] + "0" + axis[place + 1 :]
    return axis
