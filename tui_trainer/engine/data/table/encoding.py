"""A fitted table encoding, as a checkpoint keeps it, and how it reads the rows of another file."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.encoding import NewRows, Saved
from tui_trainer.engine.data.table.category_codes import CategoryCode
from tui_trainer.engine.data.table.codes import Code, sentences
from tui_trainer.engine.data.table.number_codes import DateCode, NumberCode
from tui_trainer.engine.data.table.sentences import SentencesCode
from tui_trainer.engine.data.table.words import HashingCode, TfidfCode
from tui_trainer.errors import InputError, listed, nearest
from tui_trainer.knobs import KNOBS, build

if TYPE_CHECKING:
    import polars as pl

CODES: dict[str, type[Code]] = {
    code.kind: code for code in (NumberCode, DateCode, CategoryCode, TfidfCode, HashingCode, SentencesCode)
}
SECTIONS = ("data", "table", "text")  # of the config, which reading and encoding ask


class TableEncoding:
    """Columns as inputs, in the order of `codes`; those whose input is a category's number are the last."""

    kind: ClassVar[str] = "table"

    def __init__(
        self,
        config: RunConfig,
        kinds: Mapping[str, ColumnKind],
        codes: tuple[Code, ...],
        types: Mapping[str, str] | None = None,
    ) -> None:
        self.codes = codes
        self._config = config
        self._kinds = dict(kinds)
        self._types = dict(types or {})  # of the columns that formulas read, in the training rows
        self._surprises: dict[str, int] = {}  # {column: rows}

    @cached_property
    def places(self) -> tuple[tuple[str, int, int], ...]:
        """(column, first input, end) of each."""
        ends = np.cumsum([len(code.scaling[0]) for code in self.codes]).tolist()
        names = [code.name for code in self.codes]
        return tuple(zip(names, [0, *ends[:-1]], ends, strict=True))

    @property
    def inputs(self) -> int:
        """Features of one row."""
        return self.places[-1][2]

    @property
    def scaling(self) -> tuple[torch.Tensor, torch.Tensor]:
        """(shift, spread), float32 (inputs,), for the net."""
        shifts, spreads = zip(*(code.scaling for code in self.codes), strict=True)
        return torch.from_numpy(np.concatenate(shifts)).float(), torch.from_numpy(np.concatenate(spreads)).float()

    def encode(self, table: pl.DataFrame) -> torch.Tensor:
        """float32 (rows, inputs) of rows that have the columns, each as its kind."""
        inputs = np.zeros((table.height, self.inputs), np.float32)
        for code, (name, first, end) in zip(self.codes, self.places, strict=True):
            surprising = code.write(table[name], inputs[:, first:end])
            if surprising is not None:
                self._surprises[name] = self._surprises.get(name, 0) + int(surprising.sum())
        return torch.from_numpy(inputs)

    def notes(self) -> tuple[str, ...]:
        """What the rows encoded so far hold that the training rows did not, and what became of it, in sentences."""
        return tuple(
            sentences(
                note
                for code in self.codes
                if (count := self._surprises.get(code.name))
                for note in code.notes({"these rows": count})
            )
        )

    def batches(self, path: Path | None, size: int) -> Iterator[NewRows]:
        """New rows, at most `size` at once, in the order of the file; None is CSV on standard input.

        Other columns than those the run learned from are passed over. Raises InputError naming file, row and column.
        """
        from tui_trainer.engine.data.table.kinds import as_kinds
        from tui_trainer.engine.data.table.places import rows_of
        from tui_trainer.engine.data.table.reading import blocks

        names = [code.name for code in self.codes]
        kinds = {name: self._kinds[name] for name in names}
        file, seen = str(path or "standard input"), 0
        for block in blocks(path, self._config, size, self._kinds, self._types):
            self.check_columns(block.columns, file)
            for piece in block.select(names).iter_slices(size):
                inputs = self.encode(as_kinds(piece, kinds, rows_of(file, seen)))
                yield NewRows(inputs, [str(row) for row in range(seen + 1, seen + piece.height + 1)])
                seen += piece.height

    def check_columns(self, there: list[str], where: str) -> None:
        """Raises InputError naming the columns that the run learned from and these rows lack."""
        lacking = [code.name for code in self.codes if code.name not in there]
        if not lacking:
            return
        hint = nearest(lacking[0], there) if len(lacking) == 1 else ""
        raise InputError(
            f"{where}: {len(lacking):,} of the columns that the run learned from are missing: {listed(lacking, 20)}"
            f"{hint}; the file has {listed(there, 20)}; add them (a field may be empty where a value is not known)"
        )

    def saved(self) -> Saved:
        """Facts and arrays of each column's code, and the settings that reading asks."""
        columns, tensors = [], {}
        for number, code in enumerate(self.codes):
            saved = code.saved()
            columns.append({"name": code.name, "kind": code.kind, "facts": saved.facts})
            tensors.update({f"{number}.{name}": tensor for name, tensor in saved.tensors.items()})
        facts = {"settings": _settings(self._config), "kinds": self._kinds, "types": self._types, "columns": columns}
        return Saved(facts, tensors)

    @classmethod
    def restored(cls, saved: Saved) -> Self:
        """The same encoding again: same rows, same bits."""
        codes = []
        for number, column in enumerate(saved.facts["columns"]):
            prefix = f"{number}."
            tensors = {
                name.removeprefix(prefix): tensor for name, tensor in saved.tensors.items() if name.startswith(prefix)
            }
            codes.append(CODES[column["kind"]].restored(column["name"], Saved(column["facts"], tensors)))
        return cls(build(saved.facts["settings"]), saved.facts["kinds"], tuple(codes), saved.facts.get("types"))


def _settings(config: RunConfig) -> dict[str, Any]:
    """{knob's name: value} of what differs from its default, as JSON holds it.

    The data set's name is written as a path, which `build` takes for one wherever the prediction runs.
    """
    changed = {
        name: knob.of(config)
        for name, knob in KNOBS.items()
        if knob.section in SECTIONS and knob.of(config) != knob.default
    }
    plain = {name: list(value) if isinstance(value, tuple) else value for name, value in changed.items()}
    return {**plain, "data": f"./{Path(config.data.name).name}"}
