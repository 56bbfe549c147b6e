"""Pictures side by side in the cells of a terminal: how many fit, and how each is drawn with letters."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from rich.color import Color
from rich.style import Style
from rich.text import Text

if TYPE_CHECKING:
    from tui_trainer.engine.preview import Picture

NATURAL = 20  # cells that a small picture is enlarged to, at most
FEWEST, MOST = 4, 12  # pictures side by side, where nobody says how many
LEAST_CELLS = 4
SHADES, ASCII_SHADES = " ░▒▓█", " .:-=+*#%@"


@dataclass(frozen=True)
class Grid:
    """So many pictures side by side, each of `cells` x `lines`; a cell has two pixels, one above the other."""

    across: int
    cells: int
    lines: int


def grid(columns: int, width: int, height: int, across: int | None = None) -> Grid:
    """For pictures of width x height pixels in so many columns: none smaller than it has to be."""
    cells = width * max(1, NATURAL // width)
    if across is None:
        across = min(MOST, (columns + 1) // (cells + 1))
        if across < FEWEST:
            across = max(1, min(FEWEST, (columns + 1) // (LEAST_CELLS + 1)))
    cells = max(1, min(cells, (columns + 1) // across - 1))
    return Grid(across, cells, max(1, (round(height * cells / width) + 1) // 2))


def scaled(picture: Picture, cells: int, lines: int) -> Any:
    """A PIL picture of cells x 2 lines pixels: areas are averaged, nothing is smoothed where it grows."""
    from PIL import Image

    whole = Image.frombytes("RGB", (picture.width, picture.height), picture.levels)
    way = Image.Resampling.BOX if cells < picture.width else Image.Resampling.NEAREST
    return whole.resize((cells, 2 * lines), way)


def in_blocks(picture: Picture, cells: int, lines: int) -> list[Text]:
    """Upper halves of cells, in the colour of the upper pixel on that of the lower one."""
    pixels = scaled(picture, cells, lines).load()
    drawn = []
    for line in range(lines):
        text = Text(no_wrap=True)
        for column in range(cells):
            above, below = (Color.from_rgb(*pixels[column, 2 * line + half]) for half in (0, 1))
            text.append("▀", Style(color=above, bgcolor=below))
        drawn.append(text)
    return drawn


def in_shades(picture: Picture, cells: int, lines: int, *, is_ascii: bool) -> list[Text]:
    """Without colours: the denser the sign, the brighter the cell."""
    signs = ASCII_SHADES if is_ascii else SHADES
    grey = scaled(picture, cells, lines).convert("L").load()
    drawn = []
    for line in range(lines):
        levels = [(grey[column, 2 * line] + grey[column, 2 * line + 1]) / 510 for column in range(cells)]
        drawn.append(Text("".join(signs[min(len(signs) - 1, int(level * len(signs)))] for level in levels)))
    return drawn
