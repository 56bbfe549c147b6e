"""Formulas of `[data.derived]`: of one row's values, as their parts say, and of the types that training gave them."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Mapping
from typing import Any

import polars as pl

from tui_trainer.engine.data.table.casting import as_dates, as_numbers
from tui_trainer.engine.data.table.places import Where, shown
from tui_trainer.errors import InputError

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


def types_of_roots(table: pl.DataFrame, formulas: Mapping[str, str]) -> dict[str, str]:
    """{column that a formula reads: its type in a word}, so that new rows give formulas what training gave them."""
    roots = {root for formula in formulas.values() for root in pl.sql_expr(formula).meta.root_names()}
    return {name: str(table.schema[name].base_type()) for name in table.columns if name in roots - set(formulas)}


def as_trained(table: pl.DataFrame, types: Mapping[str, str], where: Where) -> pl.DataFrame:
    """The table with those columns of these types. Raises InputError naming the first row that cannot be cast."""
    changed = []
    for series in table.iter_columns():
        wanted = types.get(series.name)
        if wanted and wanted != str(series.dtype.base_type()):
            changed.append(_cast(series, wanted, where))
    return table.with_columns(changed) if changed else table


def _cast(series: pl.Series, wanted: str, where: Where) -> pl.Series:
    if wanted in ("Date", "Datetime"):
        dates = as_dates(series, where)
        return dates.cast(pl.Date) if wanted == "Date" else dates
    if wanted not in ("Int64", "Int32", "Int16", "Int8", "Float64", "Float32", "Boolean", "String"):
        return series
    dtype = getattr(pl, wanted)
    if wanted == "Boolean":
        numbers = as_numbers(series, where)
        odd, result = ~numbers.is_in([0.0, 1.0]), numbers.cast(dtype)
    elif dtype.is_integer() and (series.dtype.is_float() or series.dtype == pl.String):
        whole = series.cast(dtype, strict=False) if series.dtype == pl.String else None
        numbers = as_numbers(series, where)
        result = whole if whole is not None and whole.null_count() == series.null_count() else numbers.cast(dtype)
        odd = numbers.floor() != numbers
    elif dtype.is_float():
        return as_numbers(series, where).cast(dtype)
    else:
        return series.cast(dtype)
    if odd.fill_null(value=False).any():
        row = int(odd.fill_null(value=False).arg_max() or 0)
        raise InputError(
            f"{where(row)}, column {shown(series.name)}: {shown(series[row])} where the training rows have "
            f"{'true and false' if wanted == 'Boolean' else 'whole numbers'} alone, and a formula of [data.derived] "
            "reads them; correct it"
        )
    return result


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
