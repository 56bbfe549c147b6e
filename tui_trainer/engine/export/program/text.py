"""Python as text: literals, and the lines of a block."""

from __future__ import annotations

import math
import textwrap
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from torch import Tensor


def literal(value: Any) -> str:
    """As Python reads it back. Text of the data is quoted here and nowhere else."""
    if isinstance(value, float) and not math.isfinite(value):
        return f'float("{value}")'
    if isinstance(value, str):
        return quoted(value)
    if isinstance(value, Mapping):
        return "{" + ", ".join(f"{literal(key)}: {literal(each)}" for key, each in value.items()) + "}"
    if isinstance(value, Sequence):
        inner = ", ".join(map(literal, value))
        return f"({inner},)" if len(value) == 1 else f"({inner})"
    return repr(value)


def quoted(text: str) -> str:
    """In double quotes and ASCII, as formatters write it."""
    inner = ascii(text)[1:-1]
    if ascii(text)[0] == "'":
        inner = inner.replace("\\'", "'").replace('"', '\\"')
    return f'"{inner}"'


def number(tensor: Tensor) -> str:
    """The one float32 of a tensor, every bit of it; a whole number without its dot."""
    value = float(tensor.reshape(-1)[0])
    return str(int(value)) if value.is_integer() and abs(value) < 1e9 else literal(value)


def indented(lines: Iterable[str], by: int = 1) -> list[str]:
    """The lines, some levels deeper."""
    return [f"{'    ' * by}{line}" if line else "" for line in lines]


def lines_of(text: str) -> list[str]:
    """The lines of a template, without the indentation that it has in our own source."""
    return textwrap.dedent(text).strip("\n").split("\n")


def safe(text: str) -> str:
    """For a comment or a docstring: no mark in it that could end either."""
    return "".join(mark if mark.isascii() and (mark.isalnum() or mark in " .,_-") else "?" for mark in text)[:100]
