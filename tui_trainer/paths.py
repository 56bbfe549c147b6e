"""Folders as people type them."""

from __future__ import annotations

import sys
from pathlib import Path

import tui_trainer
from tui_trainer.errors import InputError


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
            if place.exists():
                return place
        except (OSError, ValueError):  # a name no file system takes, a folder without rights
            continue
    looked = ", ".join(str(place) for place in dict.fromkeys(places))
    raise InputError(
        f"{flag} {ascii(text)[1:-1][:100]}: no such file or folder (looked for {ascii(looked)[1:-1][:300]})"
    )


def command_of(module: str, *arguments: str) -> list[str]:
    """A module of this program as a process of its own."""
    return [sys.executable, *_safe_path(), "-m", module, *arguments]


def _safe_path() -> list[str]:
    """Keeps a stray torch.py in the present folder from being imported, except where we ourselves are run from it."""
    return [] if Path(tui_trainer.__file__).resolve().parent.parent == Path.cwd() else ["-P"]
