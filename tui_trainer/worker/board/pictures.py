"""Pictures for TensorBoard, as PNG: a confusion matrix, and small pictures in rows with a caption each."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from typing import NamedTuple, TypeAlias

from PIL import Image, ImageDraw, ImageFont

WHITE, GREY, BLACK = (255, 255, 255), (110, 110, 110), (20, 20, 20)
BLUE, ORANGE = (38, 98, 156), (196, 92, 16)  # hits and misses: told apart in every kind of colour blindness
MOST_WITH_NUMBERS = 30  # classes; more are shown by colour alone
MOST_CLASSES = 1000  # a pixel a cell
SMALL, NORMAL = 10, 13  # pixels of letters
Colour: TypeAlias = tuple[int, int, int]
Font: TypeAlias = ImageFont.FreeTypeFont


class Png(NamedTuple):
    """A picture of (width, height) pixels."""

    size: tuple[int, int]
    data: bytes


def png(picture: Image.Image) -> Png:
    """Its bytes."""
    file = io.BytesIO()
    picture.save(file, "PNG", compress_level=6)
    return Png(picture.size, file.getvalue())


def confusion_matrix(matrix: Sequence[Sequence[int]], names: Sequence[str]) -> Png:
    """Rows are true classes, columns predicted ones; the colour is the share of the row, the number the count."""
    classes = len(names)
    has_numbers = classes <= MOST_WITH_NUMBERS
    wide, high = (46, 34) if has_numbers else (cell := max(1, 900 // classes), cell)
    font, small = _font(NORMAL), _font(SMALL)
    has_names = high >= SMALL
    shown = [short(name, 14) for name in names]
    left = 24 + (max(round(font.getlength(name)) for name in shown) if has_names else 0)
    top = 24 + (_upright_height(shown, wide) if has_names else 0)
    picture = Image.new("RGB", (left + classes * wide + 8, top + classes * high + 8), WHITE)
    draw = ImageDraw.Draw(picture)
    heading = "rows: true, columns: predicted" + ("" if has_numbers else f" ({classes} classes)")
    draw.text((6, 4), heading, GREY, small)
    for row, counts in enumerate(matrix):
        total = sum(counts)
        for column, count in enumerate(counts):
            if not count:
                continue
            corner = left + column * wide, top + row * high
            share = count / total
            colour = heat(share, is_hit=row == column)
            draw.rectangle((*corner, corner[0] + wide - 1, corner[1] + high - 1), colour)
            if has_numbers:
                ink = WHITE if sum(colour) < 420 else BLACK
                middle = corner[0] + wide / 2
                draw.text((middle, corner[1] + 11), f"{count:,}", ink, font, anchor="mm")
                draw.text((middle, corner[1] + 25), f"{share:.1%}", ink, small, anchor="mm")
    if has_names:
        for number, name in enumerate(shown):
            draw.text((left - 6, top + number * high + high / 2), name, BLACK, font, anchor="rm")
            _draw_head(picture, name, (left + number * wide, top), wide, font)
    return png(picture)


def _upright_height(names: Sequence[str], wide: int) -> int:
    """Of the names above the columns: they stand upright where one does not fit its column."""
    longest = max(_font(NORMAL).getlength(name) for name in names)
    return NORMAL + 6 if longest <= wide else round(longest) + 8


def _draw_head(picture: Image.Image, name: str, corner: tuple[int, int], wide: int, font: Font) -> None:
    length = round(font.getlength(name))
    if corner[1] == 24 + NORMAL + 6:
        ImageDraw.Draw(picture).text((corner[0] + wide / 2, corner[1] - 4), name, BLACK, font, anchor="mb")
        return
    lying = Image.new("RGB", (length + 2, NORMAL + 5), WHITE)
    ImageDraw.Draw(lying).text((0, 0), name, BLACK, font)
    standing = lying.rotate(90, expand=True)
    picture.paste(standing, (corner[0] + (wide - standing.width) // 2, corner[1] - 4 - standing.height))


def heat(share: float, *, is_hit: bool) -> Colour:
    """From white to blue for hits and to orange for misses; a rare mistake still shows."""
    strength = 0.15 + 0.85 * share if is_hit else min(1.0, 0.12 + 2.5 * share)
    red, green, blue = (round(255 + (full - 255) * strength) for full in (BLUE if is_hit else ORANGE))
    return red, green, blue


def grid(pictures: Sequence[Image.Image], captions: Sequence[tuple[str, ...]], heading: str) -> Png:
    """Each enlarged to about 84 pixels, or reduced to 128, with its caption below: a line in black, one in orange."""
    font, small = _font(NORMAL), _font(SMALL)
    longest = max(pictures[0].size)
    factor = max(1, round(84 / longest)) if longest <= 128 else 128 / longest
    width, height = (max(1, round(side * factor)) for side in pictures[0].size)
    filtered = Image.Resampling.NEAREST if factor >= 1 else Image.Resampling.BOX
    lines = max(map(len, captions))
    wide, high = max(width, 84) + 12, height + lines * (NORMAL + 2) + 12
    columns = math.ceil(math.sqrt(len(pictures)))
    rows = math.ceil(len(pictures) / columns)
    least = round(small.getlength(heading)) + 12
    whole = Image.new("RGB", (max(columns * wide + 6, least), rows * high + 24), WHITE)
    draw = ImageDraw.Draw(whole)
    draw.text((6, 5), heading, GREY, small)
    for number, (one, caption) in enumerate(zip(pictures, captions, strict=True)):
        left, top = 6 + number % columns * wide, 24 + number // columns * high
        whole.paste(one.convert("RGB").resize((width, height), filtered), (left, top))
        for line, (words, ink) in enumerate(zip(caption, (BLACK, ORANGE), strict=False)):
            place = left, top + height + 2 + line * (NORMAL + 2)
            draw.text(place, fitting(words, wide - 8, font), ink, font)
    return png(whole)


def fitting(words: str, pixels: int, font: Font) -> str:
    """Cut to what fits."""
    while len(words) > 1 and font.getlength(words) > pixels:
        words = words[:-2] + "…"
    return words


def short(name: str, most: int) -> str:
    """A class's name, printable and of so many characters at most: names often differ at their ends."""
    clean = "".join(mark if mark.isprintable() else "?" for mark in name)
    half = (most - 1) // 2
    return clean if len(clean) <= most else f"{clean[: most - 1 - half]}…{clean[-half:]}"


def _font(size: int) -> Font:
    """Pillow's own, so that every machine draws the same."""
    font = ImageFont.load_default(size)
    assert isinstance(font, ImageFont.FreeTypeFont)  # noqa: S101  # Pillow's wheels have FreeType
    return font
