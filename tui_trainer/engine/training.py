"""The loop: a generator of events that reads from top to bottom."""

from __future__ import annotations

import math
from collections.abc import Generator, Iterator

from tui_trainer.data_sets import Task
from tui_trainer.engine.alerting import case_of, watched
from tui_trainer.engine.inside import Inside
from tui_trainer.engine.meeting import looks
from tui_trainer.engine.meter import NonFiniteLossError
from tui_trainer.engine.pace import Looks
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.steering import Inbox, Steering, nobody
from tui_trainer.events import EndReason, EpochEnded, Event, PhaseBegan, Progress, RunEnded, Warned
from tui_trainer.first_aid import FirstAid
from tui_trainer.scores import Scores

SECONDS_BETWEEN_REPORTS = 0.1


def train(
    session: Session, saver: Saver, inbox: Inbox = nobody, seconds_between_reports: float = SECONDS_BETWEEN_REPORTS,
    inside: Inside | None = None, first_aid: FirstAid | None = None,
) -> Iterator[Event]:  # fmt: skip
    """Train a session to its end; the last event is RunEnded.

    Between two steps, at most every `seconds_between_reports`, it says Progress and obeys the inbox. Raises
    StorageError when a checkpoint cannot be written; everything else that can happen to a run is an event. Every
    process of a group runs this: what one of them decides, all decide.
    """
    steering, first_aid = Steering(session, saver, inbox), first_aid or FirstAid(step=session.step)
    report = looks(session.group, seconds_between_reports)
    inside = inside or Inside(session)
    while True:
        try:
            reason = yield from watched(run_epochs(session, saver, steering, report, inside), steering, first_aid)
            break
        except NonFiniteLossError as error:
            alert = first_aid.not_finite(str(error), session.epochs_done + 1, error.step, case_of(session))
            if session.config.training.on_alert != "pause":
                yield alert
                yield diverged(session, error)
                return
            yield from watched(steering.rescue(alert), steering, first_aid)
    yield ended(session, reason, steering)


def run_epochs(
    session: Session, saver: Saver, steering: Steering, report: Looks, inside: Inside
) -> Generator[Event, None, EndReason]:
    """All epochs that are left; what ended them."""
    reason: EndReason = "completed"
    while not steering.stop and session.epochs_done < session.config.training.epochs:
        yield from run_epoch(session, saver, steering, report)
        if steering.stop:
            break
        yield from end_epoch(session, saver)
        yield from inside.look()
        yield from steering.obey()
        if session.record.is_exhausted(session.config.training.patience):
            reason = "early_stopped"
            break
    yield from saver.save(session)
    if not (steering.stop and steering.stop.signal):
        yield from inside.last_look()
    return "stopped" if steering.stop else reason


def run_epoch(session: Session, saver: Saver, steering: Steering, report: Looks) -> Iterator[Event]:
    """All steps of the running epoch, or those up to a stop."""
    session.start_epoch()
    yield from prepare(session)
    while session.take_steps():
        if not report.is_due():
            continue
        yield progress(session)
        if saver.is_due(at_epoch_end=False):
            yield from saver.save(session)
        yield from steering.obey()
        if steering.stop:
            return
        yield from prepare(session)  # what was asked for may need other operations


def prepare(session: Session) -> Iterator[Event]:
    """Compile or capture the steps ahead, where they are not yet."""
    if work := session.work_ahead:
        yield PhaseBegan(what=work)
        for trouble in session.prepare_steps():
            yield Warned(message=trouble)


def end_epoch(session: Session, saver: Saver) -> Iterator[Event]:
    """Evaluate, say so, and save."""
    train_loss, train_accuracy = session.meter.mean(), session.meter.accuracy()
    rate = session.pace.epoch_rate()
    scores = session.evaluate(session.evaluated_split)
    if scores.val_loss is None or not math.isfinite(scores.val_loss):
        raise NonFiniteLossError(scores.val_loss or math.nan, session.step, "the evaluation's loss")
    is_best = session.finish_epoch(scores)
    yield EpochEnded(
        epoch=session.epochs_done,
        epochs=session.config.training.epochs,
        step=session.step,
        train_loss=train_loss,
        train_accuracy=train_accuracy,
        lr=session.lr,
        samples_per_second=round(rate, 1),
        seconds=round(session.pace.epoch_seconds, 4),
        seconds_waiting=None if (waited := session.seconds_waiting) is None else round(waited, 4),
        is_best=is_best,
        **scores.model_dump(),
    )
    if saver.is_due(at_epoch_end=True):
        yield from saver.save(session)


def progress(session: Session) -> Progress:
    """Where the run stands; the one transfer from the device between two epochs' ends."""
    return Progress(
        epoch=session.epochs_done + 1,
        epochs=session.config.training.epochs,
        step=session.step,
        epoch_fraction=round(session.position / max(1, session.epoch_end), 4),
        loss=session.meter.mean_since_report(),
        accuracy=session.meter.accuracy_since_report(),
        lr=session.lr,
        samples_per_second=round(session.pace.report(), 1),
        seconds_left=round(session.pace.seconds_left(session.samples_left), 1),
    )


def diverged(session: Session, error: NonFiniteLossError) -> RunEnded:
    """The end of a run whose loss is no number any more: nothing of it reaches a file."""
    lr = session.config.optimizer.lr
    kept = f"The checkpoint of epoch {session.epochs_done} is intact" if session.epochs_done else "No epoch had ended"
    remedy = f"Try --lr {lr / 10:g} (it was {lr:g}), or --clip-norm 1."
    return RunEnded(
        reason="diverged",
        message=f"{error} (epoch {session.epochs_done + 1}). {kept}. {remedy}",
        step=error.step,
        **_record(session),
    )


def ended(session: Session, reason: EndReason, steering: Steering) -> RunEnded:
    """The end of a run, with the figures of the test split; a signal leaves no time for them."""
    done, epochs = session.epochs_done, session.config.training.epochs
    signal, alert = (steering.stop.signal, steering.stop.alert) if steering.stop else (None, None)
    by = f"by {signal} " if signal else f"by the alert {alert} " if alert else ""
    message = {
        "completed": f"{done:,} of {max(done, epochs):,} epochs",
        "early_stopped": f"no better {session.record.metric} for {session.record.epochs_since} epochs",
        "stopped": f"{by}in epoch {min(done + 1, epochs):,} of {epochs:,}; saved",
    }[reason]
    tested = {} if signal else test(session)
    told = {"signal": signal, "alert": alert, **_record(session), **tested}
    return RunEnded(reason=reason, message=message, step=session.step, **told)


def _record(session: Session) -> dict[str, object]:
    return {
        "seconds": round(session.pace.seconds, 3),
        "epochs_done": session.epochs_done,
        "best_epoch": session.record.best_epoch or None,
        "best_value": session.record.best,
        "class_names": list(session.data.class_names) or None,
    }


def test(session: Session) -> dict[str, object]:
    """The test split, used once: under the last weights, and under the best where validation chose them."""
    has_best = session.data.validation is not None and session.best_weights is not None
    last = session.evaluate(session.data.test, in_full=not has_best)
    figures: dict[str, object] = {"tested_on": "last"}
    best = last
    if has_best and session.best_weights is not None:
        net = session.answering
        kept = {name: tensor.clone() for name, tensor in net.state_dict().items()}
        net.load_state_dict(session.best_weights)
        best = session.evaluate(session.data.test, in_full=True)
        net.load_state_dict(kept)
        figures["tested_on"] = "best"
    return {**figures, **_renamed(best, last, session.data.task)}


OF_BOTH = ("loss", "accuracy", "rmse", "r2")
OF_THE_BEST = ("mae", "roc_auc", "pr_auc", "log_loss", "calibration_error")
OF_LABELS = ("precision", "recall", "f1", "support")


def _renamed(best: Scores, last: Scores, task: Task) -> dict[str, object]:
    return {
        **{f"test_{name}": getattr(best, f"val_{name}") for name in OF_BOTH + OF_THE_BEST},
        **{f"last_test_{name}": getattr(last, f"val_{name}") for name in OF_BOTH},
        **({f"test_{name}": getattr(best, name) for name in OF_LABELS} if task == "labels" else {}),
        "test_macro_f1": best.macro_f1,
        "test_micro_f1": best.micro_f1,
        "test_confusion": best.confusion,
        "last_test_macro_f1": last.macro_f1,
    }
