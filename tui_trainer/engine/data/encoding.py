"""How a source's rows become inputs, in a form that a checkpoint keeps without pickle and a prediction reads back."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, ClassVar, Protocol, Self, runtime_checkable

from torch import Tensor


@dataclass(frozen=True)
class Saved:
    """An encoding as it is written: JSON, and arrays of numbers for safetensors."""

    facts: dict[str, Any]
    tensors: dict[str, Tensor] = field(default_factory=dict)


@dataclass(frozen=True)
class NewRows:
    """Rows of a file that nobody trained on: inputs (n, features) as the net takes them, and what each is called."""

    inputs: Tensor
    names: list[str]  # a file's name, or the row's number in its file, counted from 1


class Encoding(Protocol):
    """Fitted on the training rows. Knows how to read more files of its kind, without their targets."""

    kind: ClassVar[str]  # by which `encodings.restored` finds the class again

    def saved(self) -> Saved:
        """All that `restored` needs."""

    @classmethod
    def restored(cls, saved: Saved) -> Self:
        """The same encoding again: same rows, same bits."""

    def batches(self, path: Path | None, size: int) -> Iterator[NewRows]:
        """New rows, at most `size` at once, never all of the file in memory; None is CSV on standard input.

        Raises InputError naming file, row and column.
        """


@runtime_checkable
class Counting(Protocol):
    """An encoding that also counts what it met in new rows and had to make do with."""

    def notes(self) -> tuple[str, ...]:
        """Sentences for the end of a prediction: `3 rows have a category of zip that was never trained on`."""
