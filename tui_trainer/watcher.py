"""Waits for a worker and writes down how it ended, so that a viewer who comes later can say it too.

Nothing of the project or of pydantic is imported: this process lives as long as the training and should cost nothing.

    python -m tui_trainer.watcher EXIT_FILE LOG_START LOCK_FD COMMAND...
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

FORWARDED = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGUSR1)


def main(arguments: list[str]) -> int:
    """Run the command with the lock handed on; `exit` in the file is its exit code, negative for a signal.

    `pid` tells later readers whether the file is about the worker that last held the lock.
    """
    exit_file, log_start, lock_fd, *command = arguments
    asked: list[int] = []
    for number in FORWARDED:
        signal.signal(number, lambda number, _frame: asked.append(number))  # until there is somebody to hand it to
    worker = subprocess.Popen(command, pass_fds=[int(lock_fd)])  # noqa: S603  # built by launch.py, no shell
    name_holder(int(lock_fd), worker.pid)
    os.close(int(lock_fd))  # from here on the worker alone holds the run
    for number in FORWARDED:
        signal.signal(number, lambda number, _frame: worker.send_signal(number))
    for early in asked:
        worker.send_signal(early)
    code = worker.wait()
    target = Path(exit_file)
    temporary = target.with_name(f".{target.name}.{os.getpid()}")
    temporary.write_text(json.dumps({"exit": code, "pid": worker.pid, "log_start": int(log_start)}))
    temporary.replace(target)
    return 0


def name_holder(lock_fd: int, pid: int) -> None:
    """Write into the lock who has it, as RunDir.take_lock does."""
    with contextlib.suppress(OSError):
        os.ftruncate(lock_fd, 0)
        os.write(lock_fd, f"process {pid} on {os.uname().nodename}\n".encode())


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
