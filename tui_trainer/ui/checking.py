"""A check in a process of its own."""

from __future__ import annotations

import json
from collections.abc import AsyncGenerator
from contextlib import aclosing
from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.report import EVENT, Report
from tui_trainer.ui.own_process import lines_of


async def checked(config: RunConfig, runs_dir: Path) -> AsyncGenerator[str | Report, None]:
    """What it is busy with, and at last the report. Whoever stops listening ends the process.

    Raises InputError with the sentence of a check that was refused or that failed.
    """

    def words(path: str) -> list[str]:
        return [path, "--check", "--json", "--runs-dir", str(runs_dir)]

    async with aclosing(lines_of(config, words, "the check")) as lines:
        async for line in lines:
            if said := _read(line):
                yield said


def _read(line: bytes) -> str | Report | None:
    try:
        said = json.loads(line)
        return Report.of_json(said) if said["event"] == EVENT else str(said["what"])
    except (ValueError, KeyError, TypeError):
        return None  # what a library printed
