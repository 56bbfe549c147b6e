"""What a process says of itself and its run first."""

from __future__ import annotations

import os
import platform
from typing import Any

import torch

from tui_trainer import devices, environment
from tui_trainer.config import RunConfig
from tui_trainer.engine import checkpoint, device
from tui_trainer.engine.preflight import expected_seconds
from tui_trainer.engine.session import Session
from tui_trainer.events import Event, HyperparametersChanged, RunResumed, RunStarted, Warned
from tui_trainer.knobs import KNOBS, live_names
from tui_trainer.run_dir import RunDir
from tui_trainer.worker.part import Part


def _process(run: RunDir, session: Session, part: Part) -> dict[str, Any]:
    said: dict[str, Any] = {
        "device": str(session.device),
        "device_name": device.name_of(session.device),
        "threads": torch.get_num_threads(),
        "pid": os.getpid(),
        "host": platform.node(),
        "engine": session.steps.name,
        "tier": session.feed.tier,
        "placed": session.placed,
    }
    if facts := session.group.facts():
        hosts = {fact["host"] for fact in facts}
        said["devices"] = [fact["device"] if len(hosts) == 1 else f"{fact['host']} {fact['device']}" for fact in facts]
    launch = {"launch": part.place.launch} if part.place else {}
    environment.write(run, **{name: said[name] for name in said if name != "pid"}, **launch)
    return said


def warnings_of(session: Session, part: Part) -> list[Event]:
    """What a person should know of the processes and their devices."""
    said = [part.line.why_again() if part.line else ""]
    here = [fact for fact in session.group.facts() if fact["host"] == platform.node() and fact["device"] == "cpu"]
    cores = devices.usable_cores()
    if len(here) > cores:
        share = "1 core" if cores == 1 else f"{cores} cores"
        said.append(f"{len(here)} processes share {share}: fewer would be faster")
    if session.config.hardware.precision == "tf32" and session.device.type == "cpu":
        said.append("tf32 is a mode of NVIDIA GPUs; on the CPU this run computes in float32")
    return [Warned(message=message) for message in said if message]


def started(run: RunDir, session: Session, part: Part) -> RunStarted:
    """The first event of a run."""
    config, data, process = session.config, session.data, _process(run, session, part)
    return RunStarted(
        run=run.name,
        run_dir=str(run.path),
        data=data.name,
        task=data.task,
        class_names=list(data.class_names),
        target_names=list(data.target_names) or None,
        is_binary=data.is_binary,
        inputs=data.inputs,
        outputs=data.outputs,
        hidden=list(config.model.hidden),
        parameters=sum(p.numel() for p in session.model.parameters()),
        train_samples=len(data.train),
        validation_samples=len(data.validation) if data.validation is not None else 0,
        test_samples=len(data.test),
        evaluated_on="test" if data.validation is None else "validation",
        monitor=session.record.metric,
        epochs=config.training.epochs,
        steps_per_epoch=-(-session.epoch_end // session.batch_size),
        seed=config.training.seed,
        precision=config.hardware.precision,
        seconds_expected=expected_seconds(session),
        **process,
    )


def resumed(run: RunDir, session: Session, last: checkpoint.Checkpoint | None, part: Part) -> RunResumed:
    """The first event of a run that goes on."""
    process = _process(run, session, part)
    return RunResumed(
        epochs=session.config.training.epochs,
        epochs_done=session.epochs_done,
        step=session.step,
        checkpoint=(last.folder or last.kind) if last else "",
        live={name: KNOBS[name].of(session.config) for name in live_names()},
        **process,
    )


def changes_between(before: RunConfig, after: RunConfig, session: Session) -> list[Event]:
    """The live settings that a resume changes, as the event that tells of them; nothing where none does."""
    names = [name for name in live_names() if KNOBS[name].of(before) != KNOBS[name].of(after)]
    if not names:
        return []
    values, was = ({name: KNOBS[name].of(config) for name in names} for config in (after, before))
    return [HyperparametersChanged(step=session.step, epoch=session.epochs_done + 1, values=values, before=was)]
