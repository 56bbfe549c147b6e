"""Steps that leave no trace: to measure them, to compile them, to let libraries set themselves up."""

from __future__ import annotations

import statistics
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

import torch

from tui_trainer.engine.step import EagerSteps

if TYPE_CHECKING:
    from tui_trainer.engine.session import Session

ROUNDS = 3
SECONDS_A_ROUND = 0.015
GAIN = 0.92  # of its time: what more threads have to save to be worth what they take from others


@contextmanager
def rehearsal(session: Session) -> Iterator[None]:
    """Weights, optimizer, figures, random state and counters are afterwards what they were."""
    tensors = [*session.steps.step.tensors(), *session.model.buffers()]
    kept = [tensor.clone() for tensor in tensors]
    meter, counters = dict(vars(session.meter)), (session.position, session.step, session.lr)
    random = torch.get_rng_state()
    random_cuda = torch.cuda.get_rng_state(session.device) if session.device.type == "cuda" else None
    with session.pace.warming_up():
        try:
            yield
        finally:
            for tensor, copy in zip(tensors, kept, strict=True):
                tensor.copy_(copy)
            vars(session.meter).update(meter)
            session.position, session.step, session.lr = counters
            torch.set_rng_state(random)
            if random_cuda is not None:
                torch.cuda.set_rng_state(random_cuda, session.device)


def fastest_threads(session: Session, most: int) -> int:
    """The CPU threads with which this net's steps take least time on this machine as it is now.

    Threads beyond what a step keeps busy, or on cores that somebody else uses, wait for one another: two runs of
    784-128-10 at batch 64 with two threads each are 7 times slower on two cores than with one thread each.
    """
    if most == 1:
        return 1
    choices = [1 << power for power in range(most.bit_length()) if 1 << power < most] + [most]
    seconds: dict[int, list[float]] = {threads: [] for threads in choices}
    before, steps = torch.get_num_threads(), session.steps
    with rehearsal(session):
        session.steps = EagerSteps(steps.step)  # nothing is compiled for this
        session.draw_order()
        for _ in range(ROUNDS):
            for threads in choices:
                torch.set_num_threads(threads)
                seconds[threads].append(_seconds_a_step(session))
    torch.set_num_threads(before)
    session.steps = steps
    best = choices[0]
    for threads in choices[1:]:
        if statistics.median(seconds[threads]) < GAIN * statistics.median(seconds[best]):
            best = threads
    return best


def _seconds_a_step(session: Session) -> float:
    """Of some steps at the place where the session stands; the first one wakes the threads and does not count."""
    place = session.position
    session.take_steps()
    began, steps = time.perf_counter(), 0
    while (spent := time.perf_counter() - began) < SECONDS_A_ROUND or not steps:
        session.position = place
        session.take_steps()
        steps += 1
    session.position = place
    return spent / steps
