"""Which formulas of `[data.derived]` are of one row's values, judged by their parts and not by what they give."""

from __future__ import annotations

import json
import re
import warnings
from typing import Any

import polars as pl

QUERY = re.compile(r"\bselect\b", re.IGNORECASE)

FUNCTIONS = {
    "Abs", "Atan2", "Ceil", "Coalesce", "Exp", "FillNull", "Floor", "Log", "Log1p", "MaxHorizontal", "MinHorizontal",
    "Negate", "Round", "Sign", "Truncate",
}  # fmt: skip
FAMILIES = {"ArrayExpr", "Bitwise", "ListExpr", "Pow", "Sql", "StringExpr", "StructExpr", "TemporalExpr",
    "Trigonometry"}  # fmt: skip
"""Functions of a string, a date, a list, ...: each of one row, but for those below."""
BOOLEANS = {"IsFinite", "IsIn", "IsInfinite", "IsNan", "IsNotNan", "IsNotNull", "IsNull", "Not"}
OF_COLUMNS = {"ConcatVertical", "And", "Or", "Xor"}  # the last three reduce a column where they are `Bitwise`


def is_of_one_row(formula: pl.Expr) -> bool:
    """Whether all parts of a formula are among those that are known to look at one row: no aggregate, window, order."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # of polars: the form changes between its versions, and then all is refused
        tree = json.loads(formula.meta.serialize(format="json"))
    return _is_known(tree)


def _is_known(node: Any) -> bool:
    if not isinstance(node, dict) or len(node) != 1:
        return False
    (name, content), = node.items()  # fmt: skip
    match name:
        case "Column" | "Literal":
            return True
        case "Alias":
            return _is_known(content[0])
        case "Cast":
            return _is_known(content["expr"])
        case "BinaryExpr":
            return _is_known(content["left"]) and _is_known(content["right"])
        case "Ternary":
            return all(_is_known(content[part]) for part in ("predicate", "truthy", "falsy"))
        case "Function":
            return _is_known_function(content["function"]) and all(map(_is_known, content["input"]))
    return False


def _is_known_function(function: Any) -> bool:
    if isinstance(function, str):
        return function in FUNCTIONS
    (family, which), = function.items()  # fmt: skip
    inner = which if isinstance(which, str) else next(iter(which), "") if isinstance(which, dict) else ""
    if family == "Boolean":
        return inner in BOOLEANS
    return family in FUNCTIONS or (family in FAMILIES and inner not in OF_COLUMNS)
