"""Processes that torchrun or srun has started: after a restart they have to find the run that they had made."""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path

from tui_trainer import runs_folder
from tui_trainer.placement import Place
from tui_trainer.run_dir import RunDir


def run_of_launch(runs_dir: Path, place: Place | None) -> str | None:
    """The folder of the run that this launch made before it was started again, or None."""
    if place is None or place.is_ours or not place.restarts or not place.launch:
        return None
    for run in reversed(runs_folder.all_runs(runs_dir)):
        if place.launch in _launches(run):
            return str(run.path)
    return None


def _launches(run: RunDir) -> list[str]:
    with suppress(OSError, ValueError, KeyError, TypeError, AttributeError):
        return [process.get("launch", "") for process in json.loads(run.environment.read_bytes())["processes"]]
    return []
