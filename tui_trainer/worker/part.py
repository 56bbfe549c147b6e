"""What one process of a run has to do with the others, and with who started it."""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.ranks import PeerLostError, join, leave
from tui_trainer.errors import InputError
from tui_trainer.events import Event
from tui_trainer.placement import CHANNEL_VARIABLE, Place
from tui_trainer.worker.channel import Line

log = logging.getLogger("tui_trainer")
FAILED, BAD_INPUT, LEFT_BEHIND = 1, 2, 75  # the last: another one died, this one cannot go on


@dataclass(frozen=True)
class Part:
    """This process among those of its run."""

    group: Group = ALONE
    place: Place | None = None
    line: Line | None = None  # to our own agent, who says how a process died

    @property
    def is_first(self) -> bool:
        """Whether it writes the run's folder."""
        return self.group.is_first


ALONE_PART = Part()
Show = Callable[[Iterable[Event], Part], int]
"""Takes all events of a part; returns the exit code."""


def take_part(place: Place, play: Callable[[Part], Iterator[Event]], show: Show) -> int:
    """Be one of several processes, from joining the others to the exit code.

    A process that fails ends here: what is left of a broken group can hang whoever tries to leave it.
    """
    line = Line(Path(os.environ[CHANNEL_VARIABLE]), place.rank) if place.is_ours else None
    part = ALONE_PART
    try:
        part = Part(join(place), place, line)
        code = show(play(part), part)
        if line and place.is_first:
            line.say_end(code)
        if code == FAILED:
            _end(code)
        leave(part.group)
    except InputError as error:
        leave(part.group)  # all have heard it; a group that is open when Python ends can abort the process
        if not place.is_first:
            if line:
                line.tell(str(error))
            _end(BAD_INPUT)
        if line:
            line.say_end(BAD_INPUT)
        raise
    except PeerLostError:
        _end(0 if line and line.has_ended() else LEFT_BEHIND)
    except Exception as error:
        log.exception("process %d failed", place.rank)
        if line:
            line.tell(in_words(error))
        else:
            print(f"tui-trainer: process {place.rank}: {in_words(error)}", file=sys.stderr)
        _end(FAILED)
    return code


def in_words(error: Exception) -> str:
    """A failure in a sentence: what it was, without where in the program."""
    import torch

    if isinstance(error, torch.OutOfMemoryError | MemoryError):
        return "out of memory. Choose a smaller --batch-size or --hidden"
    return f"{type(error).__name__}: {' '.join(str(error).split())[:300]}"


def _end(code: int) -> None:
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(code)
