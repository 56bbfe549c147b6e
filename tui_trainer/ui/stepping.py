"""What the step keys do to a value: the next choice, the next round number, the next power of two."""

from __future__ import annotations

import math
from typing import Any

from tui_trainer.errors import InputError
from tui_trainer.knobs import Knob, read_value

SERIES = (1.0, 2.0, 5.0)
NEAR_ONE = ("beta1", "beta2", "rho", "epoch_factor", "ema")  # what counts is their distance from 1


def stepped(knob: Knob, value: Any, direction: int) -> Any:
    """The value one step up (1) or down (-1); the same where the range ends."""
    if knob.is_switch:
        return not value
    if knob.choices:
        if value not in knob.choices:  # a path that was typed is not stepped away
            return value
        return knob.choices[(knob.choices.index(value) + direction) % len(knob.choices)]
    for candidate in _candidates(knob, value, direction):
        try:
            return read_value(knob.name, candidate)
        except InputError:
            continue
    return value


def _candidates(knob: Knob, value: Any, direction: int) -> list[Any]:
    match value:
        case "full":
            return [] if direction > 0 else [4096]
        case tuple() if all(isinstance(number, float) for number in value):  # a list by layer; what is off stays off
            return [tuple(stepped(knob, number, direction) if number else number for number in value)]
        case tuple() if all(isinstance(size, int) for size in value):
            return [tuple(max(1, size * 2 if direction > 0 else size // 2) for size in value)]
        case int() if knob.name == "batch_size":
            return [
                2 ** (math.floor(math.log2(value)) + 1) if direction > 0 else 2 ** (math.ceil(math.log2(value)) - 1)
            ]
        case int():
            size = max(1, 10 ** (len(str(abs(value))) - 1) // 2)
            return [value + direction * size, value + direction, knob.low if direction < 0 else value]
        case float() if knob.name in NEAR_ONE and value > 0:
            return [round(1 - _in_series(1 - value, -direction), 12)]
        case float() if knob.low == 0 and knob.high is not None and knob.high <= 1 and knob.name != "eps":
            return [
                round(value + direction * 0.05, 10),
                round(value + direction * 0.01, 10),
                0.0 if direction < 0 else value,
            ]
        case float():
            return [_along_series(knob, value, direction)]
    return []


def _along_series(knob: Knob, value: float, direction: int) -> float:
    """1, 2, 5, 10 ... ; below the smallest step comes 0, where that is allowed."""
    smallest = 1e-4 if knob.high is not None and knob.high <= 10 else 0.1
    if value == 0:
        return smallest if direction > 0 else 0.0
    below = _in_series(value, direction)
    is_zero_next = direction < 0 and below < smallest * 0.999 and knob.default == 0
    return 0.0 if is_zero_next else below


def _in_series(value: float, direction: int) -> float:
    """The next member of 1, 2, 5, 10, 20 ... above (1) or below (-1) a positive value."""
    power = math.floor(math.log10(value))
    members = [factor * 10.0**n for n in range(power - 1, power + 2) for factor in SERIES]
    if direction > 0:
        found = next(member for member in members if member > value * (1 + 1e-9))
    else:
        found = next(member for member in reversed(members) if member < value * (1 - 1e-9))
    return float(f"{found:.6g}")
