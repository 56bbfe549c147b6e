"""What the end-to-end tests read of a run."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from safetensors.torch import load_file
from torch import Tensor

SLOW_ENOUGH = ("--no-ui", "--threads", "1", "--epochs", "100000", "--name", "it")
"""A run on the digits that is still training whenever a test looks."""


def events_of(text: str) -> list[dict[str, Any]]:
    """JSON lines as dicts."""
    return [json.loads(line) for line in text.splitlines()]


def written(run: Path) -> list[dict[str, Any]]:
    """What a run has written of its events so far, whole lines alone."""
    path = run / "events.jsonl"
    text = path.read_text() if path.exists() else ""
    return events_of(text[: text.rfind("\n") + 1])


def weights(run: Path, which: str = "last") -> dict[str, Tensor]:
    """The weights on disk."""
    return load_file(run / "checkpoints" / which / "model.safetensors")
