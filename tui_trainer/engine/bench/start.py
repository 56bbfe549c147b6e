"""How long a run takes to its first step, beside a process that only imports torch.

The first step is taken to be the moment when `--no-ui --json` prints `run_started`: data, net and optimizer are ready
then, and the next thing that the process does is that step.
"""

from __future__ import annotations

import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Generator
from pathlib import Path
from typing import Any

import tui_trainer
from tui_trainer.config import RunConfig
from tui_trainer.engine.bench.job import NotMeasuredError
from tui_trainer.engine.data import load

STARTED = '"event":"run_started"'


def start(settings: RunConfig, rounds: int) -> Generator[str, None, dict[str, Any]]:
    """Medians in seconds; the processes take turns. Raises NotMeasuredError."""
    ready: list[float] = []
    importing: list[float] = []
    loading: list[float] = []
    with tempfile.TemporaryDirectory(prefix="tui-trainer-bench-") as folder:
        for number in range(1, rounds + 1):
            importing.append(seconds_to_import(folder))
            began = time.perf_counter()
            load(settings)
            loading.append(time.perf_counter() - began)
            ready.append(seconds_to_first_step(settings, folder))
            yield f"start {number}/{rounds}  import torch {importing[-1]:.2f} s  first step {ready[-1]:.2f} s"
    return {
        "seconds": statistics.median(ready),
        "import_torch": statistics.median(importing),
        "load_data": statistics.median(loading),
        "fastest": min(ready),
        "slowest": max(ready),
        "measured_at": "the run_started event of --no-ui --json",
    }


def seconds_to_import(folder: str) -> float:
    """`python -c "import torch"` from its start to its end."""
    began = time.perf_counter()
    subprocess.run([sys.executable, "-c", "import torch"], cwd=folder, env=_environment(), check=True)
    return time.perf_counter() - began


def seconds_to_first_step(settings: RunConfig, folder: str) -> float:
    """From the spawn of a run to its `run_started`; the run is killed then. Raises NotMeasuredError."""
    hardware = settings.hardware
    command = [
        sys.executable, "-P", "-m", "tui_trainer", "--json", "--data", settings.data.name,
        "--data-dir", str(Path(settings.data.dir).resolve()), "--normalize", settings.data.normalize,
        "--validation", str(settings.data.validation), "--runs-dir", folder,
        "--device", hardware.device, "--threads", str(hardware.threads),
    ]  # fmt: skip
    began = time.perf_counter()
    with subprocess.Popen(  # noqa: S603  # our own program, no shell
        command, cwd=folder, env=_environment(), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as run:
        try:
            assert run.stdout  # noqa: S101  # a pipe was asked for
            for line in run.stdout:
                if STARTED in line:
                    return time.perf_counter() - began
            raise NotMeasuredError(f"a run did not start: {run.stderr.read().strip() if run.stderr else ''}")
        finally:
            run.kill()


def _environment() -> dict[str, str]:
    """This program where it is, whether it is installed or not."""
    place = str(Path(tui_trainer.__file__).parent.parent)
    return {**os.environ, "PYTHONPATH": os.pathsep.join(filter(None, (place, os.environ.get("PYTHONPATH"))))}
