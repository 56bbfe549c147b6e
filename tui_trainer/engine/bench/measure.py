"""The whole bench, from a plan to one result: cells first, then precisions, overhead and the start.

One process. Training alone is timed, as each program does it: no evaluation, nothing written. With `--threads` each
takes as many; without, ours takes what it chooses for the net, and the others PyTorch's default as far as cores are
idle: a thread that waits for a busy core makes a small net many times slower, whoever trains it.
"""

from __future__ import annotations

import platform
import statistics
import time
from collections.abc import Generator
from dataclasses import replace
from importlib import metadata
from typing import Any, TypeVar

import torch

from tui_trainer import devices
from tui_trainer.bench_plan import NETS, RIVALS, SAMPLES, Plan, forward_flop, spelled
from tui_trainer.engine import device as where
from tui_trainer.engine import peak_memory
from tui_trainer.engine.bench import cell as cells
from tui_trainer.engine.bench import cost, holds, ours, pictures, rivals
from tui_trainer.engine.bench.accuracy import precisions
from tui_trainer.engine.bench.cell import Cell
from tui_trainer.engine.bench.estimate import Estimate, guess_cost
from tui_trainer.engine.bench.job import Job, NotMeasuredError
from tui_trainer.engine.bench.pictures import Pictures
from tui_trainer.engine.bench.start import start
from tui_trainer.engine.data.feed_rates import feed_rates
from tui_trainer.knobs import changed

SECONDS_OF_LOOKING = 0.5  # how many cores are idle
SECONDS_OF_A_START, SECONDS_OF_A_PRECISION, SECONDS_OF_A_PATH = 5.0, 3.0, 1.2  # guesses, for the estimate alone
T = TypeVar("T")


def measure(plan: Plan) -> Generator[dict[str, Any], None, None]:
    """Yields `{"progress": text}` while it measures and `{"result": ...}` at the end. Raises InputError."""
    chosen = where.choose(plan.config.hardware)
    with pictures.opened(plan.config, chosen) as shown:
        bench = Bench(plan, chosen, shown)
        for text in bench.run():
            yield {"progress": f"{text}  ({bench.estimate.spoken})"}
        yield {"result": bench.result()}


class Bench:
    """What was planned, and what came out so far."""

    def __init__(self, plan: Plan, device: torch.device, shown: Pictures) -> None:
        self.plan, self.device, self.pictures = plan, device, shown
        self.estimate = Estimate()
        self.idle_at_start = devices.idle_cores(SECONDS_OF_LOOKING)
        self.threads = plan.config.hardware.threads or min(torch.get_num_threads(), self.idle_at_start)
        reasons = ours.engines_here(device)
        self.engines = list(plan.engines) or [name for name, reason in reasons.items() if reason is None]
        self.left_out = {name: why for name, why in reasons.items() if why and name not in plan.engines}
        self.cells = [self._cell(number, *key) for number, key in enumerate(self._keys())]
        self.costs: list[dict[str, Any]] = []
        self.precisions: list[dict[str, Any]] = []
        self.tiers: list[dict[str, Any]] = []
        self.path: dict[str, Any] | None = None
        self.start: dict[str, Any] | None = None

    def _keys(self) -> list[tuple[tuple[int, ...], int, str]]:
        precision: str = self.plan.config.hardware.precision
        keys = [(net, batch, precision) for net in self.plan.nets for batch in self.plan.batches]
        best = (NETS["large"], 4096, "bf16")  # the GPU's limit is set for this one
        if self.device.type == "cuda" and (*best[:2], precision) in keys and best not in keys:
            keys.append(best)
        return keys

    def _job(self, net: tuple[int, ...], batch: int, precision: str, samples: int) -> Job:
        values = {"hidden": net, "batch_size": batch, "precision": precision}
        settings = changed(self.pictures.settings, values)
        data = self.pictures.first(samples)
        threads = where.threads_for(settings, data)
        return Job(settings, data, self.pictures.folder, self.device, threads)

    def _cell(self, number: int, net: tuple[int, ...], batch: int, precision: str) -> Cell:
        samples = self.plan.samples_of(net, batch, is_cpu=self.device.type == "cpu")
        job = self._job(net, batch, precision, samples)
        cell = cells.planned(job, self.threads, self.engines, self.plan.rivals_of(number))
        if number >= len(self.plan.batches) and not self.plan.engines and self.device.type == "cpu":
            cell.leave_out("compile", "compiling takes long; measured for the first net, or all with --engine compile")
        return cell

    def run(self) -> Generator[str, None, None]:
        """Everything, in turn."""
        rounds, extras = self.plan.rounds, self.plan.has_extras
        for cell in self.cells:
            self.estimate.plan(cell.expected(rounds) + guess_cost(cell.job, cost.EVALUATIONS))
        if extras:
            self.estimate.plan(rounds * (SECONDS_OF_A_START + SECONDS_OF_A_PATH) + 2 * SECONDS_OF_A_PRECISION)
        for cell in self.cells:
            yield from cells.measured(cell, rounds, self.estimate)
            yield from self._cost(cell)
            for program in cell.programs:
                program.epoch = None  # its weights and samples are free for the next cell
        if not extras:
            return
        first = self.cells[0].job
        whole = self._job(first.hidden, first.batch, "float32", self.plan.samples or SAMPLES)
        rows = precisions(whole, is_real=self.pictures.is_real)
        self.precisions = yield from self._paced(rows, SECONDS_OF_A_PRECISION)
        yield "data tiers"
        for batch in self.plan.batches:
            rates = feed_rates(whole.data.to(torch.device("cpu")), self.device, batch, rounds)
            self.tiers += [{"batch": batch, "tier": tier, "samples_per_second": rate} for tier, rate in rates.items()]
        yield from self._paced(self._whole_path(whole), SECONDS_OF_A_PATH)
        try:
            self.start = yield from self._paced(start(self.pictures.settings, rounds), SECONDS_OF_A_START)
        except NotMeasuredError as reason:
            self.left_out["start"] = str(reason)

    def _paced(self, steps: Generator[str, None, T], guessed: float) -> Generator[str, None, T]:
        """The same, each step told to the estimate."""
        while True:
            began = time.monotonic()
            try:
                text = next(steps)
            except StopIteration as end:
                return end.value  # type: ignore[no-any-return]
            self.estimate.did(guessed, time.monotonic() - began)
            yield text

    def _cost(self, cell: Cell) -> Generator[str, None, None]:
        """Of an engine that needs no compiling, for an epoch of the whole split."""
        yield f"{cell.title}  reports, evaluation and log"
        mine = [program for program in cell.programs if program.kind == "ours"]
        best = min([one for one in mine if one.name != "compile"] or mine, key=lambda one: one.median)
        began = time.monotonic()
        found = cost.cost(cell.job, best.name, cell.job.data)
        self.estimate.did(guess_cost(cell.job, cost.EVALUATIONS), time.monotonic() - began)
        epoch = best.median * len(self.pictures.data.train) / cell.job.samples
        floor = next(program for program in cell.programs if program.kind == "floor")
        products = floor.median / cell.job.flop * forward_flop(cell.job.hidden, len(cell.job.data.test))
        reports, evaluation = found.reports_share(epoch), found.evaluation_share(epoch)
        self.costs.append(
            {
                "net": spelled(cell.job.hidden),
                "batch": cell.job.batch,
                "precision": cell.job.settings.hardware.precision,
                "engine": best.name,
                "seconds_a_report": found.report,
                "reports_share": reports,
                "seconds_an_evaluation": found.evaluation,
                "evaluation_share": evaluation,
                "evaluation_products_share": products / epoch,
                "share": reports + evaluation,
            }
        )

    def _whole_path(self, job: Job) -> Generator[str, None, None]:
        pairs = []
        engine = self.engines[0]
        for pair in cost.whole_path(replace(job, data=ours.with_less_to_evaluate(job.data)), engine, self.plan.rounds):
            pairs.append(pair)
            yield f"a run with its log {pair[0]:.3f} s, its steps alone {pair[1]:.3f} s"
        self.path = {
            "net": spelled(job.hidden),
            "batch": job.batch,
            "engine": engine,
            "seconds": statistics.median(whole for whole, _ in pairs),
            "steps_alone": statistics.median(steps for _, steps in pairs),
            "ratio": statistics.median(whole / steps for whole, steps in pairs),
        }

    def result(self) -> dict[str, Any]:
        """All of it, for JSON and the tables."""
        versions = {name: metadata.version(name) for name in ("torch", "torchvision", "tui-trainer")}
        versions |= rivals.versions(tuple(name for name in RIVALS if name in self.plan.against))
        name, kind = where.name_of(self.device), self.device.type
        spoken = ", ".join(f"{package} {version}" for package, version in versions.items())
        return {
            "title": f"One epoch of {self.pictures.origin}, Adam, {self.plan.config.hardware.precision}",
            "machine": f"{name} ({self.device}, {devices.usable_cores()} cores), {spoken}, "
            f"Python {platform.python_version()}",
            "device": str(self.device),
            "device_name": name,
            "cores": devices.usable_cores(),
            "idle_cores": {"at_start": self.idle_at_start, "at_end": devices.idle_cores(SECONDS_OF_LOOKING)},
            "versions": versions,
            "rounds": self.plan.rounds,
            "memory_is": peak_memory.MEANING[kind],
            "cells": [cells.result(cell) for cell in self.cells],
            "overhead": self.costs,
            "whole_path": self.path,
            "precisions": self.precisions,
            "tiers": self.tiers,
            "start": self.start,
            "holds": [figure.as_dict() for figure in holds.figures(self.cells, self.costs, self.start)],
            "not_measured": self.left_out,
        }
