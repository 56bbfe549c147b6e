"""What a check of the data, the settings and the machine found: facts, as JSON. `findings.py` judges them.

A part that was not looked at is None; what was looked at in a sample alone says how large that was.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, ClassVar, Literal

from pydantic import ConfigDict, TypeAdapter, ValidationError

from tui_trainer.data_sets import Task

EVENT = "checked"


@dataclass(frozen=True)
class ColumnFacts:
    """A column of a table, over all of its rows."""

    name: str
    kind: str  # of `data_sections.KINDS`; "target" for what is predicted
    missing: int = 0
    distinct: int | None = None
    example: str = ""


@dataclass(frozen=True)
class ClassCount:
    """Rows of one class or label."""

    name: str
    train: int
    validation: int
    test: int


@dataclass(frozen=True)
class Spread:
    """A column of values to predict, over the training rows."""

    name: str
    mean: float
    deviation: float
    least: float
    most: float


@dataclass(frozen=True)
class Repeats:
    """Rows with the very same inputs. Of each kind the number, and of those across splits some pairs."""

    within_train: int  # rows whose inputs stood in an earlier training row
    contradicting: int  # of these, with another target
    validation_in_train: int
    test_in_train: int
    train_rows: int  # looked at
    validation_rows: int
    test_rows: int
    examples: tuple[tuple[str, str], ...] = ()  # (place of the test row, place of the training row)


@dataclass(frozen=True)
class Leak:
    """What a small decision tree predicts of the target from this column alone, on rows it has not seen."""

    column: str
    score: float  # accuracy, or R²
    baseline: float  # of the commonest class, or of the mean


@dataclass(frozen=True)
class LeakSearch:
    """Columns that nearly give the target away."""

    metric: Literal["accuracy", "R²"]
    columns: int  # looked at
    of: int
    rows: int
    found: tuple[Leak, ...]


@dataclass(frozen=True)
class Memory:
    """Bytes on the device."""

    device: str
    samples: int
    net: int  # weights, gradients, the optimizer's state
    free: int  # beside the samples and the net
    tier: Literal["device", "host", "file"]
    placed: str  # where the samples went and why, in words


@dataclass(frozen=True)
class Pace:
    """What a short probe measured, and what follows for the whole run."""

    parameters: int
    steps: int  # of the probe
    engine: str  # how its steps were run
    threads: int
    samples_per_second: float
    evaluation_seconds: float
    epochs: int
    seconds: float  # of one run from its first step on, evaluations and the test included
    ends_at: float  # Unix time, if it began now; all runs of a series
    processes: int = 1  # the run will have; one was measured
    diverged: str = ""  # how the loss of the probe's steps stopped being a number


@dataclass(frozen=True)
class Disk:
    """Bytes of checkpoints against those that are free."""

    folder: str
    last: int
    best: int
    needed: int  # at the most, while one is being replaced; of all runs of a series
    free: int


@dataclass(frozen=True)
class Report:
    """Everything. `to_json` and `of_json` are each other's inverse."""

    data: str
    task: Task
    inputs: int
    outputs: int
    train: int
    validation: int
    test: int
    notes: tuple[str, ...] = ()
    columns: tuple[ColumnFacts, ...] = ()
    classes: tuple[ClassCount, ...] = ()
    values: tuple[Spread, ...] = ()
    is_balanced: bool = False  # by --class-weights
    constant_columns: tuple[str, ...] = ()
    constant_inputs: int = 0
    repeats: Repeats | None = None
    leaks: LeakSearch | None = None
    memory: Memory | None = None
    pace: Pace | None = None  # None also where no step of the probe has a loss that is a number
    disk: Disk | None = None
    splits: int = 1  # runs of the series
    hidden: tuple[int, ...] = ()
    seconds_to_load: float = 0.0

    __pydantic_config__: ClassVar[ConfigDict] = ConfigDict(extra="ignore", defer_build=True)

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        return asdict(self)

    @classmethod
    def of_json(cls, facts: dict[str, Any]) -> Report:
        """Raises ValueError for what is no report."""
        try:
            return TypeAdapter(cls).validate_python(facts)
        except ValidationError as error:
            raise ValueError(f"not a report: {error.errors()[0]['msg']}") from None
