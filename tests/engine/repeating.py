"""Runs whose exported program is run, too: the losses of both."""

from __future__ import annotations

import contextlib
import io
import re
import subprocess
import sys
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import torch

from tests.engine.small import run, session
from tests.engine.task_data import session_of
from tui_trainer.commands import Command
from tui_trainer.engine.data.arrays import ArrayEncoding
from tui_trainer.engine.export.exporting import export
from tui_trainer.engine.export.program import Story, program_of
from tui_trainer.engine.export.program.data import tensors_beside
from tui_trainer.engine.model import scaling_of
from tui_trainer.engine.session import Session
from tui_trainer.events import EpochEnded, RunEnded
from tui_trainer.export_plan import ExportPlan, Format
from tui_trainer.knobs import KNOBS
from tui_trainer.run_dir import EventFile, RunDir
from tui_trainer.runs_folder import lay_out
from tui_trainer.worker.facts import started
from tui_trainer.worker.part import ALONE_PART

LINE = re.compile(r"Epoch +\d+/\d+  loss (\S+)  val_loss (\S+)")
Inbox = Callable[[], Sequence[str | Command]]


@dataclass(frozen=True)
class Losses:
    """(train, val) of each epoch, and the test's."""

    epochs: list[tuple[float, float]]
    test: float | None

    def furthest(self, other: Losses) -> float:
        """The largest difference, relative to losses above 1; of epochs that only one has, infinite."""
        if len(self.epochs) != len(other.epochs) or self.test is None or other.test is None:
            return float("inf")
        pairs = [(self.test, other.test)]
        for ours, theirs in zip(self.epochs, other.epochs, strict=True):
            pairs += zip(ours, theirs, strict=True)
        return max(abs(a - b) / max(1.0, abs(a)) for a, b in pairs)


def made(task: str = "digits", **values: Any) -> Session:
    """A session of one of `task_data.arrays`' tasks, or of the digits."""
    if task == "digits":
        return session(**values)
    of = session_of(task, **values)
    return Session(of.config, replace(of.data, encoding=ArrayEncoding(of.data.inputs, "floats")), of.device)


def of_events(events: Sequence[Any]) -> Losses:
    """What a run said."""
    epochs = [(event.train_loss, event.val_loss or 0.0) for event in events if isinstance(event, EpochEnded)]
    end = events[-1]
    assert isinstance(end, RunEnded)
    return Losses(epochs, end.test_loss)


def of_program(path: Path) -> Losses:
    """What a program prints, run in this process."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said):
        exec(compile(path.read_text(), str(path), "exec"), {"__file__": str(path), "__name__": "__main__"})
    return of_text(said.getvalue())


def of_text(text: str) -> Losses:
    """What a program has printed."""
    epochs = [(float(train), float(val)) for train, val in LINE.findall(text)]
    test = re.search(r"^test_loss (\S+)", text, re.MULTILINE)
    return Losses(epochs, float(test[1]) if test else None)


def program(of: Session, folder: Path) -> Path:
    """A session's program, without a run's folder."""
    story = Story("it", of.config, replace(of.data, scaling=scaling_of(of.data)))
    torch.save(tensors_beside(story, None), folder / "it-data.pt")
    path = folder / "it.py"
    path.write_text(program_of(story, "it-data.pt"))
    return path


def recorded(folder: Path, of: Session, inbox: Inbox | None = None) -> tuple[RunDir, Losses]:
    """A run's folder as a worker leaves it; with an inbox it is asked after every step."""
    folder.mkdir(parents=True)
    here = RunDir(folder)
    lay_out(here, of.config)
    file = EventFile(here.events)
    file.append(started(here, of, ALONE_PART).to_line() + "\n")
    events = run(of, here.checkpoints, *([inbox] if inbox else []), every_step=inbox is not None)
    for event in events:
        file.append(event.to_line() + "\n")
    file.close()
    return here, of_events(events)


def exported(of: RunDir, to: Format, out: Path) -> list[str]:
    """The sentences of an export."""
    plan = ExportPlan(to, out, None, False, None)
    return [step.sentence for step in export(of, plan) if step.sentence]


def live(**values: Any) -> str:
    """A line of commands.jsonl."""
    assert all(KNOBS[name].is_live for name in values)
    text = ", ".join(f'"{name}": {value}' for name, value in values.items())
    return f'{{"command": "set", {text}}}'


def check_style(path: Path) -> None:
    """As ruff would have it, where it is at hand."""
    ruff = Path(sys.executable).with_name("ruff")
    if ruff.exists():
        flags = ("--isolated", "--line-length", "120")
        for words in (("check", "--select", "E,F,W,I,B,SIM,PIE"), ("format", "--check")):
            checked = subprocess.run([ruff, *words, *flags, path], capture_output=True, text=True, check=False)
            assert checked.returncode == 0, checked.stdout + path.read_text()
