"""Weights as pictures: two pixels a cell in half blocks, orange above 0 and blue below; without colour in signs."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import groupby

from rich.color import Color
from rich.style import Style
from rich.text import Text

from tui_trainer.inside_events import WeightPicture
from tui_trainer.ui.palette import RGB, Palette

LEVELS = 4  # shades on each side of 0: few, so that most cells stay as they are from epoch to epoch
SIGNS = {-2: "=", -1: "-", 0: " ", 1: "+", 2: "#"}
SIGNS_MEAN, COLOURS_MEAN = "+ # above 0, - = below", "orange > 0 > blue"
GAP = 2  # columns between two pictures
SEVERAL, LARGE = 4, 14  # fewer on a page, and larger (pixels), they are shown smaller where several are wanted
LEAST = 10  # pixels; smaller ones of larger pictures tell nothing


@dataclass(frozen=True)
class Pixels:
    """A picture's shades, -LEVELS to LEVELS, row by row."""

    unit: int
    width: int
    height: int
    levels: tuple[int, ...]

    @classmethod
    def of(cls, picture: WeightPicture, smaller: int) -> Pixels | None:
        """With each side so many times smaller, by means; None of a damaged picture."""
        try:
            raw = base64.b64decode(picture.pixels)
        except ValueError:
            return None
        across, down = picture.width, picture.height
        if not across or not down or len(raw) != across * down:
            return None
        width, height = -(-across // smaller), -(-down // smaller)
        levels = []
        for top in range(0, down, smaller):
            rows = [raw[y * across : (y + 1) * across] for y in range(top, min(down, top + smaller))]
            for left in range(0, across, smaller):
                values = b"".join(row[left : left + smaller] for row in rows)
                levels.append(_level(sum(values) / len(values)))
        return cls(picture.unit, width, height, tuple(levels))

    def level(self, x: int, y: int) -> int:
        """Below the last row nothing is drawn."""
        return self.levels[y * self.width + x] if y < self.height else 0


def _level(value: float) -> int:
    return max(-LEVELS, min(LEVELS, round((value - 128) / 127 * LEVELS)))


@dataclass(frozen=True)
class Page:
    """How many pictures stand side by side and below each other, each side so many times smaller."""

    across: int
    down: int
    smaller: int

    @classmethod
    def fitting(cls, picture: WeightPicture, width: int, height: int, *, wants_several: bool) -> Page | None:
        """The page with the largest pictures that fit, or that several of fit; None where none is worth it."""
        largest = max(picture.width, picture.height)
        for smaller in range(1, largest + 1):
            if wants_several and smaller > 1 and largest < LEAST * smaller:
                return None
            columns, pixels = -(-picture.width // smaller), -(-picture.height // smaller)
            across, down = (width + GAP) // (columns + GAP), (height - 1) // (-(-pixels // 2) + 1)
            is_large = largest > LARGE * smaller
            if across and down and not (wants_several and is_large and across * down < SEVERAL):
                return cls(across, down, smaller)
        return None


def lines(pictures: Sequence[WeightPicture], page: Page, palette: Palette, *, is_plain: bool) -> list[Text]:
    """The pictures of a page, row by row."""
    pixels = [one for one in (Pixels.of(picture, page.smaller) for picture in pictures) if one]
    rows = [pixels[start : start + page.across] for start in range(0, len(pixels), page.across)]
    return [line for row in rows for line in _side_by_side(row, palette, is_plain=is_plain)]


def _side_by_side(pictures: Sequence[Pixels], palette: Palette, *, is_plain: bool) -> list[Text]:
    """One row of pictures with the numbers of their units below."""
    rows = max(-(-one.height // 2) for one in pictures)
    drawn = [Text() for _ in range(rows + 1)]
    for number, one in enumerate(pictures):
        for y, line in enumerate(drawn[:-1]):
            line.append(" " * GAP if number else "")
            cells = [(one.level(x, 2 * y), one.level(x, 2 * y + 1)) for x in range(one.width)]
            for pair, run in groupby(cells):
                sign, style = _signed(palette, pair) if is_plain else ("▀", _shaded(palette, pair))
                line.append(sign * len(list(run)), style)
        caption = f"{one.unit}"[: one.width].center(one.width)
        drawn[-1].append(" " * GAP * bool(number) + caption, "dim")
    return drawn


@lru_cache(1024)
def _shaded(palette: Palette, pair: tuple[int, int]) -> Style:
    upper, lower = (Color.from_rgb(*_colour(palette, level)) for level in pair)
    return Style(color=upper, bgcolor=lower)


def _colour(palette: Palette, level: int) -> RGB:
    full, ground = palette.val if level > 0 else palette.train, palette.ground or (0, 0, 0)
    red, green, blue = (round(a + (b - a) * abs(level) / LEVELS) for a, b in zip(ground, full, strict=True))
    return red, green, blue


@lru_cache(1024)
def _signed(palette: Palette, pair: tuple[int, int]) -> tuple[str, Style]:
    """The mean of both as a sign: it is read without colour and in ASCII."""
    mean = sum(pair) / 2 / LEVELS
    strength = (abs(mean) >= 0.2) + (abs(mean) >= 0.55)
    sign = SIGNS[strength if mean > 0 else -strength]
    if palette.ground is None or not strength:
        return sign, Style(bold=strength == 2)
    return sign, Style(color=Color.from_rgb(*(palette.val if mean > 0 else palette.train)), bold=strength == 2)
