"""`predict` as a person runs it: trained on a file, asked about another, in a pipe, into a file, interrupted."""

from __future__ import annotations

import csv
import io
import json
import math
import re
import resource
import shutil
import signal
import subprocess
from collections.abc import Callable
from pathlib import Path

import numpy as np
import polars as pl
import pytest
from PIL import Image

from tests.conftest import Said, wait_until
from tests.end_to_end.runs import events_of
from tests.end_to_end.terminal import Terminal

Cli = Callable[..., Said]
Spawn = Callable[..., subprocess.Popen[str]]
MANY = 400_000


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with runs/sums (two classes of four numbers) and runs/values, and rows to predict: few, and many."""
    from tui_trainer.cli import main

    folder = tmp_path_factory.mktemp("trained")
    random = np.random.default_rng(0)
    inputs = random.normal(size=(400, 4)).astype(np.float32)
    np.savez(folder / "sums.npz", x=inputs, y=(inputs.sum(1) > 0).astype(np.int64))
    np.savez(folder / "values.npz", x=inputs, y=1000 + 50 * inputs.sum(1, keepdims=True))
    for name in ("sums", "values"):
        words = ("--no-ui", "--json", "--threads", "1", "--epochs", "5", "--device", "cpu")
        assert main((*words, "--data", f"{folder / name}.npz", "--name", name, "--runs-dir", f"{folder / 'runs'}")) == 0
    np.save(folder / "few.npy", inputs[:50])
    np.save(folder / "many.npy", np.tile(inputs, (MANY // 400, 1)))
    return folder


def ask(folder: Path, run: str, file: str, *more: str) -> tuple[str, ...]:
    return ("predict", run, str(folder / file), "--runs-dir", str(folder / "runs"), "--device", "cpu", *more)


def test_a_pipe_gets_csv_and_nothing_else(cli: Cli, trained: Path) -> None:
    said = cli(*ask(trained, "sums", "few.npy"))
    rows = list(csv.DictReader(io.StringIO(said.out)))
    assert said.code == 0
    assert list(rows[0]) == ["row", "class", "p_0", "p_1"]
    assert [row["row"] for row in rows] == [str(number) for number in range(1, 51)]
    for row in rows:
        shares = [float(row["p_0"]), float(row["p_1"])]
        assert sum(shares) == pytest.approx(1)
        assert shares[int(row["class"])] == max(shares)
    assert said.err.startswith("Run sums: weights of epoch ")
    assert said.err.count("\n") == 1


def test_json_is_an_object_a_line(cli: Cli, trained: Path) -> None:
    rows = [json.loads(line) for line in cli(*ask(trained, "values", "few.npy", "--json")).out.splitlines()]
    assert [set(row) for row in rows] == [{"row", "value"}] * 50
    assert 900 < sum(row["value"] for row in rows) / 50 < 1100  # in the target's own units


def test_a_file_appears_and_is_replaced_only_where_that_is_asked_for(cli: Cli, trained: Path) -> None:
    said = cli(*ask(trained, "sums", "few.npy", "--out", "answers.parquet"))
    assert (said.code, said.out) == (0, "")
    assert said.err.endswith("50 rows predicted: answers.parquet\n")
    assert pl.read_parquet("answers.parquet").height == 50
    refused = cli(*ask(trained, "values", "few.npy", "--out", "answers.parquet"))
    assert (refused.code, "exists; name another file, or add --overwrite" in refused.err) == (2, True)
    assert cli(*ask(trained, "values", "few.npy", "--out", "answers.parquet", "--overwrite")).code == 0
    assert pl.read_parquet("answers.parquet").columns == ["row", "value"]


def test_nothing_but_the_runs_folder_is_needed(cli: Cli, trained: Path) -> None:
    shutil.copytree(trained / "runs" / "sums", "elsewhere")
    shutil.copy(trained / "few.npy", "few.npy")
    here = cli("predict", "elsewhere", "few.npy")
    assert (here.code, here.out) == (0, cli(*ask(trained, "sums", "few.npy")).out)


@pytest.mark.parametrize(
    ("data", "figure"), [("iris", "test_accuracy"), ("digits", "test_accuracy"), ("diabetes", "test_rmse")]
)
def test_the_test_rows_of_a_run_are_answered_as_well_as_it_said(cli: Cli, data: str, figure: str) -> None:
    from sklearn import datasets

    bunch = getattr(datasets, f"load_{data}")()
    inputs, targets = bunch.data.astype(np.float32), bunch.target
    np.savez("own.npz", x_train=inputs[::2], y_train=targets[::2], x_test=inputs[1::2], y_test=targets[1::2])
    np.save("new.npy", inputs[1::2])
    end = events_of(
        cli("--no-ui", "--json", "--threads", "1", "--epochs", "4", "--data", "own.npz", "--name", "own").out
    )[-1]
    assert cli("predict", "own", "new.npy", "--out", "answers.csv", "--batch-size", "17").code == 0
    found = pl.read_csv("answers.csv")
    if figure == "test_accuracy":
        assert float((found["class"].to_numpy() == targets[1::2]).mean()) == pytest.approx(end[figure], abs=1e-9)
    else:
        errors = found["value"].to_numpy() - targets[1::2]
        assert math.sqrt(float(np.square(errors).mean())) == pytest.approx(end[figure], rel=1e-6)


def test_pictures_are_called_by_their_files(cli: Cli) -> None:
    random = np.random.default_rng(0)
    for number in range(60):
        shade = "light" if number % 2 else "dark"
        folder = Path("pictures") / shade if number < 50 else Path("new")
        folder.mkdir(parents=True, exist_ok=True)
        pixels = random.integers(0, 100, (6, 6)) + (155 if shade == "light" else 0)
        Image.fromarray(pixels.astype(np.uint8)).save(folder / f"{number}-{shade}.png")
    words = (
        "--no-ui",
        "--threads",
        "1",
        "--epochs",
        "20",
        "--image-size",
        "6",
        "--data",
        "pictures",
        "--name",
        "shades",
    )
    assert cli(*words).code == 0
    found = pl.read_csv(io.StringIO(cli("predict", "shades", "new").out))
    assert found.columns == ["file", "class", "p_dark", "p_light"]
    assert [f"{Path(file).stem}" for file in found["file"]] == [
        f"{number}-{'light' if number % 2 else 'dark'}" for number in range(50, 60)
    ]
    assert found["class"].to_list() == ["dark", "light"] * 5
    one = pl.read_csv(io.StringIO(cli("predict", "shades", "new/51-light.png").out))
    assert one["class"].to_list() == ["light"]


@pytest.mark.parametrize(
    ("arguments", "said_words"),
    [
        (["predict"], "the name of a run is missing; `tui-trainer runs` lists them"),
        (["predict", "x"], "the file to predict is missing, as in `tui-trainer predict x FILE`"),
        (["predict", "x", "rows.csv"], "no run 'x' in runs (no runs there yet)"),
    ],
)
def test_what_is_missing_is_named(cli: Cli, arguments: list[str], said_words: str) -> None:
    said = cli(*arguments)
    assert (said.code, said.out) == (2, "")
    assert said_words in said.err
    assert said.err.count("\n") == 1


@pytest.mark.parametrize(
    ("more", "said_words"),
    [
        (["--out", "a.xls"], "its ending says no form; expected one of .csv"),
        (["--out", "nowhere/a.csv"], "there is no folder nowhere; make it first"),
        (["--out", "a.csv", "--json"], "--json is a form of standard output"),
        (["--weights", "worst"], "expected best or last"),
        (["--batch-size", "0"], "expected a whole number from 1 to 10,000,000"),
        (["--device", "cuda:77"], "--device cuda:77"),
        (["--device", "cuda:0,cuda:1"], "a prediction uses one device; name one"),
        (["--device", "tpu"], "expected auto, cpu, cuda"),
        (["--weight", "best"], "unknown flag --weight; did you mean '--weights'?"),
    ],
)
def test_bad_usage_is_one_sentence_and_leaves_no_file(
    cli: Cli, trained: Path, more: list[str], said_words: str
) -> None:
    said = cli(*ask(trained, "sums", "few.npy", *more))
    assert (said.code, said.out) == (2, "")
    assert said_words in said.err
    assert said.err.count("\n") == 1
    assert list(Path().iterdir()) == []


def test_the_file_to_predict_is_never_overwritten(cli: Cli, trained: Path) -> None:
    Path("rows.csv").write_text("a,b\n1,2\n")
    said = cli("predict", "sums", "rows.csv", "--runs-dir", str(trained / "runs"), "--out", "rows.csv", "--overwrite")
    assert (said.code, "is the file to predict; name another one" in said.err) == (2, True)


def test_a_reader_who_has_had_enough_ends_it_in_silence(spawn: Spawn, trained: Path) -> None:
    process = spawn(*ask(trained, "sums", "many.npy"))
    assert process.stdout
    assert process.stderr
    assert process.stdout.readline() == "row,class,p_0,p_1\n"
    process.stdout.close()
    assert process.wait(timeout=60) == 0
    assert process.stderr.read().count("\n") == 1


@pytest.mark.parametrize(
    ("ending", "number"),
    [
        ("parquet", signal.SIGINT),
        pytest.param("csv", signal.SIGINT, marks=pytest.mark.slow),
        pytest.param("parquet", signal.SIGTERM, marks=pytest.mark.slow),
        pytest.param("csv", signal.SIGHUP, marks=pytest.mark.slow),
    ],
)
def test_a_signal_leaves_no_file(spawn: Spawn, trained: Path, ending: str, number: signal.Signals) -> None:
    process = spawn(*ask(trained, "sums", "many.npy", "--out", f"answers.{ending}", "--batch-size", "1"))
    wait_until(lambda: list(Path().glob(".answers*")) or process.poll() is not None)
    assert process.poll() is None
    process.send_signal(number)
    out, err = process.communicate(timeout=60)
    assert (process.returncode, out) == (128 + number, "")
    assert f"tui-trainer: the prediction was ended by {number.name}; nothing was written" in err
    assert "Traceback" not in err
    assert list(Path().iterdir()) == []


@pytest.mark.parametrize(
    "ending", ["parquet", *(pytest.param(ending, marks=pytest.mark.slow) for ending in ("arrow", "jsonl"))]
)
def test_a_disk_that_is_full_leaves_no_half_file(spawn: Spawn, trained: Path, ending: str) -> None:
    process = spawn(
        *ask(trained, "sums", "many.npy", "--out", f"answers.{ending}"),
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, 100_000)),
    )
    out, err = process.communicate(timeout=120)
    assert (process.returncode, out) == (1, "")
    assert f"answers.{ending}: cannot be written: File too large" in err
    assert "Traceback" not in err
    assert list(Path().iterdir()) == []


@pytest.mark.slow
def test_a_terminal_shows_how_far_it_is_and_is_left_clean(trained: Path) -> None:
    words = ask(trained, "sums", "many.npy", "--out", "answers.csv", "--batch-size", "64")
    with Terminal(list(words)) as terminal:
        terminal.wait_for("rows/s")
        assert re.search(r"[\d,]+ rows +[\d,]+ rows/s +[\d:]+ left", terminal.text())
        terminal.press("\x03")
        assert terminal.wait_exit() == 130
        assert "rows/s" not in terminal.text()
        assert "the prediction was ended by SIGINT; nothing was written" in terminal.text()
    assert list(Path().iterdir()) == []
