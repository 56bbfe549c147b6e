"""`bench --ui`: what it prints and what it leaves behind. How fast anything is, is not asserted."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from tests.conftest import Said, wait_until

MEASURED = [
    "first paint",
    "attach to 100,000 events",
    "memory after an hour",
    "key to screen, median",
    "key to screen, 99 %",
    "written while training",
    "training speed, 1 viewer, all threads",
    "training speed, 3 viewers, all threads",
    "training speed, 1 viewer, one thread left free",
    "written when paused",
    "written when finished",
]


def test_the_help_says_that_the_dashboard_can_be_measured(cli: Callable[..., Said]) -> None:
    said = cli("bench", "--help")
    assert said.code == 0
    assert "--ui" in said.out


@pytest.mark.slow
def test_one_round_measures_every_figure_and_leaves_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-m", "tui_trainer", "bench", "--ui", "--rounds", "1", "--json"]
    said = subprocess.run(command, capture_output=True, text=True, check=False, timeout=400)
    assert (said.returncode, said.stderr) == (0, "")
    result = json.loads(said.stdout)
    assert (result["rounds"], result["columns"], result["rows"]) == (1, 120, 40)
    assert [figure["name"] for figure in result["figures"]] == MEASURED
    for figure in result["figures"]:
        assert figure["value"] >= 0
        assert figure["limits"]
        assert figure["holds"] in (True, False)
        assert (figure["ratio"] is None) == (figure["baseline"] is None)
    assert list(tmp_path.glob("tui-trainer-*")) == []  # torch leaves a folder of its own


@pytest.mark.slow
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM], ids=lambda number: number.name)
def test_a_signal_ends_all_that_was_started(
    number: signal.Signals, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    command = [sys.executable, "-m", "tui_trainer", "bench", "--ui", "--rounds", "1"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as bench:
        assert bench.stderr
        while "starting a run" not in (line := bench.stderr.readline()):
            assert line, "it ended by itself"
        workers = wait_until(lambda: _workers(bench.pid))
        time.sleep(1)
        bench.send_signal(number)
        assert bench.wait(60) == 128 + number
    assert not any(worker.is_running() and worker.status() != psutil.STATUS_ZOMBIE for worker in workers)
    assert list(tmp_path.glob("tui-trainer-*")) == []  # torch leaves a folder of its own


def _workers(pid: int) -> list[psutil.Process]:
    return [one for one in psutil.Process(pid).children(recursive=True) if "tui_trainer.worker" in one.cmdline()]
