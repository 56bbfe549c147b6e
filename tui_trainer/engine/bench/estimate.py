"""How long the rest of a bench takes: guesses made beforehand, corrected by how they have fared so far."""

from __future__ import annotations

from tui_trainer.bench_plan import product_flop
from tui_trainer.engine.bench.job import Job
from tui_trainer.engine.model import parameter_count
from tui_trainer.words import clock

CPU_FLOP_A_SECOND, GPU_FLOP_A_SECOND = 100e9, 10e12
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
    flop = product_flop(job.hidden, job.samples) / (CPU_FLOP_A_SECOND if is_cpu else GPU_FLOP_A_SECOND)
    step = SECONDS_A_STEP.get(program, OF_OURS)
    if program == "tutorial":
        step *= job.batch / 64  # it reads picture by picture
    if is_cpu and program != "floor":
        step += SECONDS_A_PARAMETER * parameter_count(job.data.inputs, job.hidden, job.data.outputs)
    return flop + job.steps * step


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
