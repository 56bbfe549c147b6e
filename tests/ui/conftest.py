"""Every screen is shown on the same machine and in the same time zone."""

from __future__ import annotations

import time
from collections.abc import Iterator

import pytest

from tests.ui.scenes import CPU
from tui_trainer import devices


@pytest.fixture(autouse=True)
def _same_machine(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    monkeypatch.setattr(devices, "cpu", lambda seconds=0.1: CPU)
    monkeypatch.setattr(devices, "gpus", list)
    monkeypatch.setenv("TZ", "UTC")
    monkeypatch.delenv("NO_COLOR", raising=False)
    time.tzset()
    yield
    monkeypatch.undo()
    time.tzset()
