"""`python -m tui_trainer.worker RUN_DIR`: trains what the folder asks for.

`launch.py` starts it, through the watcher.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from tui_trainer import config_file, worker
from tui_trainer.errors import InputError, StorageError, printable
from tui_trainer.events import Event, RunEnded
from tui_trainer.run_dir import RunDir

FAILED, BAD_INPUT = 1, 2


def main(arguments: Sequence[str] | None = None) -> int:
    """Train to the end; whoever looks reads the folder. Returns 0, 1 (failed) or 2 (bad input)."""
    parser = argparse.ArgumentParser(prog="python -m tui_trainer.worker")
    parser.add_argument("run_dir", type=Path)
    parser.add_argument("--lock-fd", type=int, required=True, help="the run's lock, taken by whoever started this")
    parser.add_argument("--changes", type=json.loads, default={}, help="settings of a resume, as JSON")
    options = parser.parse_args(arguments)
    last: Event | None = None
    try:
        for event in _events(RunDir(options.run_dir), options.lock_fd, options.changes):
            last = event
    except (InputError, StorageError) as error:
        print(f"tui-trainer: {printable(str(error))}", file=sys.stderr)
        return BAD_INPUT
    return FAILED if isinstance(last, RunEnded) and last.reason == "failed" else 0


def _events(run: RunDir, lock_fd: int, changes: dict[str, object]) -> Iterator[Event]:
    os.set_inheritable(lock_fd, False)  # a process started from here must not hold the run
    lock = os.fdopen(lock_fd, "a+")
    if run.has_begun():
        yield from worker.resume(run, changes, lock)
        return
    with lock:
        yield from worker.begin(run, config_file.load(run.config))


if __name__ == "__main__":
    sys.exit(main())
