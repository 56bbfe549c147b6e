"""Numbers, dates and categories as inputs: as scikit-learn encodes them, and by the training rows alone."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np
import polars as pl
import pytest
import torch
from sklearn.impute import SimpleImputer
from sklearn.preprocessing import MinMaxScaler, OneHotEncoder, QuantileTransformer, StandardScaler

from tests.engine.tables import as_the_net_sees, encoded, table_encoding
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.opened import Part
from tui_trainer.errors import InputError

NUMBER: dict[str, ColumnKind] = {"x": "number"}
CATEGORY: dict[str, ColumnKind] = {"c": "category"}
PARTS: tuple[Part, Part] = ("train", "test")


def some_numbers(rows: int = 500, missing: float = 0.1) -> pl.DataFrame:
    random = np.random.default_rng(3)
    numbers = random.lognormal(2, 1, rows)
    return pl.DataFrame({"x": pl.Series(np.where(random.random(rows) < missing, np.nan, numbers)).fill_nan(None)})


@pytest.mark.parametrize(("how", "theirs"), [("standard", StandardScaler()), ("unit", MinMaxScaler()), ("none", None)])
def test_numbers_are_imputed_and_scaled_as_scikit_learn_does_it(how: str, theirs: Any) -> None:
    table = some_numbers()
    found = encoded(table, NUMBER, 400, normalize=how)

    column = table["x"].to_numpy()[:, None]
    imputer = SimpleImputer(strategy="median", add_indicator=True).fit(column[:400])
    filled = imputer.transform(column)
    expected = filled[:, :1] if theirs is None else theirs.fit(filled[:400, :1]).transform(filled[:, :1])
    for part, rows in zip(PARTS, (slice(400), slice(400, 500)), strict=True):
        ours = as_the_net_sees(found, part)
        np.testing.assert_allclose(ours[:, 0], expected[rows, 0], atol=1e-6)
        assert (ours[:, 1] == filled[rows, 1]).all()
    assert any("median" in note and "x (46 training rows)" in note for note in found.notes), found.notes


def test_quantiles_are_those_that_scikit_learn_measures_under_the_seeded_noise() -> None:
    table = some_numbers(missing=0.0)
    found = encoded(table, NUMBER, 400, normalize="quantile", quantile_noise=1e-3, seed=7)

    column = table["x"].to_numpy()[:, None]
    noise = 1e-3 / max(column[:400].std(), 1e-3) * np.random.default_rng(7).standard_normal((400, 1))
    theirs = QuantileTransformer(n_quantiles=13, output_distribution="normal", subsample=None)
    expected = theirs.fit(column[:400] + noise).transform(column)
    np.testing.assert_allclose(found.inputs["train"], expected[:400], atol=1e-6)
    np.testing.assert_allclose(found.inputs["test"], expected[400:], atol=1e-6)
    assert found.shift.tolist() == [0]
    assert found.spread.tolist() == [1]


def test_a_number_missing_in_the_test_rows_alone_becomes_the_median_and_is_said() -> None:
    found = encoded(pl.DataFrame({"x": [1.0, 2.0, 30.0, None]}), NUMBER, 3)

    assert found.inputs["test"].tolist() == [[2.0]]
    assert any(note.startswith("missing in no training row") and "x (1 in test)" in note for note in found.notes)


def test_a_time_stamp_of_seconds_keeps_its_digits_in_float32() -> None:
    stamps = 1.7e9 + np.arange(100) / 8
    found = encoded(pl.DataFrame({"x": stamps}), NUMBER, 80)

    np.testing.assert_allclose(
        as_the_net_sees(found)[:, 0], StandardScaler().fit_transform(stamps[:80, None])[:, 0], atol=1e-5
    )


@pytest.mark.parametrize("how", ["standard", "unit", "none", "quantile"])
def test_numbers_beyond_float32_stay_finite(how: str) -> None:
    largest = 1.7e308
    found = encoded(pl.DataFrame({"x": [-1.0, largest, None, largest, largest, -1e300, 0.0]}), NUMBER, 5, normalize=how)

    assert np.isfinite(as_the_net_sees(found)).all()
    assert np.isfinite(as_the_net_sees(found, "test")).all()


def test_one_hot_is_scikit_learns_with_missing_ones_as_a_category_of_their_own() -> None:
    random = np.random.default_rng(5)
    words = np.array(["b", "a", "c", None], dtype=object)[random.integers(0, 4, 300)]
    found = encoded(pl.DataFrame({"c": pl.Series(words, dtype=pl.String)}), CATEGORY, 200)

    theirs = OneHotEncoder(sparse_output=False).fit(words[:200, None])
    assert (found.inputs["train"].numpy() == theirs.transform(words[:200, None])).all()
    assert (found.inputs["test"].numpy() == theirs.transform(words[200:, None])).all()


def test_rare_categories_share_one_as_scikit_learns_and_are_named() -> None:
    words = np.array([*"aaaaabbbbbcccdde", "a", "e", "new"], dtype=object)
    table = pl.DataFrame({"c": pl.Series(words, dtype=pl.String)})
    found = encoded(table, CATEGORY, 16, rare_below=3)

    theirs = OneHotEncoder(min_frequency=3, handle_unknown="infrequent_if_exist", sparse_output=False)
    theirs.fit(words[:16, None])
    for part, rows in zip(PARTS, (slice(16), slice(16, 19)), strict=True):
        assert (found.inputs[part].numpy() == theirs.transform(words[rows, None])).all()
    assert "rare categories share one (fewer rows than --rare-below 3): c (2 of 3 training rows: d, e)" in found.notes
    assert "rows of categories that no training row holds count as rare: c (1 in test)" in found.notes


def test_only_so_many_categories_are_kept_of_a_column_of_ten_thousand() -> None:
    words = [f"w{number:05}" for number in range(10_000)] + [f"w{number:05}" for number in range(20)]
    found = encoded(pl.DataFrame({"c": words}), CATEGORY, 10_020, most_categories=20)

    assert found.inputs["train"].shape[1] == 21
    assert found.inputs["train"].sum(0).tolist() == [2.0] * 20 + [9980.0]
    assert any("c (9,980 of 9,980 training rows: w00020, " in note for note in found.notes)


def test_an_unseen_category_is_all_zeros_where_there_is_no_rare_one() -> None:
    found = encoded(pl.DataFrame({"c": ["a", "b", "a", "z", None]}), CATEGORY, 3)

    assert found.inputs["test"].tolist() == [[0, 0], [0, 0]]
    assert any(note.endswith("have inputs of 0: c (2 in test)") for note in found.notes)


def test_embedded_columns_stand_last_and_hold_numbers_with_0_for_the_unseen() -> None:
    table = pl.DataFrame({"c": ["b", "a", "b", "z", "c"], "x": [1.0, 2.0, 3.0, 4.0, 5.0]})
    found = encoded(table, {"c": "category", "x": "number"}, [0, 1, 2, 4], categories="embedding", normalize="none")

    assert found.inputs["train"].tolist() == [[1, 2], [2, 1], [3, 2], [5, 3]]
    assert found.inputs["test"].tolist() == [[4, 0]]
    assert found.embedded == ((4, 2),)
    assert found.columns == (("x", 0, 1), ("c", 1, 2))
    assert (found.shift[1:], found.spread[1:]) == (torch.zeros(1), torch.ones(1))


def test_the_size_of_a_learned_vector_is_the_one_asked_for() -> None:
    table = pl.DataFrame({"c": [*"abcdefgh"]})

    assert encoded(table, CATEGORY, 8, categories="embedding", embedding_size=3).embedded == ((9, 3),)


def test_dates_are_days_and_those_of_their_parts_that_vary() -> None:
    dates = [datetime(2020, 12, 31, 6), datetime(2021, 1, 1, 18), datetime(2021, 2, 1, 12, 30), None]
    table = pl.DataFrame({"d": pl.Series(dates, dtype=pl.Datetime("us"))})
    found = encoded(table, {"d": "date"}, 3, normalize="none")

    train = found.inputs["train"]
    assert train.shape == (3, 8)  # days, year, and sine and cosine of month, weekday and hour
    assert train[:, 0].tolist() == [0, 1.5, np.float32(32 + 6.5 / 24)]
    assert train[:, 1].tolist() == [2020, 2021, 2021]
    december, january = train[0, 2:4], train[1, 2:4]
    assert torch.dist(december, january) < 0.6  # neighbours of twelve on a circle
    np.testing.assert_allclose(train[:, 6], np.sin(np.array([6, 18, 12.5]) / 24 * 2 * np.pi), atol=1e-6)
    assert found.inputs["test"][0].tolist() == train[1].tolist()  # the median date
    assert any("1 in test" in note for note in found.notes)


def test_dates_of_one_year_have_no_input_for_it_and_are_scaled_like_numbers() -> None:
    dates = [datetime(2021, 3, day) for day in (1, 2, 3, 4, 8, 9)]
    found = encoded(pl.DataFrame({"d": pl.Series(dates, dtype=pl.Datetime("us"))}), {"d": "date"}, 6)

    assert found.inputs["train"].shape[1] == 3
    expected = StandardScaler().fit_transform(np.array([[0], [1], [2], [3], [7], [8]]))
    np.testing.assert_allclose(as_the_net_sees(found)[:, 0], expected[:, 0], atol=1e-6)


def test_columns_that_say_nothing_are_left_out_by_name() -> None:
    table = pl.DataFrame(
        {
            "id": ["1", "2", "3", "4"], "note": ["k", "l", "m", "n"], "one": ["u", "u", "u", "u"],
            "later": ["v", "v", "v", "w"], "level": [5.0, 5.0, 5.0, 6.0], "x": [1.0, 2.0, 3.0, 4.0],
        }
    )  # fmt: skip
    kinds: dict[str, ColumnKind] = {
        "id": "identifier", "note": "ignore", "one": "constant", "later": "category", "level": "number", "x": "number",
    }  # fmt: skip
    found = encoded(table, kinds, 3)

    assert found.columns == (("x", 0, 1),)
    assert "left out (the same in every training row): one; later; level" in found.notes
    assert "left out (as asked): note" in found.notes
    assert any(note.endswith(": id") for note in found.notes)


def test_a_table_without_a_column_to_learn_from_is_refused() -> None:
    with pytest.raises(InputError, match="no column is left to learn from; x is left out: the same in every training"):
        encoded(pl.DataFrame({"x": [1.0, 1.0, 2.0]}), NUMBER, 2)


WILD = {"x": 1e30, "y": None, "c": "never seen", "r": "never seen", "d": datetime(1001, 1, 1), "t": "zebra quagga"}
KINDS: dict[str, ColumnKind] = {
    "x": "number", "y": "number", "c": "category", "r": "category", "d": "date", "t": "text",
}  # fmt: skip


@pytest.mark.parametrize("how", ["standard", "unit", "none", "quantile"])
@pytest.mark.parametrize("categories", ["one_hot", "embedding"])
def test_whatever_stands_in_the_other_rows_the_training_rows_and_all_that_is_fitted_have_the_same_bits(
    how: str, categories: str
) -> None:
    random = np.random.default_rng(0)
    train = random.permutation(60)[:40]
    table = pl.DataFrame(
        {
            "x": random.standard_normal(60),
            "y": pl.Series([None if n % 7 == 0 else float(n) for n in range(60)]),
            "c": pl.Series([None if n % 9 == 0 else "abc"[n % 3] for n in range(60)]),
            "r": [f"r{n}" if n % 5 == 0 else "often" for n in range(60)],
            "d": pl.Series([datetime(2000 + n // 20, 1 + n % 12, 3, n % 24) for n in range(60)]),
            "t": [f"word{n % 4} and word{n % 3}" for n in range(60)],
        }
    )
    others = ~pl.int_range(60, eager=True).is_in(train.tolist())
    poisoned = table.with_columns(
        pl.when(others).then(pl.lit(wild, dtype=table.schema[name])).otherwise(pl.col(name)).alias(name)
        for name, wild in WILD.items()
    )
    clean, dirty = (
        encoded(rows, KINDS, train, normalize=how, categories=categories, rare_below=2) for rows in (table, poisoned)
    )

    assert not torch.equal(clean.inputs["test"], dirty.inputs["test"])
    assert torch.equal(clean.inputs["train"], dirty.inputs["train"])
    assert torch.equal(clean.shift, dirty.shift)
    assert torch.equal(clean.spread, dirty.spread)
    assert (clean.embedded, clean.columns) == (dirty.embedded, dirty.columns)
    ours, theirs = table_encoding(clean).saved(), table_encoding(dirty).saved()
    assert ours.facts == theirs.facts
    assert ours.tensors.keys() == theirs.tensors.keys()
    assert all(torch.equal(tensor, theirs.tensors[name]) for name, tensor in ours.tensors.items())


def adult(data_dir: Path) -> tuple[pl.DataFrame, np.ndarray]:
    table = pl.concat(
        pl.read_csv(data_dir / "adult" / name, has_header=False, infer_schema=False)
        for name in ("adult.data", "adult.test")
    ).select(pl.all().str.strip_chars())
    numbers = [table.columns[place] for place in (0, 2, 4, 10, 11, 12)]
    table = table.with_columns(pl.col(numbers).cast(pl.Float64))
    return table[:, :14].filter(pl.col(table.columns[1]).is_not_null()), np.loadtxt(
        data_dir / "adult" / "split_train.txt", dtype=np.int64
    )


@pytest.mark.parametrize("how", ["standard", "quantile"])
def test_adult_has_six_numbers_and_102_categories(data_dir: Path, how: str) -> None:
    table, train = adult(data_dir)
    kinds: dict[str, ColumnKind] = {
        name: "number" if dtype == pl.Float64 else "category" for name, dtype in table.schema.items()
    }
    found = encoded(table, kinds, train, normalize=how)

    assert found.inputs["train"].shape == (26_048, 108)
    assert found.inputs["test"].shape == (48_842 - 26_048, 108)
    assert sum(end - first == 1 for _, first, end in found.columns) == 6
    words = [place for _, first, end in found.columns if end - first > 1 for place in range(first, end)]
    assert (found.inputs["train"][:, words].sum(1) == 8).all()


def test_california_has_eight_inputs_whose_quantiles_are_normal(data_dir: Path) -> None:
    folder = data_dir / "california_housing"
    table = pl.read_csv(folder / "cal_housing.data.csv").drop("medianHouseValue").cast(pl.Float64)
    train = np.loadtxt(folder / "split_train.txt", dtype=np.int64)
    found = encoded(table, dict.fromkeys(table.columns, "number"), train, normalize="quantile", quantile_noise=1e-3)

    inputs = found.inputs["train"]
    assert inputs.shape == (13_209, 8)
    np.testing.assert_allclose(inputs.median(0).values, 0, atol=0.05)
    np.testing.assert_allclose(inputs.quantile(0.8413, dim=0), 1, atol=0.1)
