"""What a report means: how grave each finding is, and its sentence."""

from __future__ import annotations

from dataclasses import replace

from tui_trainer.findings import Severity, expectation, findings, shape
from tui_trainer.report import (
    ClassCount,
    ColumnFacts,
    Disk,
    Leak,
    LeakSearch,
    Memory,
    Pace,
    Repeats,
    Report,
)

PLAIN = Report("people.csv", "classes", 20, 2, 800, 100, 100, hidden=(64,))
PACE = Pace(1474, 20, "eager", 2, 12345.6, 0.1, 10, 42.2, 0.0)


def judged(report: Report) -> dict[str, tuple[Severity, str]]:
    """By what they are about."""
    return {finding.about: (finding.severity, finding.sentence) for finding in findings(report)}


def counts(least: int, most: int) -> tuple[ClassCount, ...]:
    """Two classes."""
    return ClassCount("few", least, 5, 5), ClassCount("many", most, 5, 5)


def test_the_gravest_findings_come_first() -> None:
    disk = Disk("runs", 1, 1, 4, 2)
    report = replace(PLAIN, notes=("2 rows were dropped",), classes=counts(100, 100), disk=disk)
    assert [finding.severity for finding in findings(report)] == ["warning", "note", "fine"]


def test_uneven_classes_are_a_warning_unless_they_are_weighted() -> None:
    assert judged(replace(PLAIN, classes=counts(100, 120)))["classes"][0] == "fine"
    assert judged(replace(PLAIN, classes=counts(100, 400)))["classes"][0] == "note"
    severity, sentence = judged(replace(PLAIN, classes=counts(10, 1000)))["classes"]
    assert severity == "warning"
    assert sentence.startswith("few has 10 training rows, many 1,000 (100 times as many); --class-weights balanced")
    assert judged(replace(PLAIN, classes=counts(10, 1000), is_balanced=True))["classes"][0] == "note"


def test_test_rows_that_were_trained_on_are_a_warning_where_they_are_more_than_a_few() -> None:
    few = Repeats(0, 0, 0, 1, 800, 100, 100, (("people.csv, row 3", "people.csv, row 7"),))
    assert judged(replace(PLAIN, repeats=few))["repeats"][0] == "note"
    severity, sentence = judged(replace(PLAIN, repeats=replace(few, test_in_train=20)))["repeats"]
    assert severity == "warning"
    assert sentence.startswith(
        "20 of 100 test rows are also among the training rows (people.csv, row 3 as people.csv, row 7)"
    )
    none = judged(replace(PLAIN, repeats=replace(few, test_in_train=0)))["repeats"]
    assert none == ("fine", "no duplicates in 1,000 rows")


def test_a_leak_names_the_column_and_how_to_leave_it_out() -> None:
    search = LeakSearch("accuracy", 3, 3, 800, (Leak("code", 0.999, 0.5),))
    severity, sentence = judged(replace(PLAIN, leaks=search))["leak"]
    assert severity == "warning"
    assert "column code predicts the target alone (accuracy 99.9% against 50.0%" in sentence
    assert "--columns code=ignore" in sentence
    part = LeakSearch("R²", 3, 40, 800, ())
    assert judged(replace(PLAIN, leaks=part))["leak"] == (
        "fine", "no column predicts the target alone (looked at 3 of 40)",
    )  # fmt: skip
    none = replace(part, columns=0)
    assert judged(replace(PLAIN, leaks=none))["leak"][1].startswith("no column is narrow enough")


def test_missing_values_are_named_by_column_the_most_first() -> None:
    columns = (ColumnFacts("a", "number", 10), ColumnFacts("b", "number", 300), ColumnFacts("c", "number"))
    assert judged(replace(PLAIN, columns=columns))["missing"] == (
        "note", "missing values in 2 of 3 columns: b (30.0%), a (1.0%)",
    )  # fmt: skip
    assert judged(replace(PLAIN, columns=(ColumnFacts("a", "number", 600),)))["missing"][0] == "warning"
    assert judged(replace(PLAIN, columns=columns[2:]))["missing"] == ("fine", "no missing values")


def test_memory_and_disk_that_do_not_suffice_are_warnings() -> None:
    memory = Memory("cuda:0", 10**9, 10**6, 10**8, "host", "1.00 GB of training samples in the host's memory")
    assert judged(replace(PLAIN, memory=memory))["memory"][0] == "warning"
    assert judged(replace(PLAIN, memory=replace(memory, tier="device")))["memory"][0] == "fine"
    disk = Disk("runs", 10, 10, 50, 40)
    assert judged(replace(PLAIN, disk=disk))["disk"][0] == "warning"
    assert judged(replace(PLAIN, disk=replace(disk, free=60)))["disk"][0] == "note"
    assert judged(replace(PLAIN, disk=replace(disk, free=6000)))["disk"][0] == "fine"


def test_the_expectation_names_the_time_and_what_it_was_measured_on() -> None:
    assert expectation(PLAIN) == ""
    memory = Memory("cpu", 1, 1, 1, "device", "")
    said = expectation(replace(PLAIN, pace=PACE, memory=memory))
    assert said.startswith("about 0:42 for 10 epochs, until 1970-01-01")
    assert said.endswith("(12,346 samples/s on cpu, 2 threads, eager steps)")
    series = expectation(replace(PLAIN, pace=replace(PACE, processes=2), splits=20))
    assert "about 14:04 for 20 runs in one process; 2 will share each batch" in series
    assert "the end of days" in expectation(replace(PLAIN, pace=replace(PACE, ends_at=1e300)))


def test_the_shape_counts_what_there_is() -> None:
    assert shape(PLAIN) == "people.csv · 20-64-2 · 800 train + 100 validation + 100 test rows"
    assert shape(replace(PLAIN, validation=0)).endswith("800 train + 100 test rows")
