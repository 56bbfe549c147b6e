"""What a large table costs: time beside polars' own reading, memory beside the tensors it becomes.

To be run alone: polars takes what other processes leave of the cores, and the encoding one of them.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT
from tests.engine import large_table


@pytest.mark.slow
def test_a_million_rows_take_at_most_4_times_the_memory_of_their_tensors(tmp_path: Path) -> None:
    path = tmp_path / "large.csv"
    large_table.write(path)
    measured = subprocess.run(
        [sys.executable, "-m", "tests.engine.large_table", str(path)], cwd=ROOT, capture_output=True, text=True
    )
    assert measured.returncode == 0, measured.stderr[-2000:]
    figures = json.loads(measured.stdout)
    print(f"{figures['ours'] / figures['polars']:.2f} times the time in which polars reads it: {figures}")
    assert figures["tensors"] > large_table.ROWS * 50 * 4 / 2**20
    assert figures["peak"] < 4 * figures["tensors"], figures
