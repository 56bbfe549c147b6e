"""The learning-rate range test (Smith 2017, arXiv:1506.01186): the session's own steps, its own batches in their order.

On a GPU the losses stay there and are read a few times a second, so that some steps more than needed are taken beyond
the end; they do not count.
"""

from __future__ import annotations

import time
from collections.abc import Generator

from tui_trainer.engine.finders.recording import Recorder, recorded
from tui_trainer.engine.finders.rising import RisingSteps
from tui_trainer.engine.meter import NonFiniteLossError
from tui_trainer.engine.pace import Every
from tui_trainer.engine.session import Session
from tui_trainer.engine.step import EagerSteps
from tui_trainer.engine.training import SECONDS_BETWEEN_REPORTS, prepare
from tui_trainer.events import Event
from tui_trainer.finder_events import LrFound, LrTried, RangeEnd
from tui_trainer.lr_curve import Curve


def range_test(
    session: Session, low: float, high: float, steps: int, seconds_between_reports: float = SECONDS_BETWEEN_REPORTS
) -> Generator[Event | LrTried | LrFound, None, None]:
    """From `low` to `high` in at most so many steps; the last event is LrFound. Afterwards the session is spent.

    The session has no schedule, and may stand anywhere in a run.
    """
    test = _Test(session, Curve(low, high, steps))
    report = Every(seconds_between_reports)
    try:
        while test.end is None:
            session.start_epoch()
            yield from prepare(session)
            while test.end is None and session.take_steps():
                if report.is_due() or test.is_through:
                    yield test.tried()
            session.epochs_done += 1
            session.position = 0
    except NonFiniteLossError:
        yield test.tried()
    yield test.found()


class _Test:
    """A session whose rate rises, its losses, and what is known by now."""

    def __init__(self, session: Session, curve: Curve) -> None:
        if session.steps.name == "compile":  # compiling takes longer than the whole test
            session.steps = EagerSteps(session.steps.step)
        self._losses: Recorder = recorded(session, curve.steps)
        self._steps = session.steps = RisingSteps(session.steps, curve)
        self._session, self._curve = session, curve
        self._told = 0
        self._began = time.monotonic()

    @property
    def is_through(self) -> bool:
        """Whether all steps were taken; their losses may not have been read yet."""
        return len(self._steps.sizes) >= self._curve.steps

    @property
    def end(self) -> RangeEnd | None:
        """As far as losses were read."""
        return self._curve.end

    def tried(self) -> LrTried:
        """Read the losses."""
        curve, sizes = self._curve, self._steps.sizes
        known = len(curve.points)
        totals = self._losses.read()[known : curve.steps]
        curve.add(total / size for total, size in zip(totals, sizes[known:], strict=False))
        fresh, self._told = curve.points[self._told :], len(curve.points)
        done, seconds = len(curve.points), max(1e-9, time.monotonic() - self._began)
        left = 0.0 if curve.end else (curve.steps - done) * seconds / max(1, done)
        rate = sum(sizes) / seconds
        return LrTried(
            done=done, steps=curve.steps, points=fresh, samples_per_second=round(rate, 1), seconds_left=round(left, 1)
        )

    def found(self) -> LrFound:
        """What it comes to."""
        session, curve = self._session, self._curve
        told = curve.suggestion()
        done = len(curve.points)
        return LrFound(
            data=session.data.name,
            optimizer=session.config.optimizer.name,
            device=str(session.device),
            lr=session.config.optimizer.lr,
            batch_size=session.batch_size,
            low=curve.low,
            high=curve.high,
            steps=done,
            epochs=round(sum(self._steps.sizes[:done]) / len(session.data.train), 2),
            seconds=round(time.monotonic() - self._began, 3),
            end=curve.end or "all_steps",
            points=curve.points,
            suggestion=told.lr,
            lowest=told.lowest,
            steepest=told.steepest,
            sentence=told.sentence,
        )
