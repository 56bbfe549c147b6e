"""This trainer's own loop, reports included, one epoch at a time; a program for each step engine that runs here."""

from __future__ import annotations

import importlib.util
import os
import shutil
from dataclasses import replace

import torch

from tui_trainer.engine.bench.job import Epoch, Job, Timed
from tui_trainer.engine.data import DataSet
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.events import EpochEnded, RunEnded
from tui_trainer.knobs import changed

COMPILERS = ("g++", "clang++", "c++")
SAMPLES_TO_EVALUATE = 1000  # the evaluation is not part of these figures: it need not take long
ENDLESS = 1_000_000  # epochs: each call trains one more


def engines_here(device: torch.device) -> dict[str, str | None]:
    """{engine: why it cannot run here, or None}."""
    reasons: dict[str, str | None] = {"eager": None, "compile": _why_no_compiler(device)}
    reasons["graph"] = None if device.type == "cuda" else "CUDA graphs need a GPU"
    return reasons


def _why_no_compiler(device: torch.device) -> str | None:
    if device.type == "cuda" and importlib.util.find_spec("triton") is None:
        return "torch.compile needs Triton for a GPU; pip install triton"
    if not any(shutil.which(name) for name in (os.environ.get("CXX", ""), *COMPILERS) if name):
        return "torch.compile needs a C++ compiler, and there is none on the PATH"
    return None


def trainer(job: Job, engine: str) -> Epoch:
    """`seconds` are those of the training alone: the rate that the run itself reports."""
    settings = changed(job.settings, {"engine": engine, "epochs": ENDLESS})
    events = train(Session(settings, with_less_to_evaluate(job.data), job.device), Saver(None))

    def epoch() -> Timed:
        for event in events:
            if isinstance(event, EpochEnded):
                return Timed(job.samples / event.samples_per_second, event.train_loss)
            if isinstance(event, RunEnded):
                raise RuntimeError(event.message)
        raise RuntimeError("the run ended by itself")

    return epoch


def with_less_to_evaluate(data: DataSet) -> DataSet:
    """The data with the beginning of the test split."""
    return replace(data, test=data.test.pick(torch.arange(min(SAMPLES_TO_EVALUATE, len(data.test)))))
