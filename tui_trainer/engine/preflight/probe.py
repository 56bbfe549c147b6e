"""What a run will take: time by a short probe, memory on the device, room on the disk."""

from __future__ import annotations

import json
import shutil
import time
from collections.abc import Iterable
from pathlib import Path
from typing import NamedTuple

import psutil
import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.device import bytes_of_net
from tui_trainer.engine.meter import NonFiniteLossError
from tui_trainer.engine.rehearsal import rehearsal
from tui_trainer.engine.session import Session
from tui_trainer.engine.step import EagerSteps
from tui_trainer.knobs import changed
from tui_trainer.report import Disk, Memory, Pace

NO_LR = 1e-12  # steps as long as any, which change next to nothing
MOST_FLOP = 2e9  # of a step that a run tries before it starts: some 0.05 s
BYTES_OF_FACTS = 4_000  # checkpoint.json


class Probe(NamedTuple):
    """How long to look."""

    warm_up: int  # steps that do not count
    steps: int
    seconds: float  # at most, for the steps
    evaluated: int  # samples at most; larger splits are extrapolated


WHOLE = Probe(3, 20, 0.5, 40_960)
GLANCE = Probe(1, 10, 0.015, 1_024)


def expected_seconds(session: Session) -> float | None:
    """Of the whole run, by a glance of some 30 ms; None where that would take longer, or need other processes."""
    parameters = sum(parameter.numel() for parameter in session.model.parameters())
    flop = 6 * parameters * session.batch_size
    if session.device.type != "cpu" or session.group.size > 1 or session.steps.name != "eager" or flop > MOST_FLOP:
        return None
    glance = pace(session, session.config.training.epochs, probe=GLANCE)
    return glance.seconds if glance else None


def pace(session: Session, epochs: int, runs: int = 1, processes: int = 1, probe: Probe = WHOLE) -> Pace | None:
    """Some steps and an evaluation, measured; afterwards the session is, bit for bit, what it was.

    None where the loss is no number from the first step on, so that nothing can be measured.
    """
    try:
        rate, steps, engine = _measured(session, probe)
        diverged = ""
    except NonFiniteLossError as error:
        diverged, before = str(error), session.config
        session.config = changed(before, {"lr": NO_LR})
        try:
            rate, steps, engine = _measured(session, probe)
        except NonFiniteLossError:
            return None
        finally:
            session.config = before
    samples = len(session.data.train)
    evaluation = _evaluation_seconds(session, session.evaluated_split, probe)
    tests = 1 if session.data.validation is None else 2  # the last weights and the best
    test = tests * _evaluation_seconds(session, session.data.test, probe)
    seconds = epochs * (samples / rate + evaluation + _order_seconds(session)) + test
    return Pace(
        parameters=sum(parameter.numel() for parameter in session.model.parameters()),
        steps=steps,
        engine=engine,
        threads=torch.get_num_threads(),
        samples_per_second=round(rate, 1),
        evaluation_seconds=round(evaluation, 6),
        epochs=epochs,
        seconds=round(seconds, 3),
        ends_at=round(time.time() + runs * seconds, 3),
        processes=processes,
        diverged=diverged,
    )


def _measured(session: Session, probe: Probe) -> tuple[float, int, str]:
    """(samples a second, steps measured, how they were run). Raises NonFiniteLossError."""
    steps_before = session.steps
    try:
        with rehearsal(session):
            if steps_before.name == "compile":
                session.steps = EagerSteps(steps_before.step)  # compiling takes longer than the whole check
            session.draw_order()
            if session.work_ahead:
                session.prepare_steps()
            rate, steps = _rate(session, probe)
            return rate, steps, session.steps.name
    finally:
        session.steps = steps_before


def _rate(session: Session, probe: Probe) -> tuple[float, int]:
    """(samples a second, steps measured)"""
    for _ in range(probe.warm_up):
        _take(session)
    _wait(session)
    began, first, samples = time.perf_counter(), session.step, 0
    while session.step - first < probe.steps and (time.perf_counter() - began < probe.seconds or not samples):
        samples += _take(session)
    _wait(session)
    return samples / max(1e-9, time.perf_counter() - began), session.step - first


def _take(session: Session) -> int:
    """One step or block, from the epoch's start again where it has none left. Returns its samples."""
    before = session.position
    if not session.take_steps():
        session.position = before = 0
        session.take_steps()
    return session.position - before


def _wait(session: Session) -> None:
    if session.device.type == "cuda":
        torch.cuda.synchronize(session.device)


def _evaluation_seconds(session: Session, split: Samples, probe: Probe) -> float:
    """Of the whole split, from its first samples where it is large."""
    part = Samples(split.inputs[: probe.evaluated], split.targets[: probe.evaluated])
    session.evaluate(Samples(part.inputs[:1], part.targets[:1]))
    _wait(session)
    began = time.perf_counter()
    session.evaluate(part)
    return (time.perf_counter() - began) * len(split) / len(part)


def _order_seconds(session: Session) -> float:
    """Of drawing an epoch's order."""
    began = time.perf_counter()
    with rehearsal(session):
        session.draw_order()
    return time.perf_counter() - began


def memory(session: Session) -> Memory:
    """Of the splits and the net, once they are in place; `free` is what is left then."""
    data, device = session.data, session.device
    splits = [split for split in (data.train, data.validation, data.test) if split is not None]
    held = sum(split.nbytes for split in splits if session.feed.tier == "device")
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    return Memory(
        device=str(device),
        samples=held or data.train.nbytes,
        net=bytes_of_net(session.config, data),
        free=free,
        tier=session.feed.tier,
        placed=session.placed,
    )


def disk(session: Session, folder: Path, runs: int = 1) -> Disk:
    """Room that checkpoints take: two kinds, each with the one before it, and the one that is being written."""
    weights = _nbytes(session.model.state_dict().values())
    step = session.steps.step
    optimizer = _nbytes(step.update.tensors()) + _nbytes(step.average.tensors() if step.average else [])
    preprocessing = 0
    if saved := session.preprocessing:
        preprocessing = len(json.dumps(saved.facts)) + _nbytes(saved.tensors.values())
    best = weights + preprocessing + BYTES_OF_FACTS
    last = best + optimizer + torch.get_rng_state().nbytes
    there = folder.resolve()
    while not there.exists() and there != there.parent:
        there = there.parent
    needed = runs * 2 * (last + best) + last
    return Disk(str(folder), last, best, needed, shutil.disk_usage(there).free)


def _nbytes(tensors: Iterable[Tensor]) -> int:
    return sum(tensor.nbytes for tensor in tensors)
