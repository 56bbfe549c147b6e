"""The check before training: what was planted is found, what is not there is not, and a session stays as it was."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from tests.engine.small import run, same_bits, session
from tui_trainer.data_sets import Task
from tui_trainer.engine import checkpoint
from tui_trainer.engine.data import load
from tui_trainer.engine.data.dataset import DataSet, Samples, Scaling
from tui_trainer.engine.preflight import described, disk, expected_seconds, leaks, memory, pace, repeats
from tui_trainer.engine.preflight.leaks import Effort
from tui_trainer.findings import expectation, findings
from tui_trainer.knobs import build
from tui_trainer.report import ColumnFacts, Report

COLUMNS = (("noise", 0, 1), ("leak", 1, 2), ("other", 2, 4), ("still", 4, 5))


def made(task: Task = "classes", classes: int = 3, rows: int = 600, seed: int = 0) -> DataSet:
    """Four columns: one gives the target away, one is constant, two mean nothing. No row stands there twice."""
    generator = np.random.default_rng(seed)
    numbers = generator.integers(0, classes, rows)
    leak = numbers * 10.0 + 0.1 * generator.random(rows)
    inputs = np.column_stack([generator.random(rows), leak, generator.random((rows, 2)), np.full(rows, 7.0)])
    targets = torch.from_numpy(numbers)
    if task == "values":
        targets = (targets.float() * 3 + 1).unsqueeze(1)
    if task == "labels":
        targets = torch.stack([targets == 0, targets == 1], 1).float()
    samples = Samples(torch.from_numpy(inputs).float(), targets)
    first, second, third = torch.arange(rows).split([rows * 6 // 10, rows * 2 // 10, rows * 2 // 10])
    names = (
        () if task == "values" else tuple(f"class {number}" for number in range(classes if task == "classes" else 2))
    )
    scaling = Scaling(torch.zeros(1), torch.ones(1))
    parts = samples.pick(first), samples.pick(second), samples.pick(third)
    return DataSet("made", task, *parts, names, scaling, columns=COLUMNS)


def without_leak(data: DataSet) -> DataSet:
    """The same, with noise in the place of the column that gives the target away."""
    generator = torch.Generator().manual_seed(5)
    train = Samples(data.train.inputs.clone(), data.train.targets)
    train.inputs[:, 1] = torch.rand(len(train), generator=generator)
    return replace(data, train=train)


@pytest.mark.parametrize("task", ["classes", "values", "labels"])
def test_a_column_that_gives_the_target_away_is_found_and_no_other(task: Task) -> None:
    search = leaks(made(task))
    assert [leak.column for leak in search.found] == ["leak"]
    assert search.found[0].score > 0.97
    assert (search.columns, search.of, search.metric) == (4, 4, "accuracy" if task == "classes" else "R²")
    assert leaks(without_leak(made(task))).found == ()


def test_a_leak_is_found_beside_a_rare_class_and_a_rare_class_hides_none() -> None:
    data = made(classes=2, rows=3000)
    rare = torch.cat([torch.nonzero(data.train.targets == 0)[:, 0], torch.nonzero(data.train.targets == 1)[:20, 0]])
    rare_data = replace(data, train=data.train.pick(rare))
    assert [leak.column for leak in leaks(rare_data).found] == ["leak"]
    assert leaks(without_leak(rare_data)).found == ()


def test_a_column_of_many_inputs_leaks_as_a_whole() -> None:
    data = made()
    hot = torch.nn.functional.one_hot(data.train.targets, 3).float()
    train = Samples(torch.cat([data.train.inputs[:, :1], hot], 1), data.train.targets)
    columns = (("noise", 0, 1), ("hot", 1, 4))
    found = leaks(replace(data, train=train, columns=columns)).found
    assert [leak.column for leak in found] == ["hot"]


@pytest.mark.parametrize("name", ["iris", "breast_cancer", "diabetes", "digits"])
def test_well_known_data_have_no_leak(name: str) -> None:
    search = leaks(load(build({"data": name})))
    assert search.columns == search.of > 0
    assert search.found == ()


def test_a_search_of_less_effort_looks_at_narrow_columns_first_and_says_how_many() -> None:
    search = leaks(made(), Effort(200, 3, 100))
    assert (search.columns, search.of, search.rows) == (3, 4, 198)
    assert [leak.column for leak in search.found] == ["leak"]
    assert leaks(made(), Effort(200, 100, 3)).columns == 3
    assert leaks(made(), Effort(200, 0, 0)).found == ()


def test_one_class_few_rows_and_pixels_are_no_reason_to_fail() -> None:
    data = made()
    one = replace(data, train=Samples(data.train.inputs, torch.zeros_like(data.train.targets)))
    assert leaks(one).columns == 0
    assert leaks(replace(data, train=data.train.pick(torch.arange(4)))).columns == 0
    wide = replace(data, columns=(), train=Samples(torch.zeros(10, 784), data.train.targets[:10]))
    assert leaks(wide).of == 0


def test_planted_duplicates_are_counted_and_none_where_none_are() -> None:
    data = made()
    clean = repeats(data)
    assert (clean.within_train, clean.validation_in_train, clean.test_in_train) == (0, 0, 0)
    assert (clean.train_rows, clean.validation_rows, clean.test_rows) == (360, 120, 120)
    assert data.validation is not None
    data.train.inputs[10] = data.train.inputs[3]
    data.train.inputs[20] = data.train.inputs[3]
    data.train.targets[3] = data.train.targets[10] = 1
    data.train.targets[20] = 2
    data.validation.inputs[5] = data.train.inputs[100]
    data.test.inputs[7] = data.train.inputs[200]
    data.test.inputs[8] = data.train.inputs[20]
    found = repeats(data)
    assert (found.within_train, found.contradicting) == (2, 1)
    assert (found.validation_in_train, found.test_in_train) == (1, 2)
    assert found.examples == (("test sample 8", "training sample 201"), ("test sample 9", "training sample 4"))


def test_beyond_a_limit_of_bytes_a_sample_is_looked_at() -> None:
    data = made()
    data.test.inputs[:] = data.train.inputs[:120]
    found = repeats(data, most_bytes=100 * 5 * 4)
    assert (found.train_rows, found.validation_rows, found.test_rows) == (100, 100, 100)
    assert 0 < found.test_in_train < 100
    assert found == repeats(data, most_bytes=100 * 5 * 4)


def test_bytes_of_pictures_are_compared_too() -> None:
    data = load(build({"data": "digits"}))
    data.test.inputs[4] = data.train.inputs[9]
    assert repeats(data).examples == (("test sample 5", "training sample 10"),)


def test_counts_of_classes_and_constant_columns_are_those_of_the_splits() -> None:
    data = replace(made(), notes=("2 rows were dropped",), described=(ColumnFacts("left out", "constant", 0, 1, "x"),))
    report = described(data)
    assert [one.train for one in report.classes] == torch.bincount(data.train.targets).tolist()
    assert sum(one.test for one in report.classes) == len(data.test)
    assert report.constant_columns == ("left out", "still")
    assert report.constant_inputs == 1
    assert report.notes == ("2 rows were dropped",)
    labels = described(made("labels"))
    assert [one.train for one in labels.classes] == made("labels").train.targets.sum(0).int().tolist()


def test_values_are_described_in_their_own_units() -> None:
    data = made("values")
    (only,) = described(data).values
    assert (only.least, only.most) == (1.0, 7.0)
    assert only.mean == pytest.approx(data.train.targets.mean().item())


@pytest.mark.parametrize("values", [{}, {"dropout": 0.3, "normalization": "batch"}, {"batch_size": "full"}], ids=str)
def test_measuring_leaves_weights_optimizer_and_random_state_bit_for_bit(values: dict[str, object]) -> None:
    measured, untouched = session(**values), session(**values)
    random = torch.get_rng_state()
    figures = pace(measured, 7, runs=3)
    assert figures is not None
    assert torch.equal(torch.get_rng_state(), random)
    assert (figures.epochs, figures.parameters) == (7, 9610 if not values.get("dropout") else 9866)
    assert 0 < figures.steps <= 20
    assert figures.samples_per_second > 0
    assert figures.seconds > 7 * figures.evaluation_seconds
    torch.set_rng_state(random)
    memory(measured)
    assert expected_seconds(measured)
    run(measured)
    torch.set_rng_state(random)
    run(untouched)
    assert same_bits(measured, untouched)


def test_settings_under_which_the_loss_is_soon_no_number_are_told_and_timed_all_the_same() -> None:
    wildly = {"data": "diabetes", "optimizer": "sgd", "lr": 100.0, "batch_size": 16, "normalize": "none"}
    wild = session(**wildly)
    measured = pace(wild, 2)
    assert measured is not None
    assert measured.diverged.startswith("loss became")
    assert measured.samples_per_second > 0
    assert wild.config.optimizer.lr == wildly["lr"]
    assert same_bits(wild, session(**wildly))
    report = replace(described(wild.data), pace=measured)
    assert "choose a smaller --lr" in findings(report)[0].sentence
    with torch.no_grad():
        wild.steps.step.parameters.flat.fill_(1e38)
    assert pace(wild, 2) is None
    assert expected_seconds(wild) is None


def test_a_run_too_large_for_a_glance_is_not_tried_out() -> None:
    assert expected_seconds(session(hidden="4096,4096", batch_size="full")) is None


@pytest.mark.parametrize("values", [{}, {"optimizer": "sgd", "momentum": 0.9}, {"normalization": "batch"}], ids=str)
def test_the_size_of_checkpoints_is_what_is_written(values: dict[str, object], tmp_path: Path) -> None:
    trained = session(epochs=1, **values)
    expected = disk(trained, tmp_path / "not" / "there" / "yet", runs=4)
    run(trained)
    best = trained.capture_best()
    assert best is not None
    assert checkpoint.write(tmp_path, trained.capture()) == pytest.approx(expected.last, abs=6000)
    assert checkpoint.write(tmp_path, best) == pytest.approx(expected.best, abs=6000)
    assert expected.needed == 4 * 2 * (expected.last + expected.best) + expected.last
    assert expected.free > 0


def test_a_report_survives_its_way_through_json() -> None:
    measured = session()
    whole = replace(
        described(made()),
        repeats=repeats(made()),
        leaks=leaks(made()),
        memory=memory(measured),
        pace=pace(measured, 2),
        disk=disk(measured, Path("runs")),
        columns=(ColumnFacts("age", "number", 3, 70, "39"),),
    )
    assert Report.of_json(json.loads(json.dumps(whole.to_json()))) == whole
    with pytest.raises(ValueError, match="not a report"):
        Report.of_json({"data": "x"})
    assert " for 2 epochs, until " in expectation(whole)
    assert findings(whole)[0].severity == "warning"  # the planted leak comes first
