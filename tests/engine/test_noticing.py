"""What a run says of its data before its first step."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from tests.engine.small import CPU, session
from tests.engine.test_preflight import made, without_leak
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.session import Session
from tui_trainer.events import Warned
from tui_trainer.knobs import build
from tui_trainer.worker import noticing
from tui_trainer.worker.noticing import noticed


def said(data: DataSet) -> list[str]:
    """The sentences of the warnings."""
    torch.set_num_threads(1)
    events = noticed(Session(build({}), data, CPU), Path())
    return [event.message for event in events if isinstance(event, Warned)]


def test_notes_leaks_and_duplicates_are_said_and_what_is_fine_is_not() -> None:
    data = replace(made(), notes=("2 rows of people.csv were dropped",))
    data.test.inputs[:3] = data.train.inputs[:3]
    leak, repeated, note = said(data)
    assert note == "2 rows of people.csv were dropped"
    assert leak.startswith("column leak predicts the target alone")
    assert repeated.startswith("3 of 120 test rows are also among the training rows")


def test_large_data_are_not_looked_through(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(noticing, "MOST_BYTES_OF_A_TABLE", 100)
    assert said(replace(made(), notes=("a note",))) == ["a note"]


def test_of_many_notes_the_first_are_said() -> None:
    lines = said(replace(without_leak(made()), notes=tuple(f"note {number}" for number in range(9))))
    assert lines[-2:] == ["note 4", "4 more notes on the data; --check shows all"]


def test_the_digits_are_fine() -> None:
    assert noticed(session(), Path()) == []


def test_a_full_disk_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    small = session(hidden="4,4")
    monkeypatch.setattr("shutil.disk_usage", lambda _path: type("Usage", (), {"free": 1000})())
    (event,) = noticed(small, Path("runs"))
    assert isinstance(event, Warned)
    assert "1.00 kB are free in runs; free some space" in event.message
