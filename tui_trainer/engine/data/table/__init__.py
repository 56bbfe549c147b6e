"""Tables: CSV and other text with separators, Parquet, Feather."""

from __future__ import annotations

from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.opened import Opened


def open_table(path: Path, test: Path | None, config: RunConfig) -> Opened:
    """A table, and a second one of test rows, read. Raises InputError naming file, row and column."""
    from tui_trainer.engine.data.table import source  # polars: 0.2 s that a restored encoding need not wait for

    return source.open_table(path, test, config)


__all__ = ["open_table"]
