"""Pictures out of characters: sparklines, bars, and plots by plotext."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

from rich.text import Text

from tui_trainer.ui.palette import RGB

BLOCKS = "▁▂▃▄▅▆▇█"


def sparkline(values: Sequence[float], width: int) -> str:
    """At most `width` blocks; each is the mean of its share of the values, scaled between the extremes shown."""
    finite = [value for value in values if math.isfinite(value)]
    if not finite or width <= 0:
        return ""
    size = max(1.0, len(finite) / width)
    buckets = [
        _mean(finite[int(n * size) : max(int(n * size) + 1, int((n + 1) * size))])
        for n in range(min(width, len(finite)))
    ]
    low, high = min(buckets), max(buckets)
    spread = high - low
    if spread <= 0:
        return BLOCKS[0] * len(buckets)
    return "".join(BLOCKS[round((value - low) / spread * (len(BLOCKS) - 1))] for value in buckets)


def bar(share: float, width: int, style: str) -> Text:
    """`━━━━╸────`: so much of the width is done."""
    share = min(1.0, max(0.0, share))
    halves = round(share * width * 2)
    whole, half = divmod(halves, 2)
    done = "━" * whole + ("╸" if half else "")
    return Text.assemble((done, style), ("─" * (width - len(done)), "dim"))


def smoothed(values: Sequence[float], weight: float) -> list[float]:
    """Exponential moving average with the start's bias taken out (Kingma and Ba 2015, section 3); 0 is none."""
    if weight <= 0:
        return list(values)
    out, average, share = [], 0.0, 1.0
    for value in values:
        average = weight * average + (1 - weight) * value
        share *= weight
        out.append(average / (1 - share))
    return out


def thinned(points: Sequence[tuple[float, float]], most: int) -> list[tuple[float, float]]:
    """At most so many points: the lowest and the highest of each stretch, so that no spike is lost."""
    if len(points) <= most:
        return list(points)
    stretch = math.ceil(len(points) / max(1, most // 2))
    out: list[tuple[float, float]] = []
    for start in range(0, len(points), stretch):
        part = points[start : start + stretch]
        ends = {min(part, key=lambda point: point[1]), max(part, key=lambda point: point[1])}
        out += sorted(ends)
    return out if out[-1] == points[-1] else [*out, points[-1]]


@dataclass(frozen=True)
class Curve:
    """One line of a plot."""

    points: Sequence[tuple[float, float]]
    colour: RGB
    marker: str  # where there is neither colour nor braille
    on_right: bool = False
    is_scatter: bool = False


@dataclass(frozen=True)
class Picture:
    """What a plot shows; equal pictures need not be drawn again."""

    curves: tuple[Curve, ...]
    marks: tuple[tuple[float, RGB], ...] = ()  # vertical lines
    is_log: bool = False
    is_plain: bool = False  # no colour or no braille: each curve has its own marker
    is_ascii: bool = False
    x_range: tuple[float, float] | None = None
    x_ticks: tuple[float, ...] = field(default=())


def drawn(picture: Picture, width: int, height: int) -> list[Text]:
    """The picture in so many columns and rows, with axes."""
    from textual_plotext.plot import Plot  # 30 ms that the first paint need not wait for

    plot = Plot()
    plot._limit_size(False, False)  # type: ignore[attr-defined]  # else it asks the terminal; plotext stays below 6
    plot.plotsize(width, height)
    plot.theme("clear")
    values = [y for curve in picture.curves if not curve.on_right for _, y in curve.points]
    is_log = picture.is_log and bool(values) and min(values) > 0
    for curve in picture.curves:
        if not curve.points:
            continue
        xs, ys = zip(*(curve.points if curve.is_scatter else thinned(curve.points, 2 * width)), strict=True)
        plain = curve.marker if picture.is_ascii or len(picture.curves) > 1 else "braille"
        marker = plain if picture.is_plain else "•" if curve.is_scatter else "braille"
        side = "right" if curve.on_right else "left"
        draw = plot.scatter if curve.is_scatter else plot.plot
        draw(list(xs), list(ys), marker=marker, color=curve.colour, yside=side)
        if curve.on_right:
            _y_ticks(plot, ys, height, is_log=False, side="right")
    for at, colour in picture.marks:
        plot.vline(at, colour)
    if is_log:
        plot.yscale("log")
    if picture.x_range:
        plot.xlim(*picture.x_range)
    if picture.x_ticks:
        plot.xticks(list(picture.x_ticks), [f"{tick:g}" for tick in picture.x_ticks])
    if values:
        low, high = min(values), max(values)
        if not is_log and 0 <= low < high / 2:  # from 0 to a round number: the scale seldom jumps
            low, high = 0.0, round_up(high)
            plot.ylim(low, high)
        _y_ticks(plot, (low, high), height, is_log=is_log, side="left")
    text = Text.from_ansi(plot.build())
    return list(text.split("\n", allow_blank=False))[:height]


def _y_ticks(plot: object, values: Sequence[float], height: int, *, is_log: bool, side: str) -> None:
    low, high = min(values), max(values)
    ticks = log_ticks(low, high) if is_log else nice_ticks(low, high, max(2, height // 4))
    ticks = ticks or [low, high]
    plot.yticks(ticks, tick_words(ticks), yside=side)  # type: ignore[attr-defined]


def tick_words(ticks: Sequence[float]) -> list[str]:
    """In as many digits as tell them apart, three at least."""
    for digits in range(3, 17):
        words = [f"{tick:.{digits}g}" for tick in ticks]
        if len(set(words)) == len(set(ticks)):
            break
    return words


def nice_ticks(low: float, high: float, most: int) -> list[float]:
    """Round numbers (1, 2 or 5 times a power of ten apart) between two values; at most so many, at least one."""
    rough = (high - low) / max(1, most)
    if not rough > 1e-300:
        return [low]
    power = 10.0 ** math.floor(math.log10(rough))
    step = next(factor * power for factor in (1, 2, 5, 10) if factor * power >= rough * 0.999)
    first = math.ceil(low / step - 1e-9)
    ticks = [float(f"{n * step:.12g}") for n in range(first, math.floor(high / step + 1e-9) + 1)]
    return ticks or [low]


def round_up(value: float) -> float:
    """To the next of 1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8 times a power of ten: a fifth of room at most."""
    if value <= 0:
        return 0.0
    power = 10.0 ** math.floor(math.log10(value))
    steps = (1, 1.25, 1.6, 2, 2.5, 3.2, 4, 5, 6.4, 8, 10)
    return next(step * power for step in steps if step * power >= value * 0.999999)


def log_ticks(low: float, high: float) -> list[float]:
    """Powers of ten between two positive values; with their doubles and fives where those are few."""
    first, last = math.floor(math.log10(low)), math.ceil(math.log10(high))
    for factors in ((1,), (1, 3), (1, 2, 5)):
        ticks = [factor * 10.0**n for n in range(first, last + 1) for factor in factors]
        inside = [tick for tick in ticks if low * 0.999 <= tick <= high * 1.001]
        if len(inside) >= 3:
            return inside
    return nice_ticks(low, high, 4)


def nearest_point(points: Sequence[tuple[float, float]], at: float) -> tuple[float, float] | None:
    """The point whose position is nearest."""
    return min(points, key=lambda point: abs(point[0] - at), default=None)


def moved(points: Sequence[tuple[float, float]], at: float | None, by: int) -> float | None:
    """The position of the point so many further on; from the newest where there was none."""
    if not points:
        return None
    if at is None:
        return points[max(0, len(points) - 1 + min(by, 0))][0]
    index = min(range(len(points)), key=lambda n: abs(points[n][0] - at))
    return points[min(len(points) - 1, max(0, index + by))][0]


def _mean(values: Sequence[float]) -> float:
    return sum(values) / len(values)
