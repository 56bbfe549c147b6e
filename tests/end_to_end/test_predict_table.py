"""Tables that are predicted: columns by name, rows on standard input, and files larger than what is held of them."""

from __future__ import annotations

import io
import re
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import IO

import numpy as np
import polars as pl
import pytest

from tests.conftest import Said, start_cli
from tests.end_to_end.runs import events_of

Cli = Callable[..., Said]
TRAIN = ("--no-ui", "--json", "--threads", "1", "--device", "cpu", "--epochs", "4")


def people(rows: int, seed: int = 0) -> pl.DataFrame:
    """Two numbers and a city that decide an income, whether it is high, and two marks."""
    random = np.random.default_rng(seed)
    age, hours = random.normal(40, 10, rows).round(3), random.normal(30, 5, rows).round(3)
    city = random.choice(["Bonn", "Rome", "Oslo"], rows)
    income = 1000 + 20 * age + 30 * hours + 300 * (city == "Oslo") + random.normal(0, 10, rows)
    return pl.DataFrame(
        {
            "age": age,
            "hours": hours,
            "city": city,
            "income": income.round(2),
            "is_high": np.where(income > np.median(income), "yes", "no"),
            "old": (age > 40).astype(int),
            "busy": (hours > 30).astype(int),
        }
    )


def train(cli: Cli, target: str, *more: str) -> dict[str, float]:
    """Trains `runs/people` on people.csv, and tests on test.csv; the last event."""
    columns = {"income", "is_high", "old", "busy"} - set(target.split(","))
    people(600).write_csv("people.csv")
    people(300, seed=1).write_csv("test.csv")
    kinds = ",".join(f"{name}=ignore" for name in sorted(columns))
    words = ("--data", "people.csv", "--test-data", "test.csv", "--target", target, "--columns", kinds)
    said = cli(*TRAIN, "--name", "people", *words, *more)
    assert said.code == 0, said.err
    end: dict[str, float] = events_of(said.out)[-1]
    return end


def answers(cli: Cli, file: str, *more: str) -> pl.DataFrame:
    said = cli("predict", "people", file, "--device", "cpu", *more)
    assert said.code == 0, said.err
    return pl.read_csv(io.StringIO(said.out))


@pytest.mark.parametrize(
    "more",
    [
        ("--loss", "binary_cross_entropy"),
        ("--categories", "embedding", "--normalization", "batch", "--dropout", "0.3"),
        ("--loss", "mse", "--normalize", "quantile"),
    ],
    ids=lambda more: more[1],
)
def test_classes_of_a_table_are_answered_as_well_as_the_run_said(cli: Cli, more: tuple[str, ...]) -> None:
    end = train(cli, "is_high", *more)
    found, true = answers(cli, "test.csv"), people(300, seed=1)["is_high"]
    assert found.columns == ["row", "class", "p_no", "p_yes"]
    assert float((found["class"] == true).mean()) == pytest.approx(end["test_accuracy"], abs=1e-9)  # type: ignore[arg-type]
    parts = answers(cli, "test.csv", "--batch-size", "7")
    assert np.abs(found["p_yes"].to_numpy() - parts["p_yes"].to_numpy()).max() < 1e-6


def test_values_have_the_targets_name_and_units(cli: Cli) -> None:
    end = train(cli, "income")
    found = answers(cli, "test.csv")
    assert found.columns == ["row", "income"]
    errors = found["income"].to_numpy() - people(300, seed=1)["income"].to_numpy()
    assert float(np.sqrt(np.square(errors).mean())) == pytest.approx(end["test_rmse"], rel=1e-6)


def test_labels_have_a_column_and_a_probability_each(cli: Cli) -> None:
    train(cli, "old,busy", "--epochs", "40")
    found, true = answers(cli, "test.csv"), people(300, seed=1)
    assert found.columns == ["row", "old", "busy", "p_old", "p_busy"]
    for name in ("old", "busy"):
        assert (found[name] == (found[f"p_{name}"] > 0.5)).all()
        assert float((found[name] == true[name]).mean()) > 0.9  # type: ignore[arg-type]


def test_columns_go_by_their_names_and_a_target_is_not_looked_at(cli: Cli) -> None:
    train(cli, "income")
    table = people(50, seed=2)
    table.write_csv("whole.csv")
    table.select("city", "hours", pl.lit("?").alias("note"), "age").write_csv("turned.csv")
    table.with_columns(income=pl.lit("unknown")).write_csv("unknown.csv")
    table.select("age", "hours", "city").write_parquet("features.parquet")
    first = answers(cli, "whole.csv")
    for file in ("turned.csv", "unknown.csv", "features.parquet"):
        assert answers(cli, file).equals(first), file
    table.drop("hours").write_csv("less.csv")
    said = cli("predict", "people", "less.csv")
    assert (said.code, said.out) == (2, "")
    assert "less.csv" in said.err
    assert "hours" in said.err


def test_cities_never_seen_and_empty_fields_have_answers_too_and_are_counted(cli: Cli) -> None:
    train(cli, "income")
    Path("odd.csv").write_text("age,hours,city\n40,30,Bonn\n,30,Bonn\n40,,Paris\n,,\n")
    assert answers(cli, "odd.csv", "--batch-size", "2")["income"].is_finite().to_list() == [True] * 4
    said = cli("predict", "people", "odd.csv", "--out", "answers.parquet", "--batch-size", "1").err
    assert "rows of categories that no training row holds have inputs of 0: city (2 in these rows)" in said
    assert "age (2 in these rows)" in said
    assert "hours (2 in these rows)" in said
    assert "these rows" not in cli("predict", "people", "test.csv").err


def test_rows_on_standard_input_are_answered_like_those_of_a_file(cli: Cli, monkeypatch: pytest.MonkeyPatch) -> None:
    train(cli, "income")
    with Path("test.csv").open() as file:
        monkeypatch.setattr(sys, "stdin", file)
        found = answers(cli, "-")
    assert found.equals(answers(cli, "test.csv"))


def peak_megabytes(*arguments: str, stdin: IO[bytes] | None = None) -> float:
    """The largest memory that is the process's own (mapped files are the system's, which takes them back)."""
    process = start_cli(*arguments, stdin=stdin, stdout=subprocess.DEVNULL)
    peak = 0.0
    while process.poll() is None:
        with suppress(OSError, TypeError):
            status = Path(f"/proc/{process.pid}/status").read_text()
            peak = max(peak, float(re.search(r"RssAnon:\s+(\d+)", status)[1]) / 1e3)  # type: ignore[index]
        with suppress(subprocess.TimeoutExpired):
            process.wait(0.01)
    _, err = process.communicate()
    assert process.returncode == 0, err
    return peak


@pytest.mark.slow
@pytest.mark.parametrize("out", ["answers.parquet", "answers.csv"])
@pytest.mark.parametrize("is_piped", [False, True], ids=["file", "pipe"])
def test_memory_does_not_grow_with_the_file(cli: Cli, out: str, is_piped: bool) -> None:
    train(cli, "income")
    rows = people(1000).drop("income", "is_high", "old", "busy").write_csv(include_header=False).encode()
    peaks = []
    for times in (2_000, 10_000):  # 42 and 210 MB
        with Path("many.csv").open("wb") as file:
            file.write(b"age,hours,city\n")
            for _ in range(times):
                file.write(rows)
        words = ("predict", "people", "-" if is_piped else "many.csv", "--device", "cpu", "--out", out, "--overwrite")
        with Path("many.csv").open("rb") as file:
            peaks.append(peak_megabytes(*words, stdin=file if is_piped else None))
    rows_written = pl.scan_csv(out) if out.endswith("csv") else pl.scan_parquet(out)
    assert rows_written.select(pl.len()).collect().item() == 10_000_000
    assert peaks[1] - peaks[0] < 60, peaks  # to hold the larger file's numbers alone would take 160 more
