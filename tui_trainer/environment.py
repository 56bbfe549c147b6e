"""environment.json: on what, with what and by which command each process of a run worked."""

from __future__ import annotations

import json
import os
import platform
import subprocess
import sys
import time
from contextlib import suppress
from importlib import metadata
from pathlib import Path
from typing import Any

from tui_trainer import __version__
from tui_trainer.run_dir import RunDir, replace_file

PACKAGES = ("torch", "torchvision", "numpy", "scikit-learn", "safetensors")


def write(run: RunDir, **facts: Any) -> None:
    """Add this process, with what else is known of it, to the run's environment.json. Raises StorageError."""
    processes = []
    with suppress(OSError, ValueError, KeyError, TypeError):
        processes = list(json.loads(run.environment.read_bytes())["processes"])
    processes.append({**_this_process(), **facts})
    text = json.dumps({"processes": processes}, indent=1) + "\n"
    replace_file(run.environment, lambda file: file.write(text.encode()))


def _this_process() -> dict[str, Any]:
    return {
        "started": time.strftime("%Y-%m-%dT%H:%M:%S%z"),
        "command": sys.argv,
        "folder": str(Path.cwd()),
        "git_commit": _git_commit(),
        "host": platform.node(),
        "pid": os.getpid(),
        "platform": platform.platform(),
        "python": platform.python_version(),
        "tui_trainer": __version__,
        "packages": {package: _version(package) for package in PACKAGES},
    }


def _version(package: str) -> str | None:
    with suppress(metadata.PackageNotFoundError):
        return metadata.version(package)
    return None


def _git_commit() -> str | None:
    """The commit of the working folder, where it is a git checkout."""
    with suppress(OSError, subprocess.SubprocessError):
        command = ["git", "rev-parse", "HEAD"]
        found = subprocess.run(command, capture_output=True, text=True, timeout=2, check=True)  # noqa: S603
        return found.stdout.strip()
    return None
