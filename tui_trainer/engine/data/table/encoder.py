"""A table's columns as one float32 tensor for each part, every column by what its training rows showed.

Each column is taken out of the table, fitted on the training rows, and written into the tensors (`filling.py`) once
all are fitted and it is known how wide these are.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING

import numpy as np

from tui_trainer import devices
from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.opened import Encoded, Parts
from tui_trainer.engine.data.table.category_codes import fit_category
from tui_trainer.engine.data.table.codes import Code, sentences
from tui_trainer.engine.data.table.encoding import TableEncoding
from tui_trainer.engine.data.table.filling import Column, fill
from tui_trainer.engine.data.table.number_codes import fit_date, fit_number
from tui_trainer.engine.data.table.scale import Measure
from tui_trainer.engine.data.table.sentences import fit_sentences
from tui_trainer.engine.data.table.words import fit_words
from tui_trainer.errors import InputError

if TYPE_CHECKING:
    import polars as pl

MOST_THREADS = 4  # each holds a column of float64
LEFT_OUT: dict[str, str] = {
    "identifier": "names its rows and says nothing about others",
    "constant": "the same in every training row",
    "ignore": "as asked",
}


def fit(
    table: pl.DataFrame,
    kinds: Mapping[str, ColumnKind],
    parts: Parts,
    config: RunConfig,
    types: Mapping[str, str] | None = None,
) -> Encoded:
    """Fit the feature columns on the training rows, and encode all parts. Empties the table.

    `table` has the columns of `kinds` as `as_kinds` gives them. `types` are those of the columns that
    formulas read.
    Raises InputError where no column is left, or a sentence model does not serve.
    """
    import polars as pl

    is_training = np.zeros(table.height, bool)
    is_training[parts["train"]] = True
    train = pl.Series(is_training)
    left_out = {name: LEFT_OUT[kinds[name]] for name in table.columns if kinds[name] in LEFT_OUT}
    for name in left_out:
        table.drop_in_place(name)
    columns: list[Column] = []
    for name, column in _columns(table, kinds, train, config):
        if column is None:
            left_out[name] = _why_nothing(kinds[name])
        else:
            columns.append(column)
    if not columns:
        raise InputError(
            "no column is left to learn from"
            + "".join(f"; {name} is left out: {why}" for name, why in list(left_out.items())[:8])
            + next((f" (--columns {name}=number keeps it)" for name in left_out if kinds[name] == "identifier"), "")
        )
    columns.sort(key=lambda column: column.code.embedded is not None)  # they stand last, as the net expects
    codes = tuple(column.code for column in columns)
    encoding = TableEncoding(config, kinds, codes, types)
    inputs, notes = fill(columns, parts)
    shift, spread = encoding.scaling
    return Encoded(
        inputs=inputs,
        shift=shift,
        spread=spread,
        encoding=encoding,
        embedded=tuple(code.embedded for code in codes if code.embedded),
        columns=encoding.places,
        notes=tuple(sentences([*((f"left out ({why})", name) for name, why in left_out.items()), *notes])),
    )


def _columns(
    table: pl.DataFrame,
    kinds: Mapping[str, ColumnKind],
    train: pl.Series,
    config: RunConfig,
) -> Iterator[tuple[str, Column | None]]:
    """The fitted columns in their order, taken out of the table; on several cores, but for quantiles.

    Their noise is drawn column after column.
    """
    measure = Measure(config)
    threads = 1 if config.data.normalize == "quantile" else min(MOST_THREADS, devices.usable_cores())
    names, waiting = table.columns, [table.drop_in_place(name) for name in table.columns][::-1]

    def fitted(values: pl.Series) -> Column | None:
        code = _fitted(values, kinds[values.name], train, config, measure)
        return None if code is None else Column(code, values)

    with ThreadPoolExecutor(threads) as pool:
        ahead = deque(pool.submit(fitted, waiting.pop()) for _ in range(min(threads, len(waiting))))
        for name in names:
            column = ahead.popleft().result()
            if waiting:
                ahead.append(pool.submit(fitted, waiting.pop()))
            yield name, column


def _fitted(
    column: pl.Series,
    kind: ColumnKind,
    train: pl.Series,
    config: RunConfig,
    measure: Measure,
) -> Code | None:
    values = column.filter(train)
    match kind:
        case "number":
            return fit_number(values, measure)
        case "date":
            return fit_date(values, measure)
        case "category":
            return fit_category(values, config)
    if config.text.features != "sentences":
        return fit_words(values, config)
    return fit_sentences(column, config) if values.n_unique() > 1 else None


def _why_nothing(kind: ColumnKind) -> str:
    return "no words, or the same in every training row" if kind == "text" else "the same in every training row"
