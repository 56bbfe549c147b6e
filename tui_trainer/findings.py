"""What a report of a check means: each finding with how much it matters, and in a sentence."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

from tui_trainer.errors import listed
from tui_trainer.report import Disk, LeakSearch, Memory, Repeats, Report
from tui_trainer.sizes import size_text
from tui_trainer.words import clock

Severity = Literal["warning", "note", "fine"]
SEVERITIES: tuple[Severity, ...] = ("warning", "note", "fine")
UNEVEN, VERY_UNEVEN = 3, 10  # times as many rows in the largest class as in the smallest
MOSTLY_MISSING = 0.5
SHARE_REPEATED = 0.01  # of the test rows: below it the figure of the test hardly moves
SHARE_OF_DISK = 0.5
MOST_NAMES = 5


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    severity: Severity
    about: str  # data, classes, missing, repeats, constant, leak, memory, disk
    sentence: str

    def to_json(self) -> dict[str, Any]:
        """For `json.dumps`."""
        return asdict(self)


def findings(report: Report) -> list[Finding]:
    """All of them, the gravest first."""
    return sorted(_all(report), key=lambda finding: SEVERITIES.index(finding.severity))


def shape(report: Report) -> str:
    """`adult.csv · 14 columns · 108-128-2 · 27,000 train + 3,000 validation + 15,000 test rows`."""
    net = "-".join(map(str, [report.inputs, *report.hidden, report.outputs]))
    split = [f"{report.train:,} train", f"{report.validation:,} validation", f"{report.test:,} test"]
    parts = [
        report.data,
        f"{len(report.columns):,} columns" if report.columns else "",
        net,
        f"{report.pace.parameters:,} parameters" if report.pace else "",
        " + ".join(part for part in split if not part.startswith("0 ")) + " rows",
    ]
    return " · ".join(filter(None, parts))


def expectation(report: Report) -> str:
    """`about 0:42 for 10 epochs, until 14:03 (12,345 samples/s on cpu, 2 threads, eager steps)`; "" if unmeasured."""
    pace = report.pace
    if pace is None:
        return ""
    threads = "1 thread" if pace.threads == 1 else f"{pace.threads} threads"
    where = report.memory.device if report.memory else ""
    how = ", ".join(filter(None, [where, threads if where == "cpu" else "", f"{pace.engine} steps"]))
    epochs = "1 epoch" if pace.epochs == 1 else f"{pace.epochs:,} epochs"
    begun = f"{_span(pace.seconds)} for {epochs}"
    if report.splits > 1:
        begun += f", {_span(report.splits * pace.seconds)} for {report.splits} runs"
    if pace.processes > 1:
        begun += f" in one process; {pace.processes} will share each batch"
    return f"{begun}, until {_end(pace.ends_at)} ({pace.samples_per_second:,.0f} samples/s on {how})"


def _span(seconds: float) -> str:
    if seconds < 1:
        return "less than a second"
    return f"about {seconds:.1f} s" if seconds < 10 else f"about {clock(seconds)}"


def _end(moment: float) -> str:
    """The time of day, with its date where that is not today."""
    try:
        then = time.localtime(moment)
    except (OverflowError, ValueError, OSError):
        return "the end of days"
    is_today = time.strftime("%j %Y", then) == time.strftime("%j %Y")
    return time.strftime("%H:%M" if is_today else "%Y-%m-%d %H:%M", then)


def _all(report: Report) -> Iterator[Finding]:
    for note in report.notes:
        yield Finding("note", "data", note)
    if report.pace and report.pace.diverged:
        yield Finding("warning", "pace", f"in some steps that were tried {report.pace.diverged}; choose a smaller --lr")
    if report.leaks:
        yield from _leaks(report.leaks)
    if report.repeats:
        yield from _repeats(report.repeats)
    if report.classes:
        yield from _classes(report)
    if report.columns:
        yield _missing(report)
    yield from _constant(report)
    if report.memory:
        yield _memory(report.memory)
    if report.disk:
        yield _disk(report.disk, report.splits)


def _leaks(search: LeakSearch) -> Iterator[Finding]:
    for leak in search.found:
        yield Finding(
            "warning",
            "leak",
            f"column {leak.column} predicts the target alone ({search.metric} {_share(search, leak.score)} against "
            f"{_share(search, leak.baseline)} without it); if it is not known beforehand, leave it out with "
            f"--columns {leak.column}=ignore",
        )
    if search.of and not search.columns:
        yield Finding("fine", "leak", "no column is narrow enough to try whether it predicts the target alone")
    if not search.found and search.columns:
        part = "" if search.columns == search.of else f" (looked at {search.columns:,} of {search.of:,})"
        yield Finding("fine", "leak", f"no column predicts the target alone{part}")


def _share(search: LeakSearch, score: float) -> str:
    return f"{score:.1%}" if search.metric == "accuracy" else f"{score:.3f}"


def _repeats(repeats: Repeats) -> Iterator[Finding]:
    if repeats.test_in_train:
        is_grave = repeats.test_in_train > 1 and repeats.test_in_train >= SHARE_REPEATED * repeats.test_rows
        pairs = "; ".join(f"{test} as {train}" for test, train in repeats.examples)
        yield Finding(
            "warning" if is_grave else "note",
            "repeats",
            f"{_of(repeats.test_in_train, repeats.test_rows, 'test row')} also among the training rows ({pairs}): the "
            "test will look better than new data",
        )
    if repeats.validation_in_train:
        yield Finding("note", "repeats", f"{_rows(repeats.validation_in_train, 'validation row')} also in training")
    if repeats.within_train:
        words = f"{_of(repeats.within_train, repeats.train_rows, 'training row')} a repetition of another one"
        if repeats.contradicting:
            words += f", {repeats.contradicting:,} of them with another target"
        yield Finding("note", "repeats", words)
    rows = repeats.train_rows + repeats.validation_rows + repeats.test_rows
    if not (repeats.test_in_train or repeats.validation_in_train or repeats.within_train):
        yield Finding("fine", "repeats", f"no duplicates in {rows:,} rows")


def _of(count: int, of: int, noun: str) -> str:
    return f"{count:,} of {of:,} {noun}s {'is' if count == 1 else 'are'}"


def _rows(count: int, noun: str) -> str:
    return f"{count:,} {noun} is" if count == 1 else f"{count:,} {noun}s are"


def _classes(report: Report) -> Iterator[Finding]:
    noun = "label" if report.task == "labels" else "class"
    plural = "labels" if report.task == "labels" else "classes"
    ordered = sorted(report.classes, key=lambda one: one.train)
    least, most = ordered[0], ordered[-1]
    if unseen := [one.name for one in report.classes if not one.test]:
        yield Finding("note", "classes", f"without a test row: {noun} {listed(unseen, MOST_NAMES)}")
    ratio = most.train / max(1, least.train)
    counts = f"{least.name} has {least.train:,} training rows, {most.name} {most.train:,} ({ratio:,.0f} times as many)"
    if ratio < UNEVEN:
        span = f"{least.train:,} to {most.train:,}" if least.train != most.train else f"{most.train:,}"
        yield Finding("fine", "classes", f"{len(ordered)} {plural}, {span} training rows each")
    elif ratio < VERY_UNEVEN or report.is_balanced or report.task == "labels":
        yield Finding("note", "classes", counts + ("; --class-weights evens them out" if report.is_balanced else ""))
    else:
        yield Finding("warning", "classes", counts + "; --class-weights balanced gives each class the same weight")


def _missing(report: Report) -> Finding:
    rows = max(1, report.train + report.validation + report.test)
    found = sorted((one for one in report.columns if one.missing), key=lambda one: -one.missing)
    if not found:
        return Finding("fine", "missing", "no missing values")
    mostly = [one for one in found if one.missing > MOSTLY_MISSING * rows]
    names = listed([f"{one.name} ({_percent(one.missing / rows)})" for one in found], MOST_NAMES)
    words = f"missing values in {len(found)} of {len(report.columns)} columns: {names}"
    return Finding("warning" if mostly else "note", "missing", words)


def _percent(share: float) -> str:
    return "<0.1%" if share < 0.001 else f"{min(1.0, share):.1%}"


def _constant(report: Report) -> Iterator[Finding]:
    left_out = {column.name for column in report.columns if column.kind == "constant"}  # their note says so
    names = [name for name in report.constant_columns if name not in left_out]
    if names:
        noun = "column" if len(names) == 1 else "columns"
        yield Finding(
            "note", "constant", f"{noun} with the same value in every training row: {listed(names, MOST_NAMES)}"
        )
    elif report.constant_inputs and not report.constant_columns:
        yield Finding(
            "note",
            "constant",
            f"{report.constant_inputs:,} of {report.inputs:,} inputs are the same in every training row",
        )


def _memory(memory: Memory) -> Finding:
    words = f"{size_text(memory.samples)} of samples and {size_text(memory.net)} for the net on {memory.device}"
    if memory.tier != "device":
        return Finding("warning", "memory", f"{words}; {memory.placed}: slower than on the device")
    return Finding("fine", "memory", f"{words}, {size_text(memory.free)} left")


def _disk(disk: Disk, splits: int) -> Finding:
    series = f" of {splits} runs" if splits > 1 else ""
    words = f"checkpoints{series} take up to {size_text(disk.needed)}, {size_text(disk.free)} are free in {disk.folder}"
    if disk.needed > disk.free:
        return Finding("warning", "disk", f"{words}; free some space or choose another folder with --runs-dir")
    return Finding("note" if disk.needed > SHARE_OF_DISK * disk.free else "fine", "disk", words)
