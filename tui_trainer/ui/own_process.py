"""A command of this program in a process of its own, on what the form says: the dashboard never loads torch."""

from __future__ import annotations

import asyncio
import tempfile
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncGenerator, Callable
from contextlib import suppress
from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.config_file import to_toml
from tui_trainer.errors import InputError
from tui_trainer.paths import command_of
from tui_trainer.words import how_it_ended

MOST_BYTES_OF_A_LINE = 1 << 26  # a report of a hundred thousand columns


async def lines_of(config: RunConfig, words: Callable[[str], list[str]], what: str) -> AsyncGenerator[bytes, None]:
    """What it prints, line by line; `words(path of the config)` are its command line's.

    Whoever stops listening ends the process. Raises InputError with its sentence where it refused or failed; `what`
    is its name in one that ended without a word.
    """
    with tempfile.TemporaryDirectory(prefix="tui-trainer-") as folder:
        path = Path(folder) / "form.toml"
        path.write_text(to_toml(config))
        command = command_of("tui_trainer", *words(str(path)))
        process = await asyncio.create_subprocess_exec(
            *command, stdin=DEVNULL, stdout=PIPE, stderr=PIPE, limit=MOST_BYTES_OF_A_LINE
        )
        assert process.stdout is not None  # noqa: S101
        assert process.stderr is not None  # noqa: S101
        errors = asyncio.create_task(process.stderr.read())
        try:
            async for line in process.stdout:
                yield line
            code, said = await process.wait(), (await errors).decode(errors="replace")
        finally:
            await _end(process)
            errors.cancel()
        if code:
            raise InputError(_last_sentence(said) or f"{what} {how_it_ended(code)}")


def _last_sentence(words: str) -> str:
    lines = [line for line in words.splitlines() if line.strip()]
    return lines[-1].removeprefix("tui-trainer: ") if lines else ""


async def _end(process: Process) -> None:
    """It writes nothing that could be left half done."""
    if process.returncode is None:
        with suppress(ProcessLookupError):
            process.kill()
        await process.wait()
