"""Every event of a training goes to the run's folder, then to whoever follows; whatever goes wrong is an event too."""

from __future__ import annotations

import logging
import time
from collections.abc import Iterator
from contextlib import suppress
from itertools import chain

from tui_trainer.engine.ranks import PeerLostError
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.steering import Inbox
from tui_trainer.engine.training import train
from tui_trainer.errors import StorageError
from tui_trainer.event_budget import EventBudget
from tui_trainer.events import Event, RunEnded
from tui_trainer.first_aid import FirstAid
from tui_trainer.run_dir import EventFile, RunDir
from tui_trainer.run_state import folded
from tui_trainer.worker.part import Part, in_words

log = logging.getLogger("tui_trainer")


def trained(
    run: RunDir, session: Session, first: list[Event], inbox: Inbox, part: Part, *, has_gone_back: bool = False
) -> Iterator[Event]:
    """Train, recording every event in the folder; whatever goes wrong ends in a RunEnded.

    A session that has gone back behind the last checkpoint is saved first: what is in its way is void.

    Of several processes the first records, and the others train along. What makes one of them die is for our agent
    to say, where it has started them.
    """
    _log_to(run)
    saver = Saver(run.checkpoints, session.group)
    saver.knows_best(session.record.best_epoch if session.best_weights and not has_gone_back else 0)
    if not part.is_first:
        yield from train(session, saver)
        return
    file = None
    try:
        file = EventFile(run.events)
        budget = EventBudget(_began(run), file.size)
        if part.line:
            part.line.say_begun()
        first_aid = FirstAid(chain(run.read_milestones(), first), session.step)
        before = chain(first, saver.save_over(session) if has_gone_back else ())
        for event in _said(run, session, chain(before, train(session, saver, inbox, first_aid=first_aid))):
            whole = (
                event.model_copy(update={"run": run.name, "run_dir": str(run.path)})
                if event.event == "run_ended"
                else event
            )
            if line := budget.line_for(whole):
                file.append(line)
            yield whole
    except Exception as error:
        if not isinstance(error, StorageError | PeerLostError):
            log.exception("the run failed")
        if part.line and not isinstance(error, StorageError):
            raise
        end = failed(run, _what(run, error))
        if file:
            _append_if_possible(file, end)
        yield end
    finally:
        if file:
            file.close()


def _said(run: RunDir, session: Session, events: Iterator[Event]) -> Iterator[Event]:
    if not session.config.output.tensorboard:
        return events
    from tui_trainer.worker.board.telling import told_to_tensorboard  # a third of a second that few need

    return told_to_tensorboard(events, run, session)


def _what(run: RunDir, error: Exception) -> str:
    if isinstance(error, StorageError):
        return str(error)
    if isinstance(error, PeerLostError):
        return f"another process of the run died ({error})"
    words = in_words(error)
    return words if words.startswith("out of memory") else f"{words} (the whole story is in {run.log})"


def failed(run: RunDir, what: str) -> RunEnded:
    """The end of a run that could not go on, in a sentence."""
    state = folded(run)
    kept = f"the checkpoint of step {state.saved.step:,} is intact" if state.saved else "nothing had been saved yet"
    message = f"{what}; {kept}. To go on: tui-trainer resume {run.name}"
    if not run.path.is_dir():
        message = f"the run's folder {run.path} was moved or deleted"
    return RunEnded(
        reason="failed",
        message=message,
        run=run.name,
        run_dir=str(run.path),
        seconds=round(state.last_heard - state.started.time, 3) if state.started else 0.0,  # pauses and all
        epochs_done=state.epochs_done,
        step=state.step,
        best_epoch=state.best.epoch if state.best else None,
    )


def say(run: RunDir, event: Event) -> Event:
    """Write an event while no training has the file open."""
    file = EventFile(run.events)
    file.append(event.to_line())
    file.close()
    return event


def _append_if_possible(file: EventFile, end: RunEnded) -> None:
    try:
        file.append(end.to_line())
    except StorageError as error:
        log.error("%s", error)


def _began(run: RunDir) -> float:
    """When the run's first event was said; now for a new one."""
    first = next(run.read_events(), None)
    return first.time if first else time.time()


def _log_to(run: RunDir) -> None:
    """Warnings and failures of this process go to worker.log; a full disk must not make logging itself noisy."""
    logging.raiseExceptions = False
    logging.captureWarnings(True)
    root = logging.getLogger()
    for old in [handler for handler in root.handlers if isinstance(handler, logging.FileHandler)]:
        root.removeHandler(old)
        old.close()
    with suppress(OSError):  # the run does not depend on its log
        handler = logging.FileHandler(run.log)
        handler.setFormatter(logging.Formatter("%(asctime)s %(levelname)s %(message)s"))
        root.addHandler(handler)
