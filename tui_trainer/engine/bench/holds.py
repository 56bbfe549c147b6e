"""What must hold: the figures of one bench beside the limits that this project has set itself."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tui_trainer.bench_plan import NETS, spelled
from tui_trainer.engine.bench.cell import Cell, Program, ratio
from tui_trainer.figures import Figure, Limit, at_least, at_most

SMALL, LARGE = NETS["small"], NETS["large"]
MOST_OVERHEAD = 0.03
SHORT = {"tutorial": "the tutorial", "plain": "a plain loop", "jax": "JAX"}
TIMES_CPU = {"tutorial": 12.0, "skorch": 2.0, "lightning": 2.0, "plain": 1.0}
TIMES_GPU = {"tutorial": 60.0, "plain": 6.0, "jax": 1.0}


def figures(cells: list[Cell], costs: list[dict[str, Any]], start: dict[str, Any] | None) -> list[Figure]:
    """Those whose parts were measured."""
    found = [figure for cell in cells for figure in _of_cell(cell)]
    found += _overhead(costs)
    if start:
        base = start["import_torch"] + start["load_data"]
        name = "start to first step"
        beside = "import torch + data"
        found.append(
            Figure(name, "s", start["seconds"], base, beside, start["seconds"] / base, (at_most("ratio", 1.3),))
        )
    return found


def _of_cell(cell: Cell) -> Iterator[Figure]:
    job = cell.job
    programs = {program.name: program for program in cell.programs if program.times}
    ours = [program for program in programs.values() if program.kind == "ours"]
    is_cpu, precision = job.device.type == "cpu", job.settings.hardware.precision
    if not ours:
        return
    if job.hidden == SMALL and job.batch == 64 and precision == "float32":
        for name, times in (TIMES_CPU if is_cpu else TIMES_GPU).items():
            if name in programs:
                yield _faster(ours, programs[name], times)
        if is_cpu and "compile" in programs and "jax" in programs:
            yield _compared("compile beside JAX", programs["compile"], programs["jax"], at_most("ratio", 1.5))
    if is_cpu and job.hidden == SMALL and job.batch == 4096 and precision == "float32":
        yield _share(cell, ours, programs["floor"], 80)
    if not is_cpu and job.hidden == LARGE and job.batch == 4096 and precision == "bf16":
        yield _share(cell, ours, programs["floor"], 55)


def _faster(ours: list[Program], rival: Program, times: float) -> Figure:
    best = min(ours, key=lambda program: program.median)
    seconds, theirs = best.median, rival.median
    name, beside = f"speed over {SHORT.get(rival.name, rival.label)}", f"{rival.label} (ours: {best.name})"
    return Figure(name, "s", seconds, theirs, beside, ratio(rival, best), (at_least("ratio", times),))


def _compared(name: str, one: Program, other: Program, limit: Limit) -> Figure:
    return Figure(name, "s", one.median, other.median, other.label, ratio(one, other), (limit,))


def _share(cell: Cell, ours: list[Program], floor: Program, percent: float) -> Figure:
    best = min(ours, key=lambda program: program.median)
    rate = cell.job.flop / 1e9
    return Figure(
        f"rate at batch {cell.job.batch}", "GFLOP/s", rate / best.median, rate / floor.median,
        f"{floor.label} (ours: {best.name}, {spelled(cell.job.hidden)})", ratio(floor, best),
        (at_least("ratio", percent / 100),),
    )  # fmt: skip


def _overhead(costs: list[dict[str, Any]]) -> Iterator[Figure]:
    """The worst of all nets and batch sizes."""
    if not costs:
        return
    worst = max(costs, key=lambda cost: float(cost["share"]))
    limit = at_most("value", 100 * MOST_OVERHEAD)
    where = f"at most, with {worst['net']}, batch {worst['batch']}"
    yield Figure("reports, evaluation, log", "%", 100 * worst["share"], None, where, None, (limit,))
