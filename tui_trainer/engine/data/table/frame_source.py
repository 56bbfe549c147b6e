"""A table that came from elsewhere than a file, with parts that were told apart there."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.opened import Part, Parts
from tui_trainer.engine.data.table.source import TableSource


def open_frame(frame: pl.DataFrame, given: Parts, path: Path, config: RunConfig) -> TableSource:
    """Rows of all parts one below the other; `path` is what sentences call them. Raises InputError."""
    return FrameSource(frame, given, path, config)


class FrameSource(TableSource):
    """`Opened` of a table whose parts may be any rows of it."""

    def __init__(self, frame: pl.DataFrame, given: Parts, path: Path, config: RunConfig) -> None:
        self._parts = given
        super().__init__([path], [frame.height], frame, config)

    @property
    def given(self) -> Parts:
        """Those of them that have a target."""
        kept: dict[Part, np.ndarray] = {
            part: np.flatnonzero(np.isin(self._all_rows, rows)).astype(np.int64) for part, rows in self._parts.items()
        }
        return kept

    def place(self, row: int) -> str:
        """`saved, test, row 17`, counted in its part."""
        of_all = int(self._all_rows[row])
        for part, rows in self._parts.items():
            if len(found := np.flatnonzero(rows == of_all)):
                return f"{self._paths[0]}, {part}, row {int(found[0]) + 1:,}"
        return super().place(row)
