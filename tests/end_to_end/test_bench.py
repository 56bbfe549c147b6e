"""`bench` as a person runs it: tables, JSON, and how a signal ends it. How fast anything is, is not asserted."""

from __future__ import annotations

import importlib.util
import json
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said
from tests.engine.test_bench import write_separable

SHORT = ("bench", "--data-dir", "data", "--device", "cpu", "--threads", "1", "--engine", "eager")
ONE_CELL = (*SHORT, "--rounds", "1", "--net", "small", "--batch", "64")
Spawn = Callable[..., subprocess.Popen[str]]


@pytest.mark.slow
def test_a_pipe_gets_the_tables_and_progress_stays_on_standard_error(cli: Callable[..., Said]) -> None:
    write_separable(Path("data"))
    said = cli(*ONE_CELL, "--against", "plain")
    assert said.code == 0
    lines = said.out.splitlines()
    assert lines[0].startswith("784-128-10, batch 64: 512 samples")
    for word in ("program", "s/epoch", "steps/s", "samples/s", "GFLOP/s", "share", "memory", "loss"):
        assert word in lines[1]
    assert [line[:22].strip() for line in lines[2:5]] == [
        "plain PyTorch loop",
        "tui-trainer, eager",
        "matrix products alone",
    ]
    for word in ("Beside the steps", "What must hold", "speed over a plain loop", "Not measured: graph"):
        assert word in said.out
    assert "round 1/1  plain PyTorch loop" in said.err
    assert "left)" in said.err


def test_json_is_one_document_and_nothing_else(cli: Callable[..., Said]) -> None:
    write_separable(Path("data"))
    said = cli(*ONE_CELL, "--against", "none", "--json")
    assert (said.code, said.err) == (0, "")
    result = json.loads(said.out)
    assert {"title", "machine", "device", "device_name", "versions", "rounds", "memory_is", "cells", "holds"} <= set(
        result
    )
    assert [row["program"] for row in result["cells"][0]["programs"]] == ["eager", "floor"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "rival",
    ["plain", *(pytest.param(name, marks=pytest.mark.slow) for name in ("skorch", "lightning", "scikit-learn", "jax"))],
)
@pytest.mark.parametrize("number", [signal.SIGINT, pytest.param(signal.SIGTERM, marks=pytest.mark.slow)])
def test_a_signal_ends_it_even_inside_a_loop_that_swallows_interrupts(
    spawn: Spawn, number: signal.Signals, rival: str, tmp_path: Path
) -> None:
    if rival not in ("plain", "scikit-learn") and importlib.util.find_spec(rival) is None:
        pytest.skip(f"{rival} is not installed")
    temporary = tmp_path / "tmp"
    temporary.mkdir()
    write_separable(Path("data"))
    bench = spawn(
        *SHORT, "--net", "small", "--batch", "64", "--against", rival, "--rounds", "100", env={"TMPDIR": str(temporary)}
    )
    assert bench.stderr
    while "round 1/100  matrix products" not in (line := bench.stderr.readline()):
        assert line, "it ended by itself"
    bench.send_signal(number)
    out, err = bench.communicate(timeout=60)
    assert (bench.returncode, out) == (128 + number, "")
    assert err.splitlines()[-1] == f"tui-trainer: the bench was ended by {number.name}; nothing was written"
    assert "Traceback" not in err
    assert list(temporary.glob("tui-trainer-*")) == []
