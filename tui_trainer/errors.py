"""What may go wrong in a way the user can mend, and how it is said."""

from __future__ import annotations

import difflib
from collections.abc import Iterable


class InputError(Exception):
    """A user's mistake, said in one sentence: what, where, what was expected, what to do. Ends with exit code 2."""


class DamagedCheckpointError(InputError):
    """A checkpoint on disk that does not hold what was written; the caller falls back to the one before."""


class RunBusyError(InputError):
    """The run's lock is held: another process is training it."""


class StorageError(Exception):
    """The run folder can no longer be written (full disk, quota, vanished mount). Ends the run with exit code 1."""


def printable(text: str) -> str:
    """The text with everything that could steer a terminal written out, as in `\\x1b`."""
    return "".join(mark if mark.isprintable() else ascii(mark)[1:-1] for mark in text)


def listed(names: Iterable[str], most: int = 8, mark: str = ", ") -> str:
    """`a, b and 40 more`."""
    words = list(names)
    said = mark.join(words[:most])
    return said if len(words) <= most else f"{said} and {len(words) - most:,} more"


def nearest(word: str, known: Iterable[str]) -> str:
    """`; did you mean 'mnist'?` for a near miss of a known word, otherwise nothing."""
    close = difflib.get_close_matches(word, list(known), n=1, cutoff=0.6)
    return f"; did you mean {close[0]!r}?" if close else ""
