"""One net at one batch size: every program warmed up, then in alternating rounds, the floor among them.

Machines are noisy, ratios within a round much less so: a share of the floor is the median over the rounds.
"""

from __future__ import annotations

import statistics
import time
from collections.abc import Callable, Generator
from dataclasses import dataclass, field
from typing import Any

from tui_trainer.bench_plan import RIVALS, spelled
from tui_trainer.engine.bench import ours, rivals
from tui_trainer.engine.bench.estimate import COMPILING, Estimate, guess
from tui_trainer.engine.bench.floor import products
from tui_trainer.engine.bench.job import Epoch, Job, NotMeasuredError, Timed, conditions
from tui_trainer.engine.peak_memory import Peak

FLOOR = "floor"
NO_FIGURE_ON_CUDA = ("jax", "scikit-learn")


@dataclass
class Program:
    """One row of a table."""

    name: str  # as `--against` has it, an engine of ours, or the floor
    kind: str  # ours, rival or floor
    label: str
    job: Job
    make: Callable[[Job], Epoch]
    guessed: float
    memory: int | None = None  # bytes
    times: list[Timed] = field(default_factory=list)
    epoch: Epoch | None = None

    def run(self) -> Timed:
        """One epoch."""
        with conditions(self.job), rivals.quiet():
            self.epoch = self.epoch or self.make(self.job)
            return self.epoch()

    @property
    def median(self) -> float:
        """Seconds of an epoch."""
        return statistics.median(timed.seconds for timed in self.times)

    @property
    def warm_up(self) -> float:
        """Guessed seconds of the first epoch."""
        return self.guessed + (COMPILING if self.name == "compile" else 0.0)


@dataclass
class Cell:
    """The programs of one net, batch size and precision."""

    job: Job
    programs: list[Program]
    left_out: dict[str, str]  # {program: why}

    @property
    def title(self) -> str:
        """`784-128-10, batch 64`."""
        precision = self.job.settings.hardware.precision
        return f"{spelled(self.job.hidden)}, batch {self.job.batch}" + (f", {precision}" * (precision != "float32"))

    def leave_out(self, name: str, why: str) -> None:
        """Not to be measured here."""
        if any(program.name == name for program in self.programs):
            self.programs = [program for program in self.programs if program.name != name]
            self.left_out[name] = why

    def expected(self, rounds: int) -> float:
        """Guessed seconds of everything."""
        return sum(program.warm_up + rounds * program.guessed for program in self.programs)


def planned(job: Job, threads: int, engines: list[str], against: tuple[str, ...]) -> Cell:
    """`job` has our threads, `threads` are the others'."""
    theirs = Job(job.settings, job.data, job.data_dir, job.device, threads)
    left_out: dict[str, str] = {}
    programs = []
    for name in against:
        try:
            if name != "plain" and job.settings.hardware.precision != "float32":
                raise NotMeasuredError("measured in float32 alone")
            programs.append(Program(name, "rival", RIVALS[name], theirs, rivals.maker(name), guess(theirs, name)))
        except NotMeasuredError as reason:
            left_out[name] = str(reason)
    programs += [Program(name, "ours", f"tui-trainer, {name}", job, _ours(name), guess(job, name)) for name in engines]
    programs.append(Program(FLOOR, "floor", "matrix products alone", theirs, products, guess(theirs, FLOOR)))
    return Cell(job, programs, left_out)


def _ours(engine: str) -> Callable[[Job], Epoch]:
    return lambda job: ours.trainer(job, engine)


def measured(cell: Cell, rounds: int, estimate: Estimate) -> Generator[str, None, None]:
    """Fill the cell's programs; a rival that fails is left out with what it said."""
    for program in list(cell.programs):
        yield f"{cell.title}  warming up {program.label}"
        peak = Peak(cell.job.device)
        if _runs(cell, program, program.warm_up, estimate) is None:
            continue
        program.memory = peak.bytes()
        if cell.job.device.type == "cuda" and program.name in NO_FIGURE_ON_CUDA:
            program.memory = None
    for number in range(1, rounds + 1):
        for program in list(cell.programs):
            if timed := _runs(cell, program, program.guessed, estimate):
                program.times.append(timed)
                yield f"{cell.title}  round {number}/{rounds}  {program.label}  {timed.seconds:.3f} s"


def _runs(cell: Cell, program: Program, guessed: float, estimate: Estimate) -> Timed | None:
    began = time.monotonic()
    try:
        timed = program.run()
    except Exception as error:
        if program.kind != "rival":
            raise
        cell.programs.remove(program)
        said = str(error) if isinstance(error, NotMeasuredError) else f"failed: {type(error).__name__}: {error}"
        cell.left_out[program.name] = " ".join(said.split())[:200]
        timed = None
    estimate.did(guessed, time.monotonic() - began)
    return timed


def result(cell: Cell) -> dict[str, Any]:
    """The cell for JSON and the tables."""
    job = cell.job
    floor = next(program for program in cell.programs if program.kind == "floor")
    tutorial = next((program for program in cell.programs if program.name == "tutorial"), None)
    return {
        "net": spelled(job.hidden),
        "batch": job.batch,
        "precision": job.settings.hardware.precision,
        "samples": job.samples,
        "steps": job.steps,
        "gflop": job.flop / 1e9,
        "programs": [_row(program, floor, tutorial) for program in cell.programs],
        "not_measured": cell.left_out,
    }


def _row(program: Program, floor: Program, tutorial: Program | None) -> dict[str, Any]:
    seconds = [timed.seconds for timed in program.times]
    median, job = program.median, program.job
    return {
        "program": program.name,
        "kind": program.kind,
        "label": program.label,
        "threads": job.threads,
        "seconds": median,
        "fastest": min(seconds),
        "slowest": max(seconds),
        "steps_per_second": job.steps / median,
        "samples_per_second": job.samples / median,
        "gflop_per_second": job.flop / median / 1e9,
        "share_of_products": ratio(floor, program),
        "times_the_tutorial": ratio(tutorial, program) if tutorial and program != floor else None,
        "memory_bytes": program.memory,
        "train_loss": program.times[-1].loss,
    }


def ratio(one: Program, other: Program) -> float:
    """Seconds of one over seconds of the other: the median of neighbours in time."""
    pairs = zip(one.times, other.times, strict=True)
    return statistics.median(a.seconds / b.seconds for a, b in pairs)
