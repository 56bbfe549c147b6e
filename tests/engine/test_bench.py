"""`bench` measured for real, at a tiny scale: that everybody learns, and that the figures can be what they say."""

from __future__ import annotations

import importlib.util
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.small import CPU
from tui_trainer.bench_plan import RIVALS, Plan, product_flop
from tui_trainer.engine.bench import cell, cost, floor, holds, measure, ours, rivals, start
from tui_trainer.engine.bench.estimate import Estimate, guess
from tui_trainer.engine.bench.job import Job, NotMeasuredError, conditions
from tui_trainer.engine.data import load
from tui_trainer.engine.peak_memory import Peak
from tui_trainer.figures import at_least
from tui_trainer.knobs import build, changed

SAMPLES, TESTED, CLASSES = 512, 64, 10


def write_separable(folder: Path) -> None:
    """Pictures in MNIST's files whose class is where they are bright: learnt within an epoch."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", SAMPLES), ("t10k", TESTED)):
        labels = np.arange(count, dtype=np.uint8) % CLASSES
        images = random.integers(0, 40, (count, 28, 28), dtype=np.uint8)
        for image, label in zip(images, labels, strict=True):
            image[2 * label : 2 * label + 3] += 200
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())


@pytest.fixture
def job(tmp_path: Path) -> Job:
    """784-128-10 at batch 60: the last of an epoch's nine batches is a partial one."""
    write_separable(tmp_path / "data")
    values = {"data": "mnist", "data_dir": str(tmp_path / "data"), "normalize": "unit", "validation": 0}
    settings = build({**values, "batch_size": 60, "hidden": "128", "threads": 1})
    return Job(settings, load(settings), tmp_path / "data", CPU, 1)


@pytest.mark.parametrize("name", list(RIVALS))
def test_every_installed_rival_learns(job: Job, name: str) -> None:
    try:
        make = rivals.maker(name)
    except NotMeasuredError as reason:
        pytest.skip(str(reason))
    with conditions(job), rivals.quiet():
        epoch = make(job)
        losses = [epoch().loss for _ in range(3)]
    assert all(loss is not None and 0 < loss < 3 for loss in losses)
    first, last = float(losses[0] or 0), float(losses[-1] or 0)
    assert last < 0.5 * first, losses  # Adam's averages and the weights go on from epoch to epoch


def test_our_own_loop_learns_as_the_plain_one_does(job: Job) -> None:
    with conditions(job):
        ours_epoch, plain_epoch = ours.trainer(job, "eager"), rivals.plain_loop(job)
        pairs = [(ours_epoch(), plain_epoch()) for _ in range(3)]
    for mine, theirs in pairs:
        assert mine.seconds > 0
        assert mine.loss == pytest.approx(theirs.loss, rel=0.4)


def test_the_floor_does_the_products_of_an_epoch_and_their_rate_is_possible(job: Job) -> None:
    shapes = [(tuple(a.shape), tuple(b.shape)) for a, b, _ in floor._operands(job, 60)]
    assert shapes == [
        ((60, 784), (784, 128)), ((128, 60), (60, 784)),
        ((60, 128), (128, 10)), ((10, 60), (60, 128)), ((60, 10), (10, 128)),
    ]  # fmt: skip
    by_shape = 2 * sum(a[0] * a[1] * b[1] for a, b in shapes)
    assert by_shape * job.samples == job.flop * 60
    timed = floor.products(job)()
    assert timed.loss is None
    assert 1e7 < job.flop / timed.seconds < 1e14


def test_a_rival_that_is_not_installed_is_named(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    planned = cell.planned(job, 1, ["eager"], ("skorch", "plain"))
    assert planned.left_out == {"skorch": "not installed (pip install 'tui-trainer[bench]')"}
    assert [program.name for program in planned.programs] == ["plain", "eager", "floor"]


def test_a_rival_that_fails_is_left_out_with_what_it_said(job: Job) -> None:
    broken = replace(job, data_dir=Path("nowhere"))  # the tutorial reads the files itself
    planned = cell.planned(broken, 1, ["eager"], ("tutorial", "plain"))
    list(cell.measured(planned, 1, Estimate()))
    assert [program.name for program in planned.programs] == ["plain", "eager", "floor"]
    assert planned.left_out["tutorial"].startswith("failed: RuntimeError: Dataset not found")


def test_lower_precisions_leave_out_who_cannot_have_them(job: Job) -> None:
    low = replace(job, settings=build({"hidden": "128", "precision": "bf16"}))
    planned = cell.planned(low, 1, ["eager"], ("scikit-learn", "plain"))
    assert planned.left_out == {"scikit-learn": "measured in float32 alone"}


@pytest.mark.slow
def test_a_cut_epoch_is_run_in_compiled_blocks_too(tmp_path: Path) -> None:
    write_separable(tmp_path / "data")
    config = build({"data_dir": "data", "device": "cpu", "threads": 1})
    plan = Plan(config, rounds=1, nets=((16,),), batches=(256,), against=(), has_extras=False)
    result = result_of(replace(plan, engines=("eager", "compile")))
    assert [row["program"] for row in result["cells"][0]["programs"]] == ["eager", "compile", "floor"]


def test_reports_and_evaluations_cost_something_and_their_shares_add_up(job: Job) -> None:
    found = cost.cost(job, "eager", job.data)
    assert 0 < found.report < 0.05
    assert found.evaluation > 0
    assert found.reports_share(2.0) == pytest.approx(10 * found.report + found.epoch_event / 2)
    assert found.evaluation_share(2.0) == pytest.approx(found.evaluation / 2)


def test_a_run_with_its_log_takes_the_same_steps_as_the_steps_alone(job: Job) -> None:
    pairs = list(cost.whole_path(job, "eager", 2))
    assert len(pairs) == 2
    assert all(whole > 0 and alone > 0 for whole, alone in pairs)


def test_peak_memory_counts_what_was_taken_and_given_back_again() -> None:
    peak = Peak(CPU)
    block = torch.ones(32 << 20, dtype=torch.uint8)
    del block
    grown = peak.bytes()
    if sys.platform == "linux":
        assert 24 << 20 < grown < 200 << 20


def test_the_estimate_follows_the_pace_and_ends_at_nothing(job: Job) -> None:
    estimate = Estimate()
    estimate.plan(100)
    assert estimate.seconds_left == 100
    estimate.did(50, 500)  # ten times slower than guessed
    assert estimate.seconds_left > 200
    estimate.did(50, 500)
    assert estimate.seconds_left == 0
    assert guess(job, "tutorial") > guess(job, "plain") > guess(job, "floor") > 0


PROMISED = {
    "program", "kind", "label", "threads", "seconds", "fastest", "slowest", "steps_per_second", "samples_per_second",
    "gflop_per_second", "share_of_products", "times_the_tutorial", "memory_bytes", "train_loss",
}  # fmt: skip


def result_of(plan: Plan) -> dict[str, Any]:
    steps = list(measure(plan))
    assert all(set(step) == {"progress"} and "left)" in step["progress"] for step in steps[:-1])
    made: dict[str, Any] = json.loads(json.dumps(steps[-1]["result"]))  # what `--json` prints
    return made


@pytest.mark.slow
def test_every_cell_has_every_figure(tmp_path: Path) -> None:
    write_separable(tmp_path / "data")
    config = build({"data_dir": "data", "device": "cpu", "threads": 1})
    names = ("tutorial", "plain")
    plan = Plan(config, nets=((16,), (8, 8)), batches=(64,), against=names, engines=("eager",), has_extras=False)
    result = result_of(plan)
    first, second = result["cells"]
    assert [row["program"] for row in first["programs"]] == ["tutorial", "plain", "eager", "floor"]
    assert [row["program"] for row in second["programs"]] == ["plain", "eager", "floor"]
    assert (first["net"], first["batch"], first["samples"], first["steps"]) == ("784-16-10", 64, SAMPLES, 8)
    assert second["net"] == "784-8-8-10"
    for row in (*first["programs"], *second["programs"]):
        assert set(row) == PROMISED
        assert 0 < row["fastest"] <= row["seconds"] <= row["slowest"]
        assert row["samples_per_second"] == pytest.approx(SAMPLES / row["seconds"])
        assert row["steps_per_second"] == pytest.approx(8 / row["seconds"])
        assert 0 < row["share_of_products"] <= 1.2
        flop = product_flop((16,) if row in first["programs"] else (8, 8), SAMPLES)
        assert row["gflop_per_second"] == pytest.approx(flop / row["seconds"] / 1e9)
    assert first["programs"][0]["times_the_tutorial"] == 1
    assert second["programs"][0]["times_the_tutorial"] is None
    assert first["programs"][-1]["share_of_products"] == 1
    for row in result["overhead"]:
        assert row["share"] == pytest.approx(row["reports_share"] + row["evaluation_share"])
        assert 0 < row["evaluation_products_share"] < row["evaluation_share"]
    assert [figure["name"] for figure in result["holds"]] == ["reports, evaluation, log"]
    assert "graph" in result["not_measured"]
    assert 1 <= result["idle_cores"]["at_end"] <= result["cores"]
    assert (result["rounds"], result["start"], result["precisions"]) == (3, None, [])


def test_the_limits_of_the_small_net_stand_beside_what_was_measured(job: Job) -> None:
    small = replace(job, settings=changed(job.settings, {"batch_size": 64}))
    planned = cell.planned(small, 1, ["eager"], ("plain",))
    list(cell.measured(planned, 2, Estimate()))
    (figure,) = holds.figures([planned], [], None)
    plain, eager, _ = planned.programs
    assert (figure.name, figure.limits) == ("speed over a plain loop", (at_least("ratio", 1),))
    assert (figure.value, figure.baseline) == (eager.median, plain.median)
    assert figure.ratio == cell.ratio(plain, eager)


def test_a_run_comes_to_its_first_step_wherever_the_data_lie(job: Job, tmp_path: Path) -> None:
    relative = changed(job.settings, {"data_dir": "data", "device": "cpu"})
    seconds = start.seconds_to_first_step(relative, str(tmp_path))
    assert 0.3 < seconds < 120


@pytest.mark.slow
def test_a_run_that_does_not_start_is_no_figure(job: Job, tmp_path: Path) -> None:
    with pytest.raises(NotMeasuredError, match="cuda:77"):
        start.seconds_to_first_step(changed(job.settings, {"device": "cuda:77"}), str(tmp_path))


@pytest.mark.slow
def test_a_whole_bench_adds_precisions_the_whole_path_and_the_start(tmp_path: Path) -> None:
    write_separable(tmp_path / "data")
    config = build({"data_dir": "data", "device": "cpu", "threads": 1})
    result = result_of(Plan(config, rounds=1, nets=((16,),), batches=(64,), against=(), engines=("eager",)))
    assert [row["precision"] for row in result["precisions"]] == ["float32", "bf16"]
    assert all(row["test_accuracy"] > 0.3 for row in result["precisions"])
    assert min(result["start"]["seconds"], result["start"]["import_torch"]) > 0.1
    assert {row["tier"] for row in result["tiers"]} == {"device", "host", "file"}
    assert all(row["samples_per_second"] > 100 for row in result["tiers"])
    assert result["whole_path"]["ratio"] > 0
    assert {figure["name"] for figure in result["holds"]} == {"reports, evaluation, log", "start to first step"}


@pytest.mark.gpu
@pytest.mark.skipif(not torch.cuda.is_available(), reason="needs a CUDA device")
def test_a_gpu_has_its_own_engines_floor_and_memory(tmp_path: Path) -> None:
    write_separable(tmp_path / "data")
    config = build({"data_dir": "data", "device": "cuda"})
    result = result_of(Plan(config, rounds=2, nets=((16,),), batches=(60,), has_extras=False))
    rows = {row["program"]: row for row in result["cells"][0]["programs"]}
    assert {"eager", "graph", "tutorial", "plain", "floor"} <= set(rows)
    assert rows["eager"]["memory_bytes"] > 0
    assert rows["floor"]["seconds"] < rows["plain"]["seconds"]
    assert "failed" not in str(result["cells"][0]["not_measured"])
