"""How many splits a config asks for, and the files that list row numbers. Knows no torch: the form asks it too.

A file of row numbers has one whole number a line, counted from 0; or, where one split is published among several, a
line of numbers per split. What `numpy.savetxt` writes (`1.2e+01`) is a whole number too.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, printable
from tui_trainer.knobs import shown
from tui_trainer.paths import found

MOST_ROWS = 2**53


@dataclass(frozen=True)
class RowNumbers:
    """Row numbers of one part, in the order of their file, and the line where each stands."""

    path: Path
    flag: str
    rows: list[int]
    lines: list[int]

    def place(self, position: int) -> str:
        """`test_splits.txt, line 3`, of the number at a position."""
        return f"{self.flag} {self.path}, line {self.lines[position]}"


def numbers_of(config: RunConfig) -> range | None:
    """The numbers of the splits, from 1; None where there is one ordinary split. Reads the file where it must.

    Raises InputError where the file cannot be read, or does not have the split that is asked for.
    """
    split = config.split
    if split.folds:
        return range(1, split.folds + 1)
    if not split.test_rows:
        return None
    path = _path_of(config, split.test_rows, "--test-rows")
    count = _count(_lines(path, "--test-rows"))
    if split.number > count:
        has = f"has {count} splits" if count > 1 else "is one split"
        raise InputError(f"--split-number {split.number}: {path} {has}; choose one of 1..{count}")
    return range(1, count + 1) if count > 1 else None


def ask_for_one(numbers: range) -> str:
    """`20 splits: choose one with split number 1..20, ...`: where only one can be trained at a time."""
    return f"{len(numbers)} splits: choose one with split number 1..{len(numbers)}, or run all of them with --no-ui"


def rows_of(config: RunConfig, part: str) -> RowNumbers | None:
    """The row numbers of `train`, `validation` or `test` that a file gives, of the split that is asked for.

    None where no file gives them. Raises InputError naming file and line for what is no row number or stands twice.
    """
    name = getattr(config.split, f"{part}_rows")
    if not name:
        return None
    flag = f"--{part}-rows"
    path = _path_of(config, name, flag)
    lines = _lines(path, flag)
    if (count := _count(lines)) > 1:
        lines = [_chosen(config, lines, path, flag, count)]
    rows, where = [], []
    seen: dict[int, int] = {}
    for line, words in lines:
        for word in words.split():
            row = _row_number(word)
            if row is None:
                raise InputError(
                    f"{flag} {path}, line {line}: {printable(word)[:40]!r} is no row number; expected whole numbers "
                    "counted from 0, one a line, or a line per split"
                )
            if row in seen:
                again = f"line {seen[row]}" if seen[row] != line else "the same line"
                raise InputError(f"{flag} {path}, line {line}: row {row} stands there twice (also in {again})")
            seen[row] = line
            rows.append(row)
            where.append(line)
    return RowNumbers(path, flag, rows, where)


def _path_of(config: RunConfig, name: str, flag: str) -> Path:
    near = None
    with suppress(InputError):  # of missing data their reader tells
        near = found(config.data.name, config.data.dir, "--data")
    return found(name, config.data.dir, flag, near=near)


def _lines(path: Path, flag: str) -> list[tuple[int, str]]:
    """(number counted from 1, text) of the lines that are not empty. Raises InputError."""
    try:
        text = path.read_text(encoding="utf-8-sig").replace(",", " ")
    except (OSError, ValueError) as error:
        why = "not UTF-8 text" if isinstance(error, ValueError) else getattr(error, "strerror", None) or error
        raise InputError(f"{flag} {path}: cannot be read: {why}; expected a text file of row numbers") from None
    lines = [(number, line) for number, line in enumerate(text.splitlines(), 1) if line.strip()]
    if not lines:
        raise InputError(f"{flag} {path}: the file is empty; expected row numbers counted from 0, one a line")
    return lines


def _count(lines: list[tuple[int, str]]) -> int:
    """Splits in a file: its lines, where any of several has more than one number."""
    return len(lines) if len(lines) > 1 and any(len(line.split(None, 1)) > 1 for _, line in lines) else 1


def _chosen(config: RunConfig, lines: list[tuple[int, str]], path: Path, flag: str, count: int) -> tuple[int, str]:
    """The line of the split that is asked for."""
    number, numbers = config.split.number, numbers_of(config)
    if numbers is None or len(numbers) != count:
        published = shown(config.split.test_rows)
        raise InputError(
            f"{flag} {path}: {count} lines of several numbers, but {published} has "
            f"{len(numbers) if numbers else 1} splits; give both a line per split, or one number a line"
        )
    if not number:
        raise InputError(f"{flag} {path}: {ask_for_one(numbers)}")
    return lines[number - 1]


def _row_number(word: str) -> int | None:
    if word.isascii() and word.isdigit():
        return int(word) if len(word) < 20 else MOST_ROWS
    try:
        value = float(word)
    except ValueError:
        return None
    return int(value) if value.is_integer() and 0 <= value <= MOST_ROWS else None
