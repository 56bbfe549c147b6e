"""A session as a checkpoint, and back: what a resume needs, and what it refuses."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor

from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.early_stopping import EarlyStopping
from tui_trainer.engine.pace import Pace
from tui_trainer.errors import InputError
from tui_trainer.knobs import values_of

if TYPE_CHECKING:
    from tui_trainer.engine.session import Session


def last_of(session: Session) -> Checkpoint:
    """Everything a resume needs, copied. Its weights are those that answer; where they are averages, those that are
    trained stand beside the optimizer's state.
    """
    step = session.steps.step
    training = {f"optimizer.{key}": tensor for key, tensor in step.update.capture().items()}
    if step.average is not None:
        training |= {f"average.{key}": tensor for key, tensor in step.average.capture(session.model).items()}
    training["random.cpu"] = torch.get_rng_state()
    if session.device.type == "cuda":
        training["random.cuda"] = torch.cuda.get_rng_state(session.device)
    facts = {
        **_identity(session),
        "epochs_done": session.epochs_done,
        "position": session.position,
        "step": session.step,
        "best_step": session.best_step,
        "loss_total": session.meter.total,
        "samples_metered": session.meter.samples,
        "correct": session.meter.correct,
        "looked": session.meter.looked,
        "seconds": session.pace.seconds,
        "threads": torch.get_num_threads(),
        "processes": session.group.size,
        "record": vars(session.record),
        "config": values_of(session.config),
    }
    weights = _on_cpu(session.answering.state_dict())
    return Checkpoint("last", facts, weights, _on_cpu(training), preprocessing=session.preprocessing)


def best_of(session: Session) -> Checkpoint | None:
    """The best epoch's weights."""
    if session.best_weights is None:
        return None
    facts = {
        **_identity(session),
        "epochs_done": session.record.best_epoch,
        "step": session.best_step,
        "record": vars(session.record),
        "config": values_of(session.config),
    }
    return Checkpoint("best", facts, _on_cpu(session.best_weights), preprocessing=session.preprocessing)


def restore(session: Session, last: Checkpoint, best: Checkpoint | None) -> None:
    """Go on exactly where a checkpoint was taken. Raises InputError where the data or the net is another one."""
    _check_identity(session, last)
    facts = last.facts
    session.answering.load_state_dict(last.weights)
    step = session.steps.step
    step.update.restore(_named(last.training, "optimizer."))
    if step.average is not None:
        step.average.restore(_named(last.training, "average."), session.model)
    session.record = EarlyStopping(**facts["record"])
    session.best_weights = {name: t.to(session.device) for name, t in best.weights.items()} if best else None
    if best is None and session.record.best_epoch:
        session.record = EarlyStopping(session.record.metric, epochs_since=session.record.epochs_since)
    session.best_step = facts.get("best_step", 0)
    session.epochs_done, session.position, session.step = facts["epochs_done"], facts["position"], facts["step"]
    session.meter.start_epoch(session.step, facts["loss_total"], facts["samples_metered"])
    session.meter.start_accuracy(facts.get("correct", 0), facts.get("looked", 0))
    session.pace = Pace(facts["seconds"])
    torch.set_rng_state(last.training["random.cpu"])
    if session.device.type == "cuda" and "random.cuda" in last.training:
        torch.cuda.set_rng_state(last.training["random.cuda"], session.device)


def _identity(session: Session) -> dict[str, Any]:
    return {
        "data": session.data.name,
        "data_digest": session.data.fingerprint,
        "held_back_digest": session.data.fingerprint_held_back,
        "task": session.data.task,
        "inputs": session.data.inputs,
        "outputs": session.data.outputs,
        "class_names": list(session.data.class_names),
        "hidden": list(session.config.model.hidden),
    }


def _check_identity(session: Session, checkpoint: Checkpoint) -> None:
    for what, now in _identity(session).items():
        then = checkpoint.facts.get(what, now)  # the digest of what is held back came later
        if then != now and what == "held_back_digest":
            raise InputError(
                f"the validation or test samples of {session.data.name} are not the ones this run was measured on "
                "(the training samples are); restore them, or start a new run"
            )
        if then != now and what != "data_digest":
            raise InputError(
                f"the checkpoint was trained with {what} {then}, but config.toml and the data give {now}; "
                "undo the change, or start a new run"
            )
        if then != now:
            raise InputError(
                f"the data set {session.data.name} is not the one this run was trained on (same shape, other values); "
                "restore it, or start a new run"
            )


def _named(tensors: dict[str, Tensor], prefix: str) -> dict[str, Tensor]:
    return {key.removeprefix(prefix): tensor for key, tensor in tensors.items() if key.startswith(prefix)}


def _on_cpu(tensors: dict[str, Tensor]) -> dict[str, Tensor]:
    return {name: tensor.detach().cpu().contiguous().clone() for name, tensor in tensors.items()}
