"""`tui-trainer preview`: pictures as training sees them, in pixels where the terminal has them, else in half blocks."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterable
from contextlib import suppress
from typing import TYPE_CHECKING, Any

from rich.console import Console
from rich.text import Text

from tui_trainer.errors import InputError, printable
from tui_trainer.headless.picture_grid import LEAST_CELLS, Grid, grid, in_blocks, in_shades
from tui_trainer.headless.tables import console
from tui_trainer.preview_plan import PreviewPlan
from tui_trainer.signals import Ended, raised, told_of

if TYPE_CHECKING:
    from tui_trainer.engine.preview import PictureRow, Preview

LONGEST_NAME = 12
COLUMNS_OF_A_PIPE = 120
CELLS_OF_PIXELS = 12  # across a picture that a terminal draws in pixels of its own
GAP = 2  # such pixels between two pictures


def show_preview(read: Callable[[], Preview], plan: PreviewPlan) -> int:
    """Read the pictures and print the grid; returns the exit code, also of a signal.

    Raises InputError where fewer pictures fit than were asked for.
    """
    try:
        with raised():
            _show(read(), plan)
    except (Ended, KeyboardInterrupt) as end:
        name, code = told_of(end)
        print(f"tui-trainer: ended by {name}", file=sys.stderr)
        return code
    return 0


def _show(preview: Preview, plan: PreviewPlan) -> None:
    rows, across = plan.rows, plan.across
    columns = shutil.get_terminal_size((COLUMNS_OF_A_PIPE, 24)).columns
    shape, out = preview.shape, console()
    names = [_short(name) for name in preview.names[:rows]]
    room = columns - max(map(len, names)) - 1
    fitted = grid(room, shape.width, shape.height, across)
    if across is not None and fitted.cells < min(LEAST_CELLS, shape.width):
        most = (room + 1) // (min(LEAST_CELLS, shape.width) + 1)
        raise InputError(f"--across {across}: {columns} columns have room for {most} pictures; ask for fewer")
    for sentence in _sentences(preview, plan.deformations):
        out.print(Text(printable(sentence)))
    has_colours = out.color_system is not None and not out.no_color
    pixels = _pixels() if plan.way == "auto" and has_colours else None
    if pixels is not None:
        fitted = grid(columns, CELLS_OF_PIXELS, CELLS_OF_PIXELS, across)
        _print_pixels(out, pixels, preview.rows(rows, fitted.across), fitted)
    else:
        drawn = "ascii" if plan.way == "ascii" else "blocks" if has_colours else "shades"
        _print_signs(out, preview.rows(rows, fitted.across), fitted, drawn)
    if len(preview.names) > rows:
        out.print(Text(f"and {len(preview.names) - rows:,} more (--rows)"))


def _sentences(preview: Preview, deformations: str) -> Iterable[str]:
    shape, count = preview.shape, len(preview.data.train)
    colours = "colour" if shape.channels == 3 else "grey"
    yield f"{preview.data.name}: {count:,} training pictures, {shape.width} x {shape.height} pixels, {colours}"
    if preview.is_deformed:
        yield f"Each row: a picture as it is, then as training sees it ({deformations})"
    else:
        yield "Training sees them as they are (--rotation, --elastic-alpha and others would deform them)"


def _print_signs(out: Console, rows: Iterable[PictureRow], fitted: Grid, drawn: str) -> None:
    rows = list(rows)
    margin = max((len(_short(row.name)) for row in rows), default=0) + 1
    for row in rows:
        pictures = [
            in_blocks(picture, fitted.cells, fitted.lines)
            if drawn == "blocks"
            else in_shades(picture, fitted.cells, fitted.lines, is_ascii=drawn == "ascii")
            for picture in row.pictures
        ]
        for line in range(fitted.lines):
            name = _short(row.name) if line == 0 else ""
            whole = Text.assemble(f"{name:<{margin}}", Text(" ").join(picture[line] for picture in pictures))
            out.print(whole, soft_wrap=True)
        out.print()


def _print_pixels(out: Console, pixels: Any, rows: Iterable[PictureRow], fitted: Grid) -> None:
    """A strip for each row, which the terminal scales."""
    from PIL import Image

    for row in rows:
        width, height = row.pictures[0].width, row.pictures[0].height
        factor = max(1, 96 // width)  # pixels keep their edges
        step = factor * (width + GAP)
        strip = Image.new("RGBA", (step * len(row.pictures), factor * height))
        for number, picture in enumerate(row.pictures):
            whole = Image.frombytes("RGB", (width, height), picture.levels)
            strip.paste(whole.resize((factor * width, factor * height), Image.Resampling.NEAREST), (number * step, 0))
        out.print(Text(_short(row.name)))
        out.print(pixels(strip, width=(fitted.cells + 1) * len(row.pictures)))


def _pixels() -> Any:
    """What draws pictures by Sixel or Kitty's protocol; None where library (extra `pictures`) or terminal cannot.

    The library asks the terminal as it is imported, and waits a tenth of a second for each answer.
    """
    if not all(stream.isatty() for stream in (sys.stdin, sys.stdout)) or os.environ.get("TERM", "") in ("", "dumb"):
        return None
    with suppress(Exception):  # not installed, or whatever a terminal's odd answer makes of it
        from textual_image import renderable

        if renderable.Image in (renderable.SixelImage, renderable.TGPImage):
            return renderable.Image
    return None


def _short(name: str) -> str:
    clean = printable(name)
    return clean if len(clean) <= LONGEST_NAME else clean[: LONGEST_NAME - 1] + "…"
