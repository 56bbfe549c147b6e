"""Folders as people type them."""

from __future__ import annotations

from pathlib import Path

from tui_trainer.errors import InputError


def folder(text: str, flag: str) -> Path:
    """`~/data` expanded. Raises InputError for a home that does not exist, or a character no file system takes."""
    try:
        if "\0" in text:
            raise RuntimeError("a NUL character stands in it")
        return Path(text).expanduser()
    except RuntimeError as error:
        raise InputError(f"{flag} {ascii(text)[1:-1][:100]}: not a folder's name: {error}") from None
