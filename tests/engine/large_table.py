"""A million rows by 50 columns: written, and loaded and encoded in a process of its own that measures itself.

`python -m tests.engine.large_table PATH` prints JSON: seconds and MiB.
"""

from __future__ import annotations

import json
import resource
import sys
import time
from pathlib import Path

import numpy as np
import polars as pl

from tui_trainer.engine.data.splitting import split_rows
from tui_trainer.engine.data.table.source import open_table
from tui_trainer.knobs import build

ROWS, NUMBERS, INTEGERS, CATEGORIES = 1_000_000, 40, 5, 4


def write(path: Path, rows: int = ROWS) -> None:
    """A table of numbers, integers, categories and a target of two classes; a value in a hundred is missing."""
    random = np.random.default_rng(0)
    colours = np.array(["red", "green", "blue", "yellow"])
    columns = {
        **{f"number_{at}": pl.Series(random.normal(size=rows).round(4)) for at in range(NUMBERS)},
        **{f"integer_{at}": pl.Series(random.integers(0, 1000, rows)) for at in range(INTEGERS)},
        **{f"colour_{at}": pl.Series(colours[random.integers(0, 4, rows)]) for at in range(CATEGORIES)},
    }
    gaps = pl.Series(random.random(rows) < 0.01)
    for name in ("number_0", "integer_0", "colour_0", f"colour_{CATEGORIES - 1}"):
        columns[name] = columns[name].to_frame("all").select(pl.when(~gaps).then("all")).to_series()
    pl.DataFrame({"label": random.integers(0, 2, rows), **columns}).write_csv(path)


def peak() -> float:
    """The most memory this process ever had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def resident() -> float:
    """The memory it has now, in MiB."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * resource.getpagesize() / 2**20


def encoded(path: Path) -> tuple[float, float]:
    """(seconds of loading and encoding, without the split; MiB of the tensors)."""
    config = build({"data": str(path), "target": "label"})
    start = time.perf_counter()
    opened = open_table(path, None, config)
    loaded = time.perf_counter()
    parts, _ = split_rows(opened, config)
    split = time.perf_counter()
    inputs = opened.encode(parts).inputs
    seconds = time.perf_counter() - split + loaded - start
    return seconds, sum(part.nbytes for part in inputs.values()) / 2**20


def main(path: Path) -> None:
    """Ours first, as its peak counts; then polars' own reading and ours in turns, the best of each."""
    small = path.with_suffix(".small.csv")
    write(small, 2000)
    encoded(small)  # all is imported, all pools of threads stand
    before = resident()
    seconds, tensors = encoded(path)
    most = peak() - before
    ours, polars, busy = [seconds], [], []
    for _ in range(3):
        start, cpu = time.perf_counter(), time.process_time()
        pl.read_csv(path)
        polars.append(time.perf_counter() - start)
        busy.append(time.process_time() - cpu)
        ours.append(encoded(path)[0])
    figures = {"ours": min(ours), "polars": min(polars), "polars_cpu": min(busy)}
    print(json.dumps({**figures, "peak": most, "tensors": tensors, "before": before}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
