"""Files and folders as people type them."""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tui_trainer
from tui_trainer.data_sections import is_path
from tui_trainer.data_sets import DATA_SETS
from tui_trainer.errors import InputError

NAMING_FILES = ("data", "test_data", "train_rows", "validation_rows", "test_rows", "text_model")
"""Knobs whose value may be the path of somebody's own file."""


def folder(text: str, flag: str) -> Path:
    """`~/data` expanded. Raises InputError for a home that does not exist, or a character no file system takes."""
    try:
        if "\0" in text:
            raise RuntimeError("a NUL character stands in it")
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(f"{flag} {ascii(text)[1:-1][:100]}: not a folder's name: {error}") from None


def found(text: str, data_dir: str, flag: str, near: Path | None = None) -> Path:
    """The file or folder that is meant: as it stands, beside the one `near`, or below the data folder.

    Raises InputError naming where it was looked for.
    """
    path = folder(text, flag)
    below = folder(data_dir, "--data-dir")
    places = [path, *([(near if near.is_dir() else near.parent) / path] if near else []), below / path]
    for place in dict.fromkeys(places):
        try:
            is_there = place.exists()
        except (OSError, ValueError):  # a name no file system takes, a folder without rights
            continue
        if is_there:
            check_readable(place, flag)
            return place
    looked = ", ".join(str(place) for place in dict.fromkeys(places))
    raise InputError(
        f"{flag} {ascii(text)[1:-1][:100]}: no such file or folder (looked for {ascii(looked)[1:-1][:300]})"
    )


def anchored(values: Mapping[str, Any]) -> dict[str, Any]:
    """{knob: value} as typed here, with relative paths of files that are here made absolute: they hold from anywhere.

    Others stay as they are: they may be found beside the data or below the data folder. Raises InputError.
    """
    return {name: _anchored(value, name) if name in NAMING_FILES else value for name, value in values.items()}


def _anchored(text: Any, name: str) -> Any:
    if not isinstance(text, str) or not text or text in DATA_SETS:
        return text
    path = folder(text, f"--{name.replace('_', '-')}")
    try:
        return str(path.absolute()) if path.exists() or text.startswith("~") else text
    except (OSError, ValueError):  # a name no file system takes
        return text


def stem_of(name: str) -> str:
    """What a run is named after: its data set, the stem of its own file or of its recipe."""
    stem = Path(name).stem if is_path(name) else name
    return re.sub(r"[^A-Za-z0-9._-]+", "-", stem).strip("-._")[:80] or "run"


def check_readable(path: Path, what: str) -> None:
    """Raises InputError for what exists and is neither file nor folder, or may not be read."""
    shown = ascii(str(path))[1:-1][:200]
    if not (path.is_file() or path.is_dir()):
        raise InputError(f"{what} {shown}: a pipe or a device, and no file; save it to a file first")
    if not os.access(path, os.R_OK | (os.X_OK if path.is_dir() else 0)):
        raise InputError(f"{what} {shown}: may not be read by you; change its rights")


def command_of(module: str, *arguments: str) -> list[str]:
    """A module of this program as a process of its own."""
    return [sys.executable, *_safe_path(), "-m", module, *arguments]


def _safe_path() -> list[str]:
    """Keeps a stray torch.py in the present folder from being imported, except where we ourselves are run from it."""
    return [] if Path(tui_trainer.__file__).resolve().parent.parent == Path.cwd() else ["-P"]
