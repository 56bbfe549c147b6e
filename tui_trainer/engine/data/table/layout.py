"""How a text file is laid out: what separates its values, whether quotes quote, whether its first line has names."""

from __future__ import annotations

import csv
import io
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import takewhile
from mmap import mmap

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.table.places import shown
from tui_trainer.errors import InputError

SEPARATORS = {"tab": "\t", "semicolon": ";", "pipe": "|", "comma": ",", "space": " "}  # preferred in this order
PLURALS = {"tab": "tabs", "semicolon": "semicolons", "pipe": "pipes", "comma": "commas", "space": "spaces"}
SAMPLE = 1 << 20  # bytes by which a file is judged
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
JUDGED = 200  # records of them
ISO_DATE = re.compile(r"\d{4}-\d\d-\d\d([T ]\d\d:\d\d.*)?")
_RUNS = re.compile(rb'("[^"\n]*")|[ \t]+')
_ENDS = re.compile(rb"(?m)^[ \t]+|[ \t]+(?=\r?$)|\r(?=\n)")


@dataclass(frozen=True)
class Layout:
    """Of one text file. `separator` " " stands for runs of spaces and tabs."""

    separator: str
    quoting: bool
    names: tuple[str, ...]
    lead: int  # lines before the first row: blank ones and the header's
    spaced_quotes: bool  # a quote that opens a value stands behind a space

    @property
    def parsed_separator(self) -> str:
        """What stands between two values in what `plain` returns."""
        return "\t" if self.separator == " " else self.separator

    def blank_lines(self, lines: Iterable[bytes]) -> int:
        """Lines at the beginning of these that are no rows. Of a single column each line is one."""
        return 0 if len(self.names) == 1 else sum(1 for _ in takewhile(lambda line: not line.strip(b"\r\n"), lines))

    @property
    def is_plain(self) -> bool:
        """Whether the file can be parsed as it lies there."""
        return self.separator != " " and not self.spaced_quotes

    def plain(self, raw: bytes) -> bytes:
        """Whole records with one separator between two values and nothing around quoted ones."""
        if self.separator == " ":
            quoted = _RUNS if self.quoting else re.compile(rb"()[ \t]+")
            return quoted.sub(lambda found: found[1] or b"\t", _ENDS.sub(b"", raw))
        if self.spaced_quotes:
            sign = re.escape(self.separator.encode())
            return re.sub(rb'("[^"]*")|(?<=%s) +(?=")' % sign, lambda found: found[1] or b"", raw)
        return raw

    def values(self, record: bytes) -> list[str]:
        """The values of one record."""
        text = self.plain(record.rstrip(b"\r\n")).decode(errors="replace")
        if not self.quoting or '"' not in text:
            return text.split(self.parsed_separator)
        try:
            return next(csv.reader(io.StringIO(text, newline=""), delimiter=self.parsed_separator), [""])
        except csv.Error:  # a value of more than 128 kB
            return text.split(self.parsed_separator)


def records(lines: Iterable[bytes], quoting: bool) -> Iterator[tuple[int, bytes]]:
    """(line it starts on, counted from 1; its bytes) of each record; an open quote holds lines together."""
    start, held, is_open = 1, b"", False
    for number, line in enumerate(lines, 1):
        if not is_open:
            start = number
        held = held + line if is_open else line
        is_open ^= quoting and bool(line.count(b'"') % 2)
        if not is_open:
            yield start, held
    if is_open:
        yield start, held


def last_end(held: bytes, quoting: bool) -> int:
    """Where the last whole record ends: behind the last line feed that stands in no open quote; 0 where none does."""
    is_open = quoting and held.count(b'"') % 2 == 1
    end = len(held)
    while (at := held.rfind(b"\n", 0, end)) >= 0:
        if quoting:
            is_open ^= held.count(b'"', at, end) % 2 == 1
        if not is_open:
            return at + 1
        end = at
    return 0


def lay_out(
    sample: bytes, source: str, config: RunConfig, kinds: Mapping[str, ColumnKind] | None = None,
    whole: mmap | bytes | None = None,
) -> Layout:  # fmt: skip
    """The layout of what begins with `sample`; quotes are judged by all of `whole`. Raises InputError."""
    sample = _text(sample, source)
    if whole is not None:
        check_zeros(whole, source)
    lines = sample.splitlines(keepends=True)
    blank = next((number for number, line in enumerate(lines) if line.strip()), len(lines))
    if blank == len(lines):
        raise InputError(f"{source}: an empty file; expected a table with a row for each sample")
    body = lines[blank:]
    if len(sample) >= SAMPLE and len(body) > 1 and not body[-1].endswith(b"\n"):
        body.pop()  # cut off in its middle
    layouts = [_with(sign, sample) for sign in SEPARATORS.values()]
    layout = _by_names(layouts, body, config, kinds) or _chosen(layouts, body, source, config.table.delimiter)
    if whole is not None:
        layout = _with(layout.separator, whole)
    rows = _values(layout, body)
    named = bool(kinds) and _wanted(config, kinds) <= set(rows[0])  # new rows may have names where training had none
    header = config.table.header == "yes" or (config.table.header == "auto" and _has_names(rows, config, kinds))
    header = header or named
    if header and "\ufffd" in "".join(rows[0]):
        raise InputError(f"{source}, line {blank + 1}: the columns' names are not UTF-8; save the file as UTF-8")
    names = _names(rows[0], source) if header else _numbered(len(rows[0]), kinds, config)
    lead = blank + (next(records(body, layout.quoting))[1].count(b"\n") if header else 0)
    layout = Layout(layout.separator, layout.quoting, names, lead, layout.spaced_quotes)
    return replace(layout, lead=lead + layout.blank_lines(lines[lead:]))


def check_zeros(text: mmap | bytes, source: str, lines_before: int = 0) -> None:
    """Raises InputError for a NUL byte, naming its line: no text has one."""
    if (at := text.find(b"\0")) >= 0:
        line = lines_before + text[:at].count(b"\n") + 1
        expected = "CSV" if source == "standard input" else "CSV, Parquet or Feather"
        raise InputError(f"{source}, line {line:,}: a NUL byte: not a text file, or a damaged one; expected {expected}")


def _text(sample: bytes, source: str) -> bytes:
    if sample.startswith((b"\xff\xfe\0\0", b"\0\0\xfe\xff")):
        raise InputError(f"{source}: text in UTF-32; save it as UTF-8")
    if sample.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise InputError(f"{source}: text in UTF-16; save it as UTF-8")
    check_zeros(sample, source)
    if b"\r" in sample and b"\n" not in sample:
        raise InputError(f"{source}: its lines end with carriage returns alone; save it with line feeds")
    return sample.removeprefix(BYTE_ORDER_MARK)


def _with(sign: str, whole: mmap | bytes) -> Layout:
    """The layout by a separator: whether quotes quote there, judged by all quotes that stand where a value begins."""
    edges = b"\n \t" if sign == " " else b"\n" + sign.encode()
    field = re.compile(rb'"[^"]*+(?:""[^"]*+)*+("?) *([^\r\n%s]?)' % re.escape(edges))
    is_strict = sign in "\t|"  # messages and names are often written there without quoting any
    quoting = False
    at = whole.find(b'"')
    while at >= 0:
        before = at
        while before and whole[before - 1 : before] == b" ":
            before -= 1
        found = None
        if before == 0 or whole[before - 1] in edges or (before == 3 and whole[:3] == BYTE_ORDER_MARK):
            quoting = True
            if not is_strict:
                break
            found = field.match(whole, at)
            if found and (not found[1] or found[2]):
                return Layout(sign, False, (), 0, False)
        at = whole.find(b'"', found.end() if found else at + 1)
    spaced = quoting and sign != " " and re.search(re.escape(sign.encode()) + rb' +"', whole[:SAMPLE]) is not None
    return Layout(sign, quoting, (), 0, spaced)


def _values(layout: Layout, body: Sequence[bytes], most: int = JUDGED) -> list[list[str]]:
    rows = []
    for _, record in records(body, layout.quoting):
        if record.strip():
            rows.append([value.strip() for value in layout.values(record)])
            if len(rows) == most:
                break
    return rows


def _by_names(
    layouts: Sequence[Layout], body: Sequence[bytes], config: RunConfig, kinds: Mapping[str, ColumnKind] | None
) -> Layout | None:
    """Of new rows: the separator by which the first line has most of the names that are wanted.

    Of several, the one that most rows agree with: the only column's name stands there by each of them.
    """
    if not kinds:
        return None
    if config.table.delimiter != "auto":
        asked = layouts[list(SEPARATORS).index(config.table.delimiter)]
        return asked if len(_wanted(config, kinds)) == 1 else None  # a message may have many commas
    best, found = (0, 0.0), None
    for layout in layouts:
        rows = _values(layout, body)
        score = (len(set(rows[0]) & set(kinds)), sum(len(row) == len(rows[0]) for row in rows) / len(rows))
        if score[0] and score > best:
            best, found = score, layout
    return found


def _chosen(layouts: Sequence[Layout], body: Sequence[bytes], source: str, asked: str) -> Layout:
    """The separator that gives most records the same number of values, more than one; comma where none does."""
    scores: list[float] = []
    for layout in layouts:
        rows = _values(layout, body)
        (width, often), *_ = Counter(map(len, rows)).most_common(1)
        scores.append(often / len(rows) if width > 1 else 0.0)
        if layout.separator == " " and asked == "auto" and not _mostly_numbers(rows):
            scores[-1] = 0.0  # words of a text
    words = list(SEPARATORS)
    best = max(range(len(words)), key=lambda index: scores[index])
    if asked == "auto":
        return layouts[best] if scores[best] > 0.5 else layouts[words.index("comma")]
    if not scores[words.index(asked)] and scores[best] > 0.9:
        raise InputError(
            f"{source}: with --delimiter {asked} everything stands in one column; its lines look separated by "
            f"{PLURALS[words[best]]}: use --delimiter {words[best]}, or auto"
        )
    return layouts[words.index(asked)]


def _mostly_numbers(rows: Sequence[Sequence[str]]) -> bool:
    values = [value for row in rows for value in row]
    return 2 * sum(map(is_number, values)) > len(values)


def is_number(word: str) -> bool:
    """Whether it reads as one, `nan` and `inf` among them."""
    try:
        float(word)
    except ValueError:
        return False
    return "_" not in word


def _has_names(rows: Sequence[Sequence[str]], config: RunConfig, kinds: Mapping[str, ColumnKind] | None) -> bool:
    """Whether the first record names the columns.

    Names are no numbers, dates nor missing; below one of them stand numbers, or none of them is a value below.
    """
    first, below = rows[0], rows[1:]
    wanted = {*(kinds or ()), *config.data.target, *config.data.columns}
    if wanted & set(first):
        return True
    if any(is_number(word) or ISO_DATE.fullmatch(word) or word in config.table.missing for word in first):
        return False
    if not any(first) or not below:
        return any(first)
    columns = [[row[at] for row in below if at < len(row)] for at in range(len(first))]
    is_value: Callable[[str], object] = lambda word: is_number(word) or ISO_DATE.fullmatch(word)  # noqa: E731
    if any(2 * sum(map(bool, map(is_value, column))) > len(column) for column in columns):
        return True
    return all(word not in column for word, column in zip(first, columns, strict=True))


def _wanted(config: RunConfig, kinds: Mapping[str, ColumnKind] | None) -> set[str]:
    """Columns that new rows have to have."""
    return {name for name in kinds or () if name not in config.data.derived and name not in config.data.target}


def _names(first: Sequence[str], source: str) -> tuple[str, ...]:
    names = [word or f"column_{number}" for number, word in enumerate(first, 1)]
    twice = [name for name, count in Counter(names).items() if count > 1]
    if twice:
        places = [str(number) for number, name in enumerate(names, 1) if name == twice[0]]
        raise InputError(
            f"{source}: column {shown(twice[0])} stands there {len(places)} times (columns {', '.join(places)}); "
            "give each a name of its own, or say --header no if its first line is a row"
        )
    return tuple(names)


def _numbered(count: int, kinds: Mapping[str, ColumnKind] | None, config: RunConfig) -> tuple[str, ...]:
    """`column_1`, ...; those of new rows that lack the target have the remaining names, in their order."""
    wanted = _wanted(config, kinds)
    features = [name for name in kinds or () if name in wanted]
    if count == len(features) and all(re.fullmatch(r"column_\d+", name) for name in features):
        return tuple(features)
    return tuple(f"column_{number}" for number in range(1, count + 1))
