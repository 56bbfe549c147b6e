"""Hyperparameters that are one number for all layers, or a list with one for each; `config.py` counts them."""

from __future__ import annotations

from typing import Annotated, Any

from annotated_types import Ge, Gt, Le, Len, Lt
from pydantic import BeforeValidator

MOST_LAYERS = 64
EACH_HIDDEN = "one for each hidden layer, as in 0.2,0.5"
EACH_LINEAR = "one for each hidden layer and the output"
PerLayer = float | tuple[float, ...]


def _split(value: Any) -> Any:
    """`0.5` stays as it is, `0.2,0.5` as people type it -> ["0.2", "0.5"]."""
    if isinstance(value, list | tuple) and any(isinstance(part, bool) for part in value):
        raise ValueError("a switch stands where a number is expected")
    return [part.strip() for part in value.split(",")] if isinstance(value, str) and "," in value else value


_COUNT = Len(1, MOST_LAYERS + 1)
_SPLIT = BeforeValidator(_split)
_Share = Annotated[float, Ge(0), Lt(1)]
_Norm = Annotated[float, Ge(0), Le(1_000_000)]
_Scale = Annotated[float, Gt(0), Le(10)]
_ScaleOrZeros = Annotated[float, Ge(0), Le(10)]
SharePerLayer = Annotated[_Share | Annotated[tuple[_Share, ...], _COUNT], _SPLIT]
NormPerLayer = Annotated[_Norm | Annotated[tuple[_Norm, ...], _COUNT], _SPLIT]
ScalePerLayer = Annotated[_Scale | Annotated[tuple[_ScaleOrZeros, ...], _COUNT], _SPLIT]


def by_layer(value: PerLayer, layers: int) -> tuple[float, ...]:
    """The number of each of so many layers."""
    return value if isinstance(value, tuple) else (value,) * layers
