"""What a run says of its data and its machine before its first step: the cheap part of a check.

At most some 0.2 s, and next to nothing for the data sets that are known by name and large, as MNIST.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

from tui_trainer.engine.preflight import BRIEF, class_counts, disk, leaks, memory, repeats
from tui_trainer.engine.session import Session
from tui_trainer.events import Event, Warned
from tui_trainer.findings import findings
from tui_trainer.report import Report

MOST_BYTES = 16_000_000  # of all inputs: beyond it rows are not compared at the start (0.03 s)
MOST_BYTES_OF_A_TABLE = 200_000_000  # where rows that stand there twice are likelier (0.3 s)
MOST_NOTES = 5


def noticed(session: Session, folder: Path) -> list[Event]:
    """Whatever is worth a warning, and notes of the reader. `folder` will hold the checkpoints."""
    judged = findings(_report(session, folder))
    warnings = [Warned(message=finding.sentence) for finding in judged if finding.severity == "warning"]
    return [*warnings, *(Warned(message=sentence, is_note=True) for sentence in _notes(session.data.notes))]


def _notes(notes: tuple[str, ...]) -> Iterator[str]:
    yield from notes[:MOST_NOTES]
    if len(notes) > MOST_NOTES:
        yield f"{len(notes) - MOST_NOTES} more notes on the data; --check shows all"


def _report(session: Session, folder: Path) -> Report:
    data = session.data
    splits = [split for split in (data.train, data.validation, data.test) if split is not None]
    report = Report(
        *(data.name, data.task, data.inputs, data.outputs, len(data.train), 0, len(data.test)),
        classes=class_counts(data),
        is_balanced=data.class_weights is not None,
        memory=memory(session),
        disk=disk(session, folder),
    )
    if sum(split.inputs.nbytes for split in splits) > (MOST_BYTES_OF_A_TABLE if data.columns else MOST_BYTES):
        return report
    found = leaks(data, BRIEF) if data.columns else None  # scikit-learn is loaded already where a table was read
    return replace(report, repeats=repeats(data), leaks=found)
