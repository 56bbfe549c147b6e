"""Sizes of memory as people type and read them: decimal units, as on the label of a disk."""

from __future__ import annotations

from decimal import Decimal

UNITS = {"kB": 10**3, "MB": 10**6, "GB": 10**9, "TB": 10**12}
UNITS_IN_CAPITALS = {unit.upper(): size for unit, size in UNITS.items()}


def bytes_of(text: str) -> int:
    """`1.5GB` or `500 mb` in bytes, rounded down."""
    return int(Decimal(text[:-2]) * UNITS_IN_CAPITALS[text[-2:].upper()])


def size_text(size: int) -> str:
    """Bytes in the unit that fits, with three digits: `47.1 MB`; `bytes_of` reads it."""
    unit = next((unit for unit, factor in UNITS.items() if size < 999.5 * factor), "TB")
    value = size / UNITS[unit]
    digits = 0 if value >= 99.95 else 1 if value >= 9.995 else 2
    return f"{value:.{digits}f} {unit}"
