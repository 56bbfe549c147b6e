"""How fast a run goes: active seconds, samples a second, time left. Pauses do not count."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Protocol


class Looks(Protocol):
    """Tells the loop when to look up from its steps."""

    def is_due(self) -> bool:
        """Asked after every step."""


class Every:
    """True at most once in so many seconds; short epochs share one clock."""

    def __init__(self, seconds: float) -> None:
        self._seconds = seconds
        self._at = time.monotonic() + seconds

    def is_due(self) -> bool:
        """Whether the time has come; if so, the wait begins anew."""
        now = time.monotonic()
        if now < self._at:
            return False
        self._at = now + self._seconds
        return True


class Pace:
    """`seconds` goes on from what earlier processes of the run spent."""

    def __init__(self, seconds_before: float = 0.0) -> None:
        self._before = seconds_before
        self._began = self._epoch_began = self._reported = self._rate_began = time.monotonic()
        self._set_aside = 0.0  # in the running epoch: evaluation, saving
        self._samples = self._epoch_samples = self._since_report = 0

    @property
    def seconds(self) -> float:
        """Active seconds of the run."""
        return self._before + time.monotonic() - self._began

    @property
    def epoch_seconds(self) -> float:
        """Active seconds of this epoch in this process."""
        return time.monotonic() - self._epoch_began

    def start_epoch(self) -> None:
        """Begin to count an epoch."""
        self._epoch_began = time.monotonic()
        self._set_aside = 0.0
        self._epoch_samples = 0

    def count(self, samples: int) -> None:
        """A step was done."""
        self._samples += samples
        self._epoch_samples += samples
        self._since_report += samples

    def report(self) -> float:
        """Samples a second since the last report."""
        now = time.monotonic()
        rate = self._since_report / max(1e-9, now - self._reported)
        self._reported, self._since_report = now, 0
        return rate

    def epoch_rate(self) -> float:
        """Samples a second of this epoch's training alone."""
        return self._epoch_samples / max(1e-9, self.epoch_seconds - self._set_aside)

    def seconds_left(self, samples_left: int) -> float:
        """At the mean rate of this process, or since it was forgotten; evaluations included."""
        return samples_left * (time.monotonic() - self._rate_began) / max(1, self._samples)

    def forget_rate(self) -> None:
        """What was so fast until now no longer is: another batch size."""
        self._rate_began = time.monotonic()
        self._samples = 0

    @contextmanager
    def aside(self) -> Iterator[None]:
        """Time that counts for the run but not as training: evaluation, saving."""
        start = time.monotonic()
        yield
        spent = time.monotonic() - start
        self._set_aside += spent
        self._reported += spent

    @contextmanager
    def warming_up(self) -> Iterator[None]:
        """Time that counts for the run, and neither as training nor for what is left of it; nor do its samples."""
        start = time.monotonic()
        counted = self._samples, self._epoch_samples, self._since_report
        with self.aside():
            yield
        self._samples, self._epoch_samples, self._since_report = counted
        self._rate_began += time.monotonic() - start

    @contextmanager
    def stopped(self) -> Iterator[None]:
        """Time that does not count at all: a pause, with what is saved and evaluated in it.

        Going back and other batch sizes begin the rate or the epoch anew in the midst of it: they begin at its end.
        """
        start = time.monotonic()
        began, reported, set_aside = self._began, self._reported, self._set_aside
        yield
        now = time.monotonic()
        spent = now - start
        self._began, self._reported = began + spent, reported + spent
        self._set_aside = 0.0 if self._epoch_began >= start else set_aside
        self._epoch_began = min(now, self._epoch_began + spent)
        self._rate_began = min(now, self._rate_began + spent)
