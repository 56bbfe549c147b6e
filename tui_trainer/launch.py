"""Starts a worker in a session of its own: no terminal that closes, and no viewer that leaves, takes it along."""

from __future__ import annotations

import json
import os
import subprocess
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tui_trainer import run_dir, runs_folder
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, StorageError
from tui_trainer.paths import command_of
from tui_trainer.run_dir import RunDir
from tui_trainer.words import how_it_ended

MOST_LOG_BYTES = 65_536  # of a worker's last words


def start(config: RunConfig, runs_dir: Path, name: str | None, stem: str) -> RunDir:
    """Lay out a new run and start its worker. Raises InputError, leaving no folder behind."""
    run = runs_folder.create(runs_dir, name, stem)
    try:
        runs_folder.lay_out(run, config)
        launch(run)
    except (StorageError, InputError) as error:
        run.remove()
        raise InputError(f"{error}; free some space or choose another folder with --runs-dir") from None
    return run


def launch(run: RunDir, changes: Mapping[str, Any] | None = None, apply: str = "") -> None:
    """Start the worker of a run that is laid out, or resume it with some settings changed, or with a remedy.

    The run's lock is taken here and handed down, so that the run is seen as living from this moment on. Raises
    RunBusyError where it is being trained already, StorageError where its folder cannot be written.
    """
    with run.take_lock("a worker that is starting\n") as lock, run_dir.guarded(run.log), run.log.open("ab") as log:
        run.exit.unlink(missing_ok=True)
        worker = command_of("tui_trainer.worker", str(run.path.resolve()), "--lock-fd", str(lock.fileno()))
        worker += ["--changes", json.dumps(dict(changes or {})), "--apply", apply]
        watched = (str(run.exit.resolve()), str(log.tell()), str(lock.fileno()))
        watcher = command_of("tui_trainer.watcher", *watched)
        subprocess.Popen(  # noqa: S603  # our own program, no shell
            [*watcher, *worker],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
            pass_fds=[lock.fileno()],
        )


@dataclass(frozen=True)
class Exit:
    """How a worker's process ended."""

    code: int  # negative: the number of the signal
    last_words: tuple[str, ...]  # the last lines it printed

    @property
    def sentence(self) -> str:
        """`killed by SIGKILL`, `ended with exit code 1`."""
        return how_it_ended(self.code)


def exit_of(run: RunDir, lines: int = 8) -> Exit | None:
    """How the last worker of a run ended, or None: it was not started by `launch`, or is not dead yet."""
    try:
        told = json.loads(run.exit.read_bytes())
        code, log_start = int(told["exit"]), int(told["log_start"])
        if told["pid"] != run.holder_pid():
            return None  # it tells of the worker before
    except (OSError, ValueError, TypeError, KeyError):
        return None
    return Exit(code, tuple(_last_lines(run.log, log_start, lines)))


def _last_lines(path: Path, start: int, lines: int) -> list[str]:
    with suppress(OSError), path.open("rb") as file:
        size = file.seek(0, os.SEEK_END)
        file.seek(max(start, size - MOST_LOG_BYTES))
        text = file.read(MOST_LOG_BYTES).decode("utf-8", "replace")
        return [line.rstrip() for line in text.splitlines() if line.strip()][-lines:]
    return []
