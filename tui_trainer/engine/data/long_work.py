"""Progress of long reading on a terminal's standard error: done, rate, time left; in a pipe or a log, nothing."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

SECONDS_UNSAID = 1.0  # what is done sooner needs no line
T = TypeVar("T")


def counted(items: Iterable[T], total: int, what: str) -> Iterator[T]:
    """The items as they come. `what` are the things counted, as in `pictures`."""
    from tqdm import tqdm

    yield from tqdm(items, what, total, leave=False, unit=f" {what}", disable=None, delay=SECONDS_UNSAID)
