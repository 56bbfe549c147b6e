"""A finder in a process of its own."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from contextlib import aclosing
from typing import Literal

from tui_trainer.config import RunConfig
from tui_trainer.finder_events import FinderEvent, parse
from tui_trainer.ui.own_process import lines_of

What = Literal["lr", "batch_size"]
COMMANDS: dict[What, str] = {"lr": "lr-find", "batch_size": "batch-find"}


async def found(config: RunConfig, what: What) -> AsyncGenerator[FinderEvent, None]:
    """What it says, the result last. Whoever stops listening ends the process.

    Raises InputError with the sentence of a finder that was refused or that failed.
    """

    def words(path: str) -> list[str]:
        return [COMMANDS[what], path, "--json"]

    async with aclosing(lines_of(config, words, COMMANDS[what])) as lines:
        async for line in lines:
            if said := parse(line):
                yield said
