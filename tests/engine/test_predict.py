"""A prediction gives what the evaluation gave, from the checkpoint alone, whatever the size of its batches."""

from __future__ import annotations

import itertools
import math
import random
import shutil
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch

from tests.engine.predicting import Numbers, plan, predicted, trained, trained_iris, write_rows
from tui_trainer.engine.answers import Meaning
from tui_trainer.engine.data import encodings
from tui_trainer.engine.predict import Predictor, chosen, predict, rows_of
from tui_trainer.errors import InputError, StorageError
from tui_trainer.run_dir import RunDir


@pytest.fixture(autouse=True)
def _knows_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encodings.KINDS, Numbers.kind, Numbers)


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run of iris; `rows.csv` beside it has the test rows."""
    return trained_iris(tmp_path_factory.mktemp("iris"))


def answers(run: RunDir | Path, rows: Path, **options: Any) -> pl.DataFrame:
    out = rows.with_name(f"answers-{random.random()}.parquet")
    predicted(RunDir(run) if isinstance(run, Path) else run, plan(rows, out, **options))
    return pl.read_parquet(out)


@pytest.mark.parametrize("data", ["iris", "digits"])
@pytest.mark.parametrize("loss", ["auto", "mse"])
def test_the_test_rows_are_answered_as_well_as_the_run_said(tmp_path: Path, data: str, loss: str) -> None:
    run, known, end = trained(tmp_path / "run", data=data, loss=loss, normalization="batch", dropout=0.4)
    found = answers(run, write_rows(tmp_path / "rows.csv", known.test.inputs))
    true = [known.class_names[number] for number in known.test.targets.tolist()]
    right = [one == other for one, other in zip(found["class"].to_list(), true, strict=True)]
    assert sum(right) / len(right) == pytest.approx(end.test_accuracy, abs=1e-9)
    assert found.columns == ["row", "class", *(f"p_{name}" for name in known.class_names)]
    shares = found.select(pl.col(f"p_{name}") for name in known.class_names)
    assert set(shares.dtypes) == {pl.Float32}
    assert shares.sum_horizontal().to_numpy() == pytest.approx(1, abs=1e-5)
    assert found["row"].to_list() == list(range(1, len(true) + 1))


def test_values_come_in_original_units(tmp_path: Path) -> None:
    run, known, end = trained(tmp_path / "run", data="diabetes")
    found = answers(run, write_rows(tmp_path / "rows.csv", known.test.inputs))
    assert found.columns == ["row", "value"]
    errors = found["value"].to_numpy() - known.test.targets[:, 0].double().numpy()
    assert math.sqrt(float(np.square(errors).mean())) == pytest.approx(end.test_rmse, rel=1e-6)


@pytest.mark.parametrize("size", [1, 7, 30])
def test_every_batch_size_gives_the_same_answers(iris: Path, size: int) -> None:
    rows = iris.with_name("rows.csv")
    whole, parts = answers(iris, rows), answers(iris, rows, batch_size=size)
    assert whole["class"].to_list() == parts["class"].to_list()
    numbers = [frame.select(pl.col("^p_.*$")).to_numpy() for frame in (whole, parts)]
    assert np.abs(numbers[0] - numbers[1]).max() < 1e-6


def test_the_weights_are_the_best_where_validation_chose_them(tmp_path: Path) -> None:
    run, _, end = trained(tmp_path / "chosen", data="iris", epochs=4, monitor="train_loss", lr=0.5)
    assert (chosen(run, None)[0].kind, chosen(run, None)[0].facts["epochs_done"]) == ("best", end.best_epoch)
    assert chosen(run, "last")[0].facts["epochs_done"] == 4
    run, _, _ = trained(tmp_path / "judged", data="iris", validation=0)
    assert chosen(run, None)[0].kind == "last"  # the test split chose the best
    assert chosen(run, "best")[0].kind == "best"
    best, sentences = chosen(run, "best")
    assert sentences == [f"Run judged: weights of epoch {best.facts['epochs_done']}, the best"]


def test_the_newest_good_checkpoint_answers_and_the_damaged_one_is_named(iris: Path, tmp_path: Path) -> None:
    run = Path(shutil.copytree(iris, tmp_path / "run"))
    shutil.copytree(run / "checkpoints/last", run / "checkpoints/last.previous")
    (run / "checkpoints/last/model.safetensors").write_bytes(b"damaged")
    found, sentences = chosen(RunDir(run), "last")
    assert found.folder == "last.previous"
    assert "going back to the checkpoint before it" in sentences[0]
    (run / "checkpoints/last.previous/model.safetensors").write_bytes(b"damaged")
    with pytest.raises(InputError, match=r"has no good checkpoint: .*model.safetensors: its content does not match"):
        chosen(RunDir(run), None)


FORMATS = {
    "csv": pl.read_csv, "tsv": lambda path: pl.read_csv(path, separator="\t"), "parquet": pl.read_parquet,
    "feather": pl.read_ipc, "arrow": pl.read_ipc, "jsonl": pl.read_ndjson, "ndjson": pl.read_ndjson,
}  # fmt: skip


@pytest.mark.parametrize("ending", FORMATS)
def test_every_form_of_file_holds_the_same_answers(iris: Path, tmp_path: Path, ending: str) -> None:
    out, rows = tmp_path / f"out.{ending}", iris.with_name("rows.csv")
    said = predicted(RunDir(iris), plan(rows, out, batch_size=8))
    found = FORMATS[ending](out)
    expected = answers(iris, rows, batch_size=8)
    assert found.columns == expected.columns
    assert found["class"].to_list() == expected["class"].to_list()
    for name in expected.columns[2:]:  # text has enough digits for every bit
        assert found[name].cast(pl.Float32).to_list() == expected[name].to_list()
    assert [step.rows for step in said if step.rows] == [8, 16, 24, 30, 30]
    assert said[-1].total == 30
    assert list(tmp_path.iterdir()) == [out]


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow"])
def test_a_prediction_that_is_not_completed_leaves_no_file(iris: Path, tmp_path: Path, ending: str) -> None:
    out, rows = tmp_path / f"out.{ending}", iris.with_name("rows.csv")
    steps = predict(RunDir(iris), plan(rows, out, batch_size=1), open("/dev/null", "wb"))  # noqa: SIM115, PTH123
    assert len(list(itertools.islice(steps, 10))) == 10
    steps.close()
    bad = tmp_path / "bad.csv"
    bad.write_text(rows.read_text() + "1,2,x,4\n")
    with pytest.raises(ValueError, match="could not convert"):
        predicted(RunDir(iris), plan(bad, out, batch_size=1))
    assert list(tmp_path.iterdir()) == [bad]


@pytest.mark.parametrize("ending", ["csv", "parquet", "arrow", "jsonl"])
def test_a_place_that_cannot_be_written_is_a_sentence(iris: Path, tmp_path: Path, ending: str) -> None:
    out = tmp_path / "gone" / f"out.{ending}"
    with pytest.raises(StorageError, match=r"gone/out.*: cannot be written: .*No such file"):
        predicted(RunDir(iris), plan(iris.with_name("rows.csv"), out, batch_size=1))


def test_what_the_encoding_counted_and_rows_without_a_finite_answer_are_said(iris: Path, tmp_path: Path) -> None:
    rows = tmp_path / "rows.csv"
    rows.write_text("x0,x1,x2,x3,more\n1,2,0,4,9\n1,2,inf,4,9\n1,2,3,4,9\n")
    sentences = [step.sentence for step in predicted(RunDir(iris), plan(rows, tmp_path / "out.csv")) if step.sentence]
    assert sentences[1:] == ["1 rows have a zero", "1 of 3 rows gave no finite answer; look at them for huge values"]


@pytest.mark.parametrize(
    ("meaning", "outputs", "columns", "expected"),
    [
        (
            Meaning("classes", ("no", "yes"), 1, is_binary=True),
            [[0.0], [math.log(3)]],
            ["row", "class", "p_no", "p_yes"],
            [[1, "no", 0.5, 0.5], [2, "yes", 0.25, 0.75]],
        ),
        (
            Meaning("labels", ("red", "row"), 2),
            [[math.log(3), 0.0], [-math.log(3), 9e9]],
            ["row", "red", "row_2", "p_red", "p_row"],
            [[1, 1, 0, 0.75, 0.5], [2, 0, 1, 0.25, 1.0]],
        ),
        (
            Meaning("values", (), 2, shift=torch.tensor([10.0, 1e9]), spread=torch.tensor([2.0, 1.0])),
            [[1.0, 1.5], [0.0, -1.0]],
            ["row", "value_1", "value_2"],
            [[1, 12.0, 1e9 + 1.5], [2, 10.0, 1e9 - 1]],
        ),
        (
            Meaning("values", ("price",), 1, shift=torch.tensor([0.5]), spread=torch.tensor([2.0])),
            [[1.0], [2.0]],
            ["row", "price"],
            [[1, 2.5], [2, 4.5]],
        ),
        (
            Meaning("classes", ("a", "b", "c"), 3, are_probabilities=True),
            [[1.5, 1.25, 0.0], [-1.0, -2.0, -3.0]],
            ["row", "class", "p_a", "p_b", "p_c"],
            [[1, "a", 0.5, 0.5, 0.0], [2, "a", 1 / 3, 1 / 3, 1 / 3]],
        ),
    ],
)  # fmt: skip
def test_outputs_become_classes_labels_and_values(
    meaning: Meaning, outputs: list[list[float]], columns: list[str], expected: list[list[Any]]
) -> None:
    frame = meaning.frame(["1", "2"], torch.tensor(outputs), "row")
    assert frame.columns == columns
    for row, wanted in zip(frame.rows(), expected, strict=True):
        assert [cell if isinstance(cell, str) else pytest.approx(cell, abs=1e-6) for cell in row] == wanted


def test_rows_that_are_files_are_called_by_their_names() -> None:
    frame = Meaning("classes", ("a", "b"), 2).frame(["x/1.png"], torch.zeros(1, 2), "file")
    assert frame.rows() == [("x/1.png", "a", 0.5, 0.5)]
    assert frame.columns[0] == "file"


def test_how_many_rows_there_are_is_known_before_they_are_read_where_that_is_cheap(tmp_path: Path) -> None:
    table = pl.DataFrame({"x": range(100, 200)})
    table.write_csv(tmp_path / "a.csv")
    table.write_parquet(tmp_path / "a.parquet")
    table.write_ipc(tmp_path / "a.feather")
    np.save(tmp_path / "a.npy", np.zeros((100, 2)))
    (tmp_path / "bad.parquet").write_bytes(b"PAR1")
    (tmp_path / "empty.csv").touch()
    assert rows_of(tmp_path / "a.csv") in (100, 101)  # lines of its first megabyte, by its size
    assert [rows_of(tmp_path / f"a.{ending}") for ending in ("parquet", "feather", "npy")] == [100, 100, 100]
    assert rows_of(tmp_path) == 6
    assert [rows_of(None), rows_of(tmp_path / "bad.parquet"), rows_of(tmp_path / "empty.csv")] == [None, None, None]


@pytest.mark.gpu
def test_a_gpu_gives_the_answers_of_the_cpu(iris: Path) -> None:
    if not torch.cuda.is_available():
        pytest.skip("needs a CUDA device")
    found, _ = chosen(RunDir(iris), None)
    predictors = [Predictor(found, torch.device(name)) for name in ("cpu", "cuda")]
    batch = next(predictors[0].encoding.batches(iris.with_name("rows.csv"), 100))
    here, there = (predictor.outputs(batch.inputs) for predictor in predictors)
    assert torch.allclose(here, there, atol=1e-5)
