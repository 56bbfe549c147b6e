"""How fast steps of each batch size are and what memory they take: doubling, until no more fits or all samples do.

The learning rate is next to nothing, so that every size has the same weights to work on. A GPU's clock is steady: each
size is measured there as it comes, in a graph of its own. On the CPU, where others compute too, each round goes over
all sizes again.
"""

from __future__ import annotations

import gc
import statistics
import time
from collections.abc import Generator

import psutil
import torch

from tui_trainer.batch_knee import advice, knee, moved_lr, sizes_between, why_no_larger
from tui_trainer.engine.meter import NonFiniteLossError
from tui_trainer.engine.peak_memory import Peak
from tui_trainer.engine.session import Session
from tui_trainer.engine.step import EagerSteps
from tui_trainer.engine.training import prepare
from tui_trainer.errors import InputError
from tui_trainer.events import Event
from tui_trainer.finder_events import BatchEnd, BatchFound, BatchRow, BatchTried
from tui_trainer.finder_plans import LEAST_BATCH, BatchPlan
from tui_trainer.knobs import changed
from tui_trainer.sizes import size_text

NO_LR = 1e-12
SECONDS_A_ROUND = 0.1
MOST_SECONDS_A_STEP = 5.0
SHARE_OF_FREE = 0.5  # of the host's memory: estimates are coarse, and others need some


class _TooLargeError(Exception):
    """The next size is not measured: `end`, and why in words."""

    def __init__(self, end: BatchEnd, cause: str) -> None:
        super().__init__(cause)
        self.end = end


def batch_rates(session: Session, plan: BatchPlan) -> Generator[Event | BatchTried | BatchFound, None, None]:
    """The last event is BatchFound; `plan.config` says what the session would train with. The session is spent.

    Raises InputError where not even the smallest size can be measured, or there are fewer samples.
    """
    climb = _Climb(session, plan)
    try:
        for size in climb.sizes:
            climb.check_room(size)
            for _ in range(plan.rounds if climb.is_cuda else 1):
                yield from climb.measured(size)
    except _TooLargeError as reason:
        climb.stop(reason)
    except NonFiniteLossError as error:
        raise InputError(f"{error}, with weights that do not move: the data or the net cannot be trained on") from None
    for _ in range(0 if climb.is_cuda else plan.rounds - 1):
        for row in climb.rows():
            yield from climb.measured(row.size)
    yield climb.found()


class _Climb:
    """All sizes, and what was measured of them."""

    def __init__(self, session: Session, plan: BatchPlan) -> None:
        if session.steps.name == "compile":  # compiling each size would take minutes
            session.steps = EagerSteps(session.steps.step)
        self._session, self._plan = session, plan
        samples = len(session.data.train)
        if plan.least > max(samples, LEAST_BATCH):  # the default is cut silently
            raise InputError(
                f"--least {plan.least:,} is more than the {samples:,} training samples; choose a smaller one"
            )
        self._present = session.batch_size
        self.is_cuda = session.device.type == "cuda"
        self._most = min(samples, plan.most or samples)
        self.sizes = sizes_between(plan.least, self._most)
        self._end: BatchEnd = "samples" if self._most == samples else "asked"
        self._cause = ""
        self._seconds: dict[int, list[float]] = {}  # a step
        self._memory: dict[int, int] = {}
        self._began = time.monotonic()

    def check_room(self, size: int) -> None:
        """Raises _TooLargeError where a step of this size would take too much, judged by the one before."""
        if not self._seconds:
            return
        before = max(self._seconds)
        seconds = statistics.median(self._seconds[before]) * size / before
        if seconds > MOST_SECONDS_A_STEP:
            raise _TooLargeError("seconds", f"a step would take about {seconds:.0f} s")
        if self.is_cuda:
            return
        needed, free = self._memory[before] * size // before, psutil.virtual_memory().available
        if needed > SHARE_OF_FREE * free:
            raise _TooLargeError(
                "memory", f"it would take about {size_text(needed)}, and {size_text(free)} of memory are free"
            )

    def measured(self, size: int) -> Generator[Event | BatchTried, None, None]:
        """One round of a size. Raises _TooLargeError where the device has no room for it."""
        is_new = size not in self._seconds
        try:
            if not self._seconds:
                yield from self._begin(size)  # what libraries set up once is no memory of this size
                self._take()
            peak = Peak(self._session.device, collects=False) if is_new else None
            yield from self._begin(size)
            seconds = self._seconds_a_step()
        except RuntimeError as error:
            if not _is_out_of_memory(error):
                raise
            if not self._seconds:
                raise InputError(
                    f"--least {size}: not even a batch of this size fits the device; choose a smaller one, or smaller "
                    "layers with --hidden"
                ) from None
            words = str(error).partition(". ")[0]
            raise _TooLargeError("memory", f"{self._session.device} said: {words}") from None
        self._seconds.setdefault(size, []).append(seconds)
        if peak:
            self._memory[size] = peak.bytes()
        yield self._tried(size)

    def _begin(self, size: int) -> Generator[Event, None, None]:
        session = self._session
        session.position = 0
        session.change(changed(session.config, {"batch_size": size, "drop_last": True, "lr": NO_LR}))
        session.start_epoch()
        yield from prepare(session)

    def _seconds_a_step(self) -> float:
        """The first step or block wakes the threads, or lets libraries set themselves up, and does not count."""
        self._take()
        self._wait()
        began, steps = time.perf_counter(), 0
        while not steps or time.perf_counter() - began < SECONDS_A_ROUND:
            steps += self._take()
            if self.is_cuda and steps % 8 == 0:
                self._wait()  # or steps would queue up far ahead of the clock
        self._wait()
        return (time.perf_counter() - began) / steps

    def _take(self) -> int:
        """One step or block, from the epoch's start again where none is left. Returns its steps."""
        session, before = self._session, self._session.step
        if not session.take_steps():
            session.position = 0
            session.take_steps()
        return session.step - before

    def _wait(self) -> None:
        if self.is_cuda:
            torch.cuda.synchronize(self._session.device)

    def stop(self, reason: _TooLargeError) -> None:
        """No larger size; what the failed one held is freed."""
        self._end, self._cause = reason.end, str(reason)
        if self.is_cuda:
            gc.collect()
            torch.cuda.empty_cache()

    def rows(self) -> list[BatchRow]:
        """In the order of their sizes."""
        return [self._row(size) for size in sorted(self._seconds)]

    def _row(self, size: int) -> BatchRow:
        seconds = statistics.median(self._seconds[size])
        return BatchRow(
            size=size,
            samples_per_second=round(size / seconds, 1),
            seconds_a_step=round(seconds, 7),
            steps_an_epoch=-(-len(self._session.data.train) // size),
            memory=self._memory[size] if self.is_cuda else None,
        )

    def _tried(self, size: int) -> BatchTried:
        """What is left: the rounds of the sizes measured, and the larger ones as long as these in proportion."""
        rounds = self._plan.rounds
        done = sum(map(len, self._seconds.values()))
        sizes = sorted(self._seconds) if self._end in ("memory", "seconds") else self.sizes
        per_step = statistics.median(self._seconds[size]) / size
        ahead = sum(
            (rounds - len(self._seconds.get(one, ()))) * (SECONDS_A_ROUND + 2 * per_step * one) for one in sizes
        )
        return BatchTried(
            done=done, of=max(done, rounds * len(sizes)), row=self._row(size), seconds_left=round(max(0.0, ahead), 1)
        )

    def found(self) -> BatchFound:
        """What it comes to."""
        session, rows, optimizer = self._session, self.rows(), self._plan.config.optimizer
        largest, best = rows[-1].size, knee(rows)
        following = next((size for size in self.sizes if size > largest), None)
        return BatchFound(
            data=session.data.name,
            optimizer=optimizer.name,
            device=str(session.device),
            lr=optimizer.lr,
            batch_size=self._present,
            rows=rows,
            largest=largest,
            end=self._end,
            knee=best,
            knee_lr=moved_lr(optimizer.lr, optimizer.name, self._present, best),
            sentence=why_no_larger(self._end, largest, following, self._cause),
            advice=advice(optimizer.lr, optimizer.name, self._present, best),
            seconds=round(time.monotonic() - self._began, 3),
        )


def _is_out_of_memory(error: BaseException) -> bool:
    """Also where it came in the middle of a capture, whose end then fails too; the host's has no class of its own."""
    if isinstance(error, torch.cuda.OutOfMemoryError) or "can't allocate memory" in str(error):
        return True
    return error.__context__ is not None and _is_out_of_memory(error.__context__)
