"""Tells TensorBoard what a run says, event by event, and shows it what the net gets wrong."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress

from tui_trainer.engine.session import Session
from tui_trainer.events import (
    EpochEnded,
    Evaluated,
    Event,
    HyperparametersChanged,
    Progress,
    RunEnded,
    RunResumed,
    RunStarted,
    Warned,
)
from tui_trainer.inside_events import Alerted, NetMeasured, RemedyApplied, WentBack
from tui_trainer.knobs import shown
from tui_trainer.run_dir import RunDir
from tui_trainer.worker.board import figures, looking
from tui_trainer.worker.board.pacing import (
    FIRST_POINTS,
    LEAST_SECONDS,
    MOST_HISTOGRAMS,
    MOST_PICTURES,
    MOST_POINTS,
    Affordable,
    Spaced,
)
from tui_trainer.worker.board.records import Records
from tui_trainer.worker.board.values import Value, end_of_session, hyperparameters, scalars, text

FOLDER = "tensorboard"
log = logging.getLogger("tui_trainer")


def told_to_tensorboard(events: Iterable[Event], run: RunDir, session: Session) -> Iterator[Event]:
    """Hands all events on. Whatever goes wrong with the writing is said once, and the run goes on without it."""
    board: _Board | None = None
    trouble = ""
    try:
        board = _Board(run, session)
    except Exception as error:
        trouble = _what(error)
    try:
        for event in events:
            if board:
                try:
                    board.tell(event)
                except Exception as error:
                    board, trouble = None, _what(error)
            is_last = isinstance(event, RunEnded)
            if not is_last:
                yield event
            if trouble:
                yield Warned(message=f"{run.path / FOLDER}: {trouble}; the run goes on without TensorBoard")
                trouble = ""
            if is_last:
                yield event
    finally:
        if board:
            with suppress(OSError):
                board.close()


def _what(error: Exception) -> str:
    if isinstance(error, OSError):
        return f"cannot be written: {error.strerror or error}"
    log.exception("writing for TensorBoard failed")
    return f"{type(error).__name__}: {' '.join(str(error).split())[:200]}"


class _Board:
    """Knows which events are worth a record, and when to look into the session."""

    def __init__(self, run: RunDir, session: Session) -> None:
        self._session, self._config = session, session.config
        self._records = Records(run.path / FOLDER)
        self._looks = Affordable()
        self._shown: EpochEnded | None = None  # the latest epoch
        self._is_looked_at = True  # that epoch
        self._looked = -1  # at the pictures of this step
        first = next(run.read_events(), None)
        self._begin(first.time if first else time.time())
        if self._records.is_new:
            for event in run.read_events():  # of a run that began without the flag
                self._tell(event)
            self._is_looked_at = True  # not by these weights

    def _begin(self, began: float) -> None:
        self._began = began  # Unix seconds, of the run
        most = {"progress": MOST_POINTS, "net_measured": MOST_HISTOGRAMS}
        self._spaced = {kind: Spaced(began, count, LEAST_SECONDS) for kind, count in most.items()}
        self._spaced["epoch_ended"] = Spaced(began, MOST_POINTS, LEAST_SECONDS, FIRST_POINTS)
        self._spaced_looks = Spaced(began, MOST_PICTURES)

    def close(self) -> None:
        """Nothing more will come."""
        self._records.close()

    def tell(self, event: Event) -> None:
        """Write what an event says. After an epoch, as far as time allows, look at what the net gets wrong."""
        self._tell(event)
        match event:
            case EpochEnded() if event.epoch == event.epochs or (
                self._looks.is_so() and self._spaced_looks.is_due(event.time)
            ):
                self._look(event, event.step, event.time)
            case RunEnded() if event.reason in ("stopped", "early_stopped") and not event.signal:
                if self._shown and not self._is_looked_at:
                    self._look(self._shown, event.step, event.time)

    def _tell(self, event: Event) -> None:
        match event:
            case Progress() | EpochEnded() | NetMeasured() if not self._is_due(event):
                return
            case Progress():
                self._write(event.step, event, scalars(figures.of_progress(event)))
            case EpochEnded():
                self._shown, self._is_looked_at = event, False
                self._write(event.step, event, scalars(figures.of_epoch(event)))
            case Evaluated():
                self._write(event.step, event, scalars(figures.of_scores(event)))
            case RunStarted():
                self._begin(event.time)
                self._go_on(-1, event)
                self._write(0, event, [text("run", figures.of_run(event))])
            case RunResumed() | WentBack():
                self._go_on(event.step, event)
            case NetMeasured():
                self._write(event.step, event, looking.inside(event))
                if event.pictures and self._looked == event.step:
                    with self._looks.measured():
                        self._write(event.step, event, looking.first_weights(event.pictures))
            case RunEnded():
                if self._session.config != self._config:  # changed live: the row says what the run ended with
                    self._go_on(event.step, event)
                self._write(event.step, event, self._end(event))
            case _:
                self._remark(event)

    def _go_on(self, step: int, event: Event) -> None:
        """With what was said up to this step, and the hyperparameters that are now in force."""
        self._records.go_on_from(step)
        self._config = self._session.config
        self._write(0, event, [hyperparameters(self._config, self._began)])

    def _remark(self, event: Event) -> None:
        """What is said in sentences. A tag has one value a step, so that each kind has a tag of its own."""
        match event:
            case Alerted():
                remedies = "".join(f"\n- {remedy.sentence}" for remedy in event.remedies)
                said = f"**{event.cause}** {event.evidence}\n{remedies}"
                self._write(event.step, event, [text(f"alerts/{event.kind}", said)])
            case RemedyApplied():
                self._write(event.step, event, [text("remedies", event.sentence)])
            case HyperparametersChanged():
                changes = [
                    text(f"changed/{name}", f"{name} {shown(event.before.get(name, ''))} → {shown(value)}")
                    for name, value in event.values.items()
                ]
                self._write(event.step, event, changes)

    def _is_due(self, event: Progress | EpochEnded | NetMeasured) -> bool:
        match event:
            case EpochEnded():
                is_last = event.epoch == event.epochs
            case NetMeasured():
                is_last = event.is_last
            case Progress():
                is_last = False
        return self._spaced[event.event].is_due(event.time) or is_last or self._looked == event.step

    def _end(self, event: RunEnded) -> list[Value]:
        values = [*scalars(figures.of_test(event)), *end_of_session(event), text("end", event.message)]
        if event.test_confusion and event.class_names:
            values += looking.confusion(event.test_confusion, event.class_names, "test")
        return values

    def _look(self, epoch: EpochEnded, step: int, seconds: float) -> None:
        session = self._session
        with self._looks.measured(), session.pace.aside():
            values = looking.at_mistakes(session)
            if epoch.confusion:
                values += looking.confusion(epoch.confusion, session.data.class_names, "validation")
            self._records.write(step, seconds, values)
        self._is_looked_at, self._looked = True, step

    def _write(self, step: int, event: Event, values: list[Value]) -> None:
        self._records.write(step, event.time, values)
