"""What the tests of tables share: a config, fitting a frame with a split, and the inputs as the net sees them."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import polars as pl
from safetensors.torch import load, save

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.opened import Encoded, Part
from tui_trainer.engine.data.table.encoder import fit
from tui_trainer.engine.data.table.encoding import TableEncoding
from tui_trainer.knobs import build


def config(**values: Any) -> RunConfig:
    """A config for a table of one's own."""
    return build({"data": "./people.csv", **values})


def encoded(
    table: pl.DataFrame, kinds: Mapping[str, ColumnKind], train: int | Sequence[int] | np.ndarray, **values: Any
) -> Encoded:
    """Fitted on the first `train` rows, or on those of these numbers; the others are the test."""
    rows = np.arange(train) if isinstance(train, int) else np.asarray(train)
    others = np.setdiff1d(np.arange(table.height), rows)
    parts: dict[Part, np.ndarray] = {"train": rows.astype(np.int64), "test": others.astype(np.int64)}
    return fit(table.clone(), kinds, parts, config(**values))


def as_the_net_sees(found: Encoded, part: Part = "train") -> np.ndarray:
    """(rows, inputs) after the scaling."""
    seen: np.ndarray = ((found.inputs[part] - found.shift) / found.spread).numpy()
    return seen


def table_encoding(found: Encoded) -> TableEncoding:
    """The encoding, as what it is."""
    assert isinstance(found.encoding, TableEncoding)
    return found.encoding


def from_disk(encoding: TableEncoding) -> TableEncoding:
    """The encoding after its way through a checkpoint."""
    saved = encoding.saved()
    return TableEncoding.restored(Saved(json.loads(json.dumps(saved.facts)), load(save(saved.tensors))))
