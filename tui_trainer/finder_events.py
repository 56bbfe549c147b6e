"""What the two finders say while they measure, and what they found; on standard output alone, in no run's folder."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError

from tui_trainer.events import PhaseBegan, Warned
from tui_trainer.said import Count, Said

Point = tuple[float, float, float]
"""(learning rate, loss of a step's batch, smoothed loss)"""

RangeEnd = Literal["all_steps", "rose", "not_finite"]
BatchEnd = Literal["samples", "asked", "memory", "seconds"]


class LrTried(Said):
    """A range test so far: the steps since the last event."""

    event: Literal["lr_tried"] = "lr_tried"
    done: Count
    steps: Count  # at the most
    points: list[Point]
    samples_per_second: float
    seconds_left: float


class LrFound(Said):
    """The end of a range test. Without a `suggestion` the `sentence` says why there is none."""

    promised = frozenset({"suggestion", "lowest", "steepest"})
    event: Literal["lr_found"] = "lr_found"
    data: str
    optimizer: str
    device: str
    lr: float  # what the settings say
    batch_size: Count
    low: float  # the range
    high: float
    steps: Count  # that were taken
    epochs: float  # that they were
    seconds: float
    end: RangeEnd
    points: list[Point]
    suggestion: float | None
    lowest: float | None  # learning rate at the lowest smoothed loss
    steepest: float | None  # and where it falls fastest
    sentence: str


class BatchRow(BaseModel):
    """One batch size: median over the rounds so far."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    size: Count
    samples_per_second: float
    seconds_a_step: float
    steps_an_epoch: Count
    memory: Count | None  # bytes of a GPU that steps of this size took beyond samples and net; of the host's: None


class BatchTried(Said):
    """One more measurement."""

    event: Literal["batch_tried"] = "batch_tried"
    done: Count
    of: Count  # measurements in all, as far as can be told
    row: BatchRow
    seconds_left: float


class BatchFound(Said):
    """The end: the largest size that was measured, why no larger one was, and the knee of the rate."""

    event: Literal["batch_found"] = "batch_found"
    data: str
    optimizer: str
    device: str
    lr: float
    batch_size: Count  # what the settings say
    rows: list[BatchRow]
    largest: Count
    end: BatchEnd
    knee: Count
    knee_lr: float  # the present rate, moved with the batch size
    sentence: str  # on `end`
    advice: str
    seconds: float


FinderEvent = PhaseBegan | Warned | LrTried | LrFound | BatchTried | BatchFound

_adapter: TypeAdapter[FinderEvent] = TypeAdapter(
    Annotated[FinderEvent, Field(discriminator="event")], config=ConfigDict(defer_build=True)
)


def parse(line: str | bytes) -> FinderEvent | None:
    """The event on a line, or None for what is none."""
    try:
        return _adapter.validate_json(line)
    except ValidationError:
        return None
