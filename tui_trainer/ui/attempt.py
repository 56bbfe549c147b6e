"""Doing what the disk or the settings may refuse, and saying so."""

from __future__ import annotations

from collections.abc import Callable

from textual.widget import Widget

from tui_trainer.errors import InputError, StorageError, printable


def attempt(where: Widget, wish: Callable[..., object], *arguments: object) -> bool:
    """Whether it was done; what stood in the way is told as a toast."""
    try:
        wish(*arguments)
    except (InputError, StorageError) as error:
        where.notify(printable(str(error)), severity="error", timeout=15, markup=False)
        return False
    return True
