"""How long the rest of a bench takes: guesses made beforehand, corrected by how they have fared so far."""

from __future__ import annotations

from tui_trainer.bench_plan import forward_flop
from tui_trainer.engine.bench.job import Job
from tui_trainer.engine.model import parameter_count
from tui_trainer.words import clock

FLOP_OF_A_THREAD, FLOP_OF_A_GPU, MOST_THREADS = 60e9, 10e12, 16  # a second; more threads hardly help such nets
SECONDS_A_STEP = {  # beside the products, measured on two cores at batch 64
    "tutorial": 7e-3, "lightning": 4e-3, "skorch": 1.2e-3, "scikit-learn": 6e-4, "jax": 2e-4, "plain": 4e-4,
    "floor": 1e-5,
}  # fmt: skip
OF_OURS = 3e-4
SECONDS_A_PARAMETER = 1.5e-9  # of Adam, a step
COMPILING = 15.0
TRUST = 20.0  # guessed seconds that must be done before their pace counts as much as the guess


def guess(job: Job, program: str) -> float:
    """Seconds of one epoch."""
    is_cpu = job.device.type == "cpu"
    step = SECONDS_A_STEP.get(program, OF_OURS)
    if program == "tutorial":
        step *= job.batch / 64  # it reads picture by picture
    if is_cpu and program != "floor":
        step += SECONDS_A_PARAMETER * parameter_count(job.data.inputs, job.hidden, job.data.outputs)
    return job.flop / _rate(job) + job.steps * step


def guess_cost(job: Job, evaluations: int) -> float:
    """Seconds of what `cost.cost` does."""
    return 0.3 + evaluations * forward_flop(job.hidden, len(job.data.test)) / _rate(job)


def _rate(job: Job) -> float:
    return FLOP_OF_A_GPU if job.device.type == "cuda" else FLOP_OF_A_THREAD * min(job.threads, MOST_THREADS)


class Estimate:
    """Told what is planned and what is done, in guessed seconds; `measured` is what that really took."""

    def __init__(self) -> None:
        self._planned = 0.0
        self._done = 0.0
        self._measured = 0.0

    def plan(self, guessed: float) -> None:
        """So much more is to come."""
        self._planned += guessed

    def did(self, guessed: float, measured: float) -> None:
        """A part of it is done."""
        self._done += guessed
        self._measured += measured

    @property
    def seconds_left(self) -> float:
        """At the pace of what is done."""
        pace = (self._measured + TRUST) / (self._done + TRUST)
        return max(0.0, self._planned - self._done) * pace

    @property
    def spoken(self) -> str:
        """`about 3:10 left`."""
        return f"about {clock(self.seconds_left)} left"
