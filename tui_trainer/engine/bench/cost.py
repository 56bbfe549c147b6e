"""What a run costs beside its steps: reports, the event log, the look for commands, and the evaluation.

Each is timed where it happens, between two steps, with the device at rest: a difference of two whole epochs would
drown in the noise of the machine. That difference is measured too, by `whole_path`, and stands beside it.
"""

from __future__ import annotations

import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

from tui_trainer.engine.bench.job import Job, conditions
from tui_trainer.engine.data import DataSet
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import SECONDS_BETWEEN_REPORTS, end_epoch, progress, train
from tui_trainer.event_budget import EventBudget
from tui_trainer.events import EpochEnded, Event
from tui_trainer.knobs import changed
from tui_trainer.run_dir import EventFile, RunDir, Tail

REPORTS, STEPS_BETWEEN = 20, 2
EVALUATIONS = 3  # the first is a warm-up


class Cost(NamedTuple):
    """Seconds of each."""

    report: float  # one: loss read, event made and written, commands looked for
    epoch_event: float  # the line of an epoch's end
    evaluation: float  # of the test split, its figures and the best weights' copy included

    def reports_share(self, seconds_an_epoch: float) -> float:
        """Of training time, at ten reports a second."""
        return self.report / SECONDS_BETWEEN_REPORTS + self.epoch_event / seconds_an_epoch

    def evaluation_share(self, seconds_an_epoch: float) -> float:
        """Of training time, once an epoch."""
        return self.evaluation / seconds_an_epoch


def cost(job: Job, engine: str, whole: DataSet) -> Cost:
    """`whole` has the whole test split."""
    with conditions(job), _log() as (write, look):
        session = Session(changed(job.settings, {"engine": engine, "epochs": 1000}), whole, job.device)
        session.start_epoch()
        reports = []
        for _ in range(REPORTS):
            for _ in range(STEPS_BETWEEN):
                if not session.take_steps():
                    session.position = 0
                    session.start_epoch()
            began = job.settled()
            write(progress(session))
            look()
            reports.append(time.perf_counter() - began)
        evaluations, lines = [], []
        for _ in range(EVALUATIONS):
            session.start_epoch()
            session.take_steps()
            began = job.settled()
            ended = list(end_epoch(session, Saver(None)))
            evaluations.append(job.settled() - began)
            began = time.perf_counter()
            write(ended[0])
            lines.append(time.perf_counter() - began)
    return Cost(statistics.median(reports), statistics.median(lines), statistics.median(evaluations[1:]))


def whole_path(job: Job, engine: str, rounds: int) -> Iterator[tuple[float, float]]:
    """(seconds of an epoch as a run does it without its evaluation, seconds of its steps alone), after a warm-up."""
    settings = changed(job.settings, {"engine": engine, "epochs": 1_000_000})
    with conditions(job), _log() as (write, look):
        bare = Session(settings, job.data, job.device)
        events = train(Session(settings, job.data, job.device), Saver(None), look)
        for number in range(rounds + 1):
            whole = _epoch_as_a_run(events, write, job.samples)
            steps = _steps_alone(bare, job)
            if number:
                yield whole, steps


def _epoch_as_a_run(events: Iterator[Event], write: Callable[[Event], None], samples: int) -> float:
    for event in events:
        write(event)
        if isinstance(event, EpochEnded):
            return samples / event.samples_per_second
    raise RuntimeError("the run ended by itself")


def _steps_alone(session: Session, job: Job) -> float:
    session.position = 0
    began = job.settled()
    session.start_epoch()
    while session.take_steps():
        pass
    seconds = job.settled() - began
    session.epochs_done += 1
    return seconds


@contextmanager
def _log() -> Iterator[tuple[Callable[[Event], None], Callable[[], list[str]]]]:
    """How the worker writes its events and looks for commands, in a folder of its own."""
    with tempfile.TemporaryDirectory(prefix="tui-trainer-bench-") as folder:
        run = RunDir(Path(folder))
        run.commands.touch()
        file, tail = EventFile(run.events), Tail(run.commands)
        budget = EventBudget(time.time(), file.size)

        def write(event: Event) -> None:
            if line := budget.line_for(event):
                file.append(line)

        try:
            yield write, tail.new_lines
        finally:
            file.close()
