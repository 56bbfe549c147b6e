"""Which rows are trained, validated and tested on.

The way is one of: the source's own parts, files of row numbers, a column, a pattern of file names, time, folds, or
chance. `--split-group` goes with each: its rows are never on two sides.
"""

from __future__ import annotations

import re

import numpy as np

from tui_trainer import split_files
from tui_trainer.config import RunConfig
from tui_trainer.engine.data.moments import earliest_first, latest_off
from tui_trainer.engine.data.opened import LeavesRowsOut, Opened, Part, Parts
from tui_trainer.engine.data.shares import TEST_SPLIT_SEED, fold_off, lonely, share_off
from tui_trainer.errors import InputError, printable
from tui_trainer.knobs import shown

PART_OF: dict[str, Part] = {
    "train": "train", "training": "train",
    "validation": "validation", "val": "validation", "valid": "validation", "dev": "validation",
    "test": "test",
}  # fmt: skip
"""What a split column's values mean, in lower case."""
PARTS: tuple[Part, ...] = ("train", "validation", "test")


def split_rows(opened: Opened, config: RunConfig) -> tuple[Parts, tuple[str, ...]]:
    """(row numbers of train, test and, where there is one, validation: disjoint; notes). Raises InputError."""
    splitting = _Splitting(opened, config)
    return splitting.parts(), tuple(splitting.notes)


class _Splitting:
    """One split of one source."""

    def __init__(self, opened: Opened, config: RunConfig) -> None:
        self.opened, self.config, self.split = opened, config, config.split
        self.notes: list[str] = []
        self.strata = opened.targets.numpy() if opened.task == "classes" else None
        self.groups: np.ndarray | None = None
        self.group_names: np.ndarray = np.array([])
        if self.split.group:
            self.group_names, self.groups = self._groups_of(self.split.group)

    def parts(self) -> Parts:
        """All of them; the test first, then what is validated of the rest."""
        parts = {part: np.asarray(rows, np.int64) for part, rows in self.opened.given.items()}
        if "train" not in parts:
            every = np.arange(len(self.opened.targets), dtype=np.int64)
            parts["train"] = np.setdiff1d(every, np.concatenate([every[:0], *parts.values()]))
        has_files = any((self.split.train_rows, self.split.validation_rows, self.split.test_rows))
        self._check_own_test(parts)
        if has_files:
            self._by_files(parts)
        elif self.split.column:
            self._by_column(parts)
        elif self.split.pattern:
            self._by_pattern(parts)
        elif self.split.last_rows:
            self._by_end(parts)
        if "test" not in parts:
            self._test_off(parts)
        self._check(parts)
        if "validation" not in parts and self.config.data.validation:
            self._validation_off(parts)
        self._check(parts)
        return parts

    def _check_own_test(self, parts: dict[Part, np.ndarray]) -> None:
        """Where the source has test rows of its own, nothing else may name them."""
        split = self.split
        ways = {
            "--test-rows": split.test_rows, "--split-column": split.column, "--test-pattern": split.pattern,
            "--split-time": split.time, "--folds": split.folds, "--test-last": split.last_rows,
        }  # fmt: skip
        other = next((flag for flag, value in ways.items() if value), "")
        if "test" in parts and other:
            raise InputError(f"{self._source} has a test part of its own, and {other} names another; leave {other} out")

    @property
    def _source(self) -> str:
        return shown(self.config.data.name)

    def _test_off(self, parts: dict[Part, np.ndarray]) -> None:
        rows, share = parts["train"], self.config.data.test_share
        if self.split.time:
            moments = earliest_first(self.opened, self.split.time)
            parts["train"], parts["test"] = latest_off(moments, rows, share, "--test-share", self.notes)
        elif self.split.folds:
            if not self.split.number:
                raise InputError(f"--folds: {split_files.ask_for_one(range(1, self.split.folds + 1))}")
            parts["train"], parts["test"] = fold_off(rows, self.split.folds, self.split.number, *self._marks(rows))
            self._say_lonely(rows, "every fold trains on it")
        else:
            parts["train"], parts["test"] = self._share_off(rows, share, TEST_SPLIT_SEED, "test")

    def _validation_off(self, parts: dict[Part, np.ndarray]) -> None:
        rows, share = parts["train"], self.config.data.validation
        if self.split.time:
            moments = earliest_first(self.opened, self.split.time)
            parts["train"], parts["validation"] = latest_off(moments, rows, share, "--validation", self.notes)
            return
        seed = self.config.training.seed
        parts["train"], parts["validation"] = self._share_off(rows, share, seed, "validation")

    def _share_off(self, rows: np.ndarray, share: float, seed: int, part: Part) -> tuple[np.ndarray, np.ndarray]:
        flag = "--validation" if part == "validation" else "--test-share"
        stays, goes = share_off(rows, share, seed, flag, *self._marks(rows))
        if self.groups is not None:
            count, of = len(np.unique(self.groups[goes])), len(np.unique(self.groups[rows]))
            name, got = shown(self.split.group), len(goes) / len(rows)
            self.notes.append(f"{part}: {count:,} of {of:,} groups of {name}, {got:.1%} of the rows")
        else:
            self._say_lonely(rows, f"trained on, not in the {part} rows")
        return stays, goes

    def _marks(self, rows: np.ndarray) -> tuple[np.ndarray | None, np.ndarray | None]:
        """Classes and groups of these rows."""
        return (
            None if self.strata is None else self.strata[rows],
            None if self.groups is None else self.groups[rows],
        )

    def _say_lonely(self, rows: np.ndarray, what: str) -> None:
        if self.strata is None or self.groups is not None:
            return
        lone = rows[lonely(self.strata[rows], len(rows))]
        if len(lone):
            names = ", ".join(printable(self.opened.class_names[self.strata[row]]) for row in lone[:5])
            noun = "class has" if len(lone) == 1 else "classes have"
            self.notes.append(f"{len(lone):,} {noun} one row only ({shown(names)}): {what}")

    def _by_files(self, parts: dict[Part, np.ndarray]) -> None:
        """Row numbers from files; what no file lists is trained on, or tested where only the others are listed."""
        pool = parts["train"]
        listed: dict[Part, np.ndarray] = {}
        for part in PARTS:
            if (numbers := split_files.rows_of(self.config, part)) is None:
                continue
            rows = self._rows_at(numbers, pool)
            for other, others in listed.items():
                both = np.isin(rows, others)
                if both.any():
                    place = numbers.place(int(np.flatnonzero(both)[0]))
                    raise InputError(
                        f"{place}: row {numbers.rows[int(np.flatnonzero(both)[0])]} is in the {other} rows too "
                        f"({int(both.sum()):,} rows are in both); each row belongs to one part"
                    )
            listed[part] = rows[rows >= 0]
        if self.split.last_rows and "test" not in listed:
            self._add_last(pool, listed)
        rest = np.setdiff1d(pool, np.concatenate(list(listed.values())))
        parts.update(listed)
        if "train" not in listed:
            parts["train"] = rest
        elif "test" not in parts:
            parts["test"] = rest
            self.notes.append(f"test: the {len(rest):,} rows that no file lists")
        elif len(rest):
            self.notes.append(f"{len(rest):,} rows are in no file of row numbers and are left out")

    def _add_last(self, pool: np.ndarray, listed: dict[Part, np.ndarray]) -> None:
        """The last rows as the test, beside files that list others."""
        test = self._last_off(pool)[1]
        for part, rows in listed.items():
            if len(both := np.intersect1d(rows, test)):
                raise InputError(
                    f"{self.opened.place(int(both[0]))} is among the last {self.split.last_rows:,} rows "
                    f"(--test-last) and in the {part} rows too ({len(both):,} rows); each row belongs to one part"
                )
        listed["test"] = test

    def _rows_at(self, numbers: split_files.RowNumbers, pool: np.ndarray) -> np.ndarray:
        """Our rows for the file's numbers, in its order; -1 for those that the source has left out."""
        asked = np.array(numbers.rows, np.int64)
        of_pool = np.arange(len(pool), dtype=np.int64)
        count = len(pool)
        if isinstance(self.opened, LeavesRowsOut):
            of_pool, count = self.opened.file_rows[pool], max(self.opened.rows_in_file, len(pool))
        beyond = np.flatnonzero(asked >= count)
        if len(beyond):
            position = int(beyond[0])
            raise InputError(
                f"{numbers.place(position)}: there is no row {numbers.rows[position]}; {self._source} has {count:,} "
                f"rows, counted from 0 to {count - 1:,}"
            )
        row_of = np.full(count, -1, np.int64)
        row_of[of_pool] = pool
        rows = row_of[asked]
        if left_out := int((rows < 0).sum()):
            self.notes.append(
                f"{left_out:,} numbers in {numbers.path.name} are of rows that were left out while reading"
            )
        return rows

    def _by_column(self, parts: dict[Part, np.ndarray]) -> None:
        name, pool = self.split.column, parts["train"]
        values = np.array([_text(value).strip().lower() for value in self.opened.column(name)[pool]], dtype=object)
        for value in dict.fromkeys(values):
            if value not in PART_OF:
                row = int(pool[np.flatnonzero(values == value)[0]])
                said = repr(printable(str(value))[:40]) if value else "an empty field"
                raise InputError(
                    f"{self.opened.place(row)}, column {shown(name)}: {said} names no split; expected train, "
                    "validation (val, valid, dev) or test"
                )
        meant = np.array([PART_OF[value] for value in values], dtype=object)
        for part in PARTS:
            rows = pool[meant == part]
            if len(rows):
                parts[part] = rows
            elif part != "validation":
                raise InputError(f"--split-column {shown(name)}: no row of {self._source} is marked {part}")

    def _by_pattern(self, parts: dict[Part, np.ndarray]) -> None:
        pattern, pool, names = re.compile(self.split.pattern), parts["train"], self.opened.file_names()
        is_test = np.array([bool(pattern.search(names[row])) for row in pool])
        if not is_test.any() or is_test.all():
            which = "every file" if is_test.all() else "no file"
            raise InputError(
                f"--test-pattern {shown(self.split.pattern)} matches {which} of {self._source} "
                f"(the first is {shown(names[int(pool[0])])}); it has to match the test files alone"
            )
        parts["train"], parts["test"] = pool[~is_test], pool[is_test]

    def _by_end(self, parts: dict[Part, np.ndarray]) -> None:
        parts["train"], parts["test"] = self._last_off(parts["train"])

    def _last_off(self, pool: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        """(what stays, the file's last rows); those that were left out while reading count too."""
        places, count = pool, len(pool)
        if isinstance(self.opened, LeavesRowsOut):
            places, count = self.opened.file_rows[pool], max(self.opened.rows_in_file, len(pool))
        last = self.split.last_rows
        if last >= count:
            raise InputError(f"--test-last {last:,} leaves nothing to train on: {self._source} has {count:,} rows")
        is_last = places >= count - last
        return pool[~is_last], pool[is_last]

    def _groups_of(self, name: str) -> tuple[np.ndarray, np.ndarray]:
        """(names, each row's number among them)."""
        values = self.opened.column(name)
        texts = np.array([_text(value) for value in values])
        if len(empty := np.flatnonzero(texts == "")):
            raise InputError(
                f"{self.opened.place(int(empty[0]))}, column {shown(name)}: the group is missing "
                f"({len(empty):,} rows have none); fill it in, or leave those rows out"
            )
        names, codes = np.unique(texts, return_inverse=True)
        return names, codes

    def _check(self, parts: dict[Part, np.ndarray]) -> None:
        """No part empty, and no group on two sides."""
        for part, rows in parts.items():
            if not len(rows):
                raise InputError(f"{self._source}: no {part} rows are left; split otherwise, or give more rows")
        if self.groups is None:
            return
        side = np.full(len(self.group_names), -1)
        for number, rows in enumerate(parts.values()):
            codes = np.unique(self.groups[rows])
            if len(torn := codes[side[codes] >= 0]):
                other, this = list(parts)[side[torn[0]]], list(parts)[number]
                group = shown(self.group_names[torn[0]])
                raise InputError(
                    f"--split-group {shown(self.split.group)}: group {group!r} has rows both in {other} and in {this} "
                    f"({len(torn):,} groups do); split otherwise, or leave it out"
                )
            side[codes] = number


def _text(value: object) -> str:
    """A column's value as text; what is missing is empty."""
    if value is None or value != value or (isinstance(value, np.datetime64) and np.isnat(value)):
        return ""
    return str(value)
