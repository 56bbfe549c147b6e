"""First aid beside a training: each of its events is judged, and alerts follow it."""

from __future__ import annotations

from collections.abc import Generator
from typing import TypeVar

from tui_trainer.engine.session import Session
from tui_trainer.engine.steering import LEFT_AS_BEFORE, Steering
from tui_trainer.events import Event
from tui_trainer.first_aid import Case, FirstAid
from tui_trainer.inside_events import Alerted

T = TypeVar("T")


def case_of(session: Session) -> Case:
    """What first aid has to know of a run."""
    data = session.data
    return Case(session.config, data.task, data.outputs, is_tested=data.validation is None)


def watched(events: Generator[Event, None, T], steering: Steering, first_aid: FirstAid) -> Generator[Event, None, T]:
    """The events of a training, each followed by what first aid has to say of it; returns what the training returns.

    Of several processes the first alone judges: the others hear of it by what it asks them to do.
    """
    session = steering.session
    while True:
        try:
            event = next(events)
        except StopIteration as end:
            return end.value  # type: ignore[no-any-return]
        yield event
        if not session.group.is_first:
            continue
        for said in first_aid.hear(event, case_of(session)):
            yield said
            if isinstance(said, Alerted):
                steering.alerted(said)
        steering.alerts = tuple(first_aid.open.values())
        steering.saver.holds = any(kind in LEFT_AS_BEFORE for kind in first_aid.open)
