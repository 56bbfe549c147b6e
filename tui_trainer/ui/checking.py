"""A check in a process of its own: the dashboard never loads torch."""

from __future__ import annotations

import asyncio
import json
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator
from contextlib import suppress
from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.config_file import to_toml
from tui_trainer.errors import InputError
from tui_trainer.paths import command_of
from tui_trainer.report import EVENT, Report
from tui_trainer.words import how_it_ended

MOST_BYTES_OF_A_LINE = 1 << 26  # a report of a hundred thousand columns


async def checked(config: RunConfig, runs_dir: Path) -> AsyncGenerator[str | Report, None]:
    """What it is busy with, and at last the report. Whoever stops listening ends the process.

    Raises InputError with the sentence of a check that was refused or that failed.
    """
    with tempfile.TemporaryDirectory(prefix="tui-trainer-") as folder:
        path = Path(folder) / "check.toml"
        path.write_text(to_toml(config))
        command = command_of("tui_trainer", str(path), "--check", "--json", "--runs-dir", str(runs_dir))
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, limit=MOST_BYTES_OF_A_LINE
        )
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        errors = asyncio.create_task(process.stderr.read())
        try:
            async for line in process.stdout:
                if said := _read(line):
                    yield said
            code, words = await process.wait(), (await errors).decode(errors="replace")
        finally:
            await _end(process)
            errors.cancel()
        if code:
            raise InputError(_last_sentence(words) or f"the check {how_it_ended(code)}")


def _read(line: bytes) -> str | Report | None:
    try:
        said = json.loads(line)
        return Report.of_json(said) if said["event"] == EVENT else str(said["what"])
    except (ValueError, KeyError, TypeError):
        return None  # what a library printed


def _last_sentence(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    return lines[-1].removeprefix("tui-trainer: ") if lines else ""


async def _end(process: Process) -> None:
    """It writes nothing that could be left half done."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
