"""Tables as they are read: the real files, and random ones written in every way that CSV is written."""

from __future__ import annotations

import csv
import datetime
import io
import sys
from pathlib import Path
from typing import Any

import polars as pl
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.engine.table_files import SIGNS, config_of, expected, read, tables, write, written
from tui_trainer.engine.data.table import reading, streaming
from tui_trainer.engine.data.table.kinds import as_kinds, column_kinds
from tui_trainer.engine.data.table.reading import blocks, read_table
from tui_trainer.errors import InputError


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """One folder for all examples of a property."""
    return tmp_path_factory.mktemp("tables")


def test_letter_has_20_000_rows_and_no_header(data_dir: Path) -> None:
    table = read_table(data_dir / "letter" / "letter-recognition.data", config_of())
    assert table.shape == (20_000, 17)
    assert table.columns[0] == "column_1"
    assert table.dtypes == [pl.String] + [pl.Int64] * 16
    assert table["column_1"].n_unique() == 26


def test_adult_is_stripped_its_blank_last_line_is_no_row_and_question_marks_are_missing(data_dir: Path) -> None:
    config = config_of(missing="?")
    train = read_table(data_dir / "adult" / "adult.data", config)
    test = read_table(data_dir / "adult" / "adult.test", config)
    assert train.shape == (32_561, 15)
    assert test.shape == (16_281, 15)
    assert train.row(0)[:4] == (39, "State-gov", 77516, "Bachelors")
    assert (train["column_15"] == ">50K").mean() == pytest.approx(0.2408, abs=5e-5)
    assert (test["column_15"] == ">50K.").mean() == pytest.approx(0.2362, abs=5e-5)
    assert train.null_count().row(0) == (0, 1836, 0, 0, 0, 0, 1843, 0, 0, 0, 0, 0, 0, 583, 0)
    words = [train[f"column_{number}"] for number in (2, 4, 6, 7, 8, 9, 10, 14)]
    assert sum(series.n_unique() for series in words) == 102


def test_california_has_names_and_derived_columns_equal_those_of_scikit_learn(data_dir: Path) -> None:
    config = config_of(derived="rooms=totalRooms/households,crowd=population/households,half=rooms/2")
    table = read_table(data_dir / "california_housing" / "cal_housing.data.csv", config)
    assert table.shape == (20_640, 9 + 3)
    assert table["rooms"][0] == pytest.approx(6.98412698)
    assert table["crowd"][0] == pytest.approx(2.55555556)
    assert table["half"][0] == pytest.approx(6.98412698 / 2)


def test_concrete_is_separated_by_runs_of_blanks(data_dir: Path) -> None:
    for delimiter in ("auto", "space", "tab"):
        table = read_table(data_dir / "concrete" / "data.txt", config_of(delimiter=delimiter))
        assert table.shape == (1030, 9)
        assert all(dtype.is_numeric() for dtype in table.dtypes)
        assert table.row(0) == (540.0, 0.0, 0.0, 162.0, 2.5, 1040.0, 676.0, 28, 79.99)


def test_quotes_in_the_messages_are_no_quoting(data_dir: Path) -> None:
    path = data_dir / "sms_spam" / "SMSSpamCollection"
    table = read_table(path, config_of())
    assert table.shape == (5574, 2)
    counts = dict(table["column_1"].value_counts().rows())
    assert counts == {"ham": 4827, "spam": 747}
    assert "".join(table["column_2"]).count('"') == path.read_text(encoding="utf-8").count('"')


@given(
    columns=tables(),
    delimiter=st.sampled_from(sorted(SIGNS)),
    end=st.sampled_from(["\n", "\r\n"]),
    quoting=st.sampled_from([csv.QUOTE_MINIMAL, csv.QUOTE_ALL, csv.QUOTE_NONNUMERIC]),
    missing=st.sampled_from([("",), ("NA",), ("", "nan", "null"), ("?",)]),
    mark=st.booleans(),
)
@example({"a": [1, 2], "b": ['w"', None]}, "comma", "\n", csv.QUOTE_MINIMAL, ("",), False)
def test_what_was_written_comes_back(
    folder: Path, columns: dict[str, list[Any]], delimiter: str, end: str, quoting: int, missing: tuple[str], mark: bool
) -> None:
    raw = written(columns, sign=SIGNS[delimiter], end=end, quoting=quoting, missing=missing, mark=mark)
    table = read(folder, raw, delimiter=delimiter, header="yes", missing="?,NA,nan,null")
    assert table.to_dict(as_series=False) == expected(columns)


@given(columns=tables(), delimiter=st.sampled_from(sorted(SIGNS)))
def test_delimiter_and_header_are_found(folder: Path, columns: dict[str, list[Any]], delimiter: str) -> None:
    for name, values in columns.items():
        if name.startswith("word"):
            columns[name] = [value and "w" + value.translate({ord(mark): "x" for mark in ",;\t|"}) for value in values]
    table = read(folder, written(columns, sign=SIGNS[delimiter]))
    assert table.to_dict(as_series=False) == expected(columns)


@given(columns=tables(), rows=st.integers(1, 40), size=st.integers(1, 400), end=st.sampled_from(["\n", "\r\n"]))
def test_blocks_of_any_size_are_the_table(
    folder: Path, columns: dict[str, list[Any]], rows: int, size: int, end: str
) -> None:
    config = config_of(header="yes", delimiter="comma")
    path = write(folder, written(columns, end=end))
    whole = read_table(path, config)
    kinds = column_kinds(whole, config)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(streaming, "BLOCK", size)
        patch.setattr(streaming, "head_of", lambda file: file.read(size))
        pieces = [as_kinds(block, kinds) for block in blocks(path, config, rows, kinds)]
    assert all(0 < piece.height <= rows for piece in pieces)
    used = [name for name, kind in kinds.items() if kind in ("number", "category", "text", "date")]
    assert pl.concat(piece.select(used) for piece in pieces).equals(as_kinds(whole, kinds).select(used))


@given(st.binary(max_size=300) | st.text('ab1,;\t|"\n\r .\0é-', max_size=200).map(str.encode))
@example(b"PAR1")
@example(b"PAR1" * 4)
@example(b"ARROW1\0\0" + b"\xff" * 40)
@example(b'a,b\n1,"x"y\n')
@example(b"\xef\xbb\xbf")
@example(b"a\x00,b\n")
def test_no_bytes_raise_anything_but_an_input_error(folder: Path, raw: bytes) -> None:
    path = write(folder, raw, "bytes.data")
    for attempt in (
        lambda: read_table(path, config_of()),
        lambda: list(blocks(path, config_of(), 5)),
        lambda: list(blocks(path, config_of(), 5, {"a": "number", "b": "category"})),
    ):
        try:
            attempt()
        except InputError as error:
            assert str(path) in str(error)  # noqa: PT017 - or nothing is raised


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
def test_parquet_and_feather_come_back_with_the_types_we_know(tmp_path: Path, suffix: str) -> None:
    moment = datetime.datetime(2026, 11, 24, 18, 30)
    table = pl.DataFrame(
        {
            "whole": pl.Series([1, 2, None], dtype=pl.UInt8),
            "money": pl.Series(["1.5", "2.5", None]).cast(pl.Decimal(10, 2)),
            "part": pl.Series([1.5, float("nan"), 2.5], dtype=pl.Float32),
            "colour": pl.Series([" red", "NA", ""], dtype=pl.Categorical),
            "is_red": [True, False, None],
            "when": pl.Series([moment, None, moment]).dt.replace_time_zone("UTC"),
            "took": pl.Series([datetime.timedelta(minutes=1), None, None]),
            "tags": [["a", "b"], [], None],
            "nothing": [None, None, None],
        }
    )
    path = tmp_path / f"table{suffix}"
    (table.write_parquet if suffix == ".parquet" else table.write_ipc)(path)
    found = read_table(path, config_of())
    assert found.schema == {
        "whole": pl.Int64, "money": pl.Float64, "part": pl.Float32, "colour": pl.String, "is_red": pl.Boolean,
        "when": pl.Datetime("us"), "took": pl.Float64, "tags": pl.List(pl.String), "nothing": pl.String,
    }  # fmt: skip
    assert found["colour"].to_list() == ["red", None, None]
    assert found["part"].to_list() == [1.5, None, 2.5]
    assert found["when"][0] == moment
    assert found["took"][0] == 60
    assert pl.concat(blocks(path, config_of(), 2)).equals(found)


def test_standard_input_is_read_in_blocks(monkeypatch: pytest.MonkeyPatch) -> None:
    class Piped:
        buffer = io.BytesIO(b'zip;note\n007;"two\nlines"\n8;x\n')

    monkeypatch.setattr(sys, "stdin", Piped)
    pieces = list(blocks(None, config_of(), 1, {"zip": "category", "note": "text"}))
    assert [piece.rows() for piece in pieces] == [[("007", "two\nlines")], [("8", "x")]]


def test_a_category_of_new_rows_stays_what_it_was_in_training(tmp_path: Path) -> None:
    kinds: Any = {"size": "category", "flag": "category", "age": "number"}
    trained = pl.DataFrame({"size": [1.0, 2.0], "flag": [True, False], "age": [3, 4]})
    assert as_kinds(trained, kinds).rows() == [("1", "true", 3.0), ("2", "false", 4.0)]
    path = write(tmp_path, "size,flag,age\n1.0,True,3\n2,false,4\n")
    (new,) = blocks(path, config_of(), 10, kinds)
    assert as_kinds(new, kinds).rows() == as_kinds(trained, kinds).rows()


def test_new_rows_without_names_and_without_the_target_get_the_names_of_the_others(tmp_path: Path) -> None:
    kinds: Any = {"column_2": "number", "column_3": "number"}
    path = write(tmp_path, "5,6\n7,8\n")
    (new,) = blocks(path, config_of(target="column_1"), 10, kinds)
    assert new.to_dict(as_series=False) == {"column_2": [5.0, 7.0], "column_3": [6.0, 8.0]}


def test_a_type_that_only_late_rows_show_is_found(tmp_path: Path) -> None:
    rows = [f"{number}," for number in range(20_000)]
    table = read(tmp_path, "\n".join(["a,b", *rows, "1.5,7"]) + "\n")
    assert table.schema == {"a": pl.Float64, "b": pl.Int64}
    assert table.row(-1) == (1.5, 7)


def test_quotes_behind_a_space_still_quote(tmp_path: Path) -> None:
    table = read(tmp_path, '"a", "b"\n1, "x, y"\n2, "z"\n')
    assert table.to_dict(as_series=False) == {"a": [1, 2], "b": ["x, y", "z"]}


def test_an_inch_mark_is_no_quote(tmp_path: Path) -> None:
    table = read(tmp_path, 'pipe,price\n5" steel,3\n7",4\n9" 2" steel,5\n')
    assert table["pipe"].to_list() == ['5" steel', '7"', '9" 2" steel']


def test_blank_lines_are_no_rows_and_missing_words_need_not_be_told_spaces(tmp_path: Path) -> None:
    table = read(tmp_path, "\na, b\n\n1, NA\n\n, 4\n\n")
    assert table.to_dict(as_series=False) == {"a": [1, None], "b": [None, 4]}


def test_floats_of_a_large_file_are_float32_where_no_digit_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    content = "a,b,n\n0.1,1.23456789,5\n-123.456,2.5,6\n,3.5,7\n"
    assert read(tmp_path, content).dtypes == [pl.Float64, pl.Float64, pl.Int64]
    monkeypatch.setattr(reading, "LARGE", 10)
    table = read(tmp_path, content)
    assert table.dtypes == [pl.Float32, pl.Float64, pl.Int64]
    assert table["a"].cast(pl.String).to_list() == ["0.1", "-123.456", None]


def test_a_word_for_missing_that_only_late_rows_have_is_known(tmp_path: Path) -> None:
    table = read(tmp_path, "\n".join(["a,b", *["123456,1.5"] * 100_000, "NA,null", "7,nan"]) + "\n")
    assert table.schema == {"a": pl.Int64, "b": pl.Float64}
    assert table.null_count().row(0) == (1, 2)


def test_a_header_of_more_than_a_megabyte_is_whole(tmp_path: Path) -> None:
    names = [f"{'gene' * 100}_{number:04}" for number in range(3000)]
    table = read(tmp_path, ",".join(names) + "\n" + ",".join(["1.5"] * len(names)) + "\n")
    assert table.columns == names
    assert table.height == 1


@pytest.mark.parametrize("header", ["auto", "no"])
@pytest.mark.parametrize("text", ["Won a prize, call now", "a,b;c\td"])
def test_new_rows_of_one_text_need_no_quotes_below_its_name(tmp_path: Path, header: str, text: str) -> None:
    path = write(tmp_path, f"words\n{text}\nsee you\n")
    (rows,) = blocks(path, config_of(header=header), 10, {"words": "text"})
    assert rows["words"].to_list() == [text, "see you"]


def test_of_one_text_a_delimiter_that_was_asked_for_holds(tmp_path: Path) -> None:
    path = write(tmp_path, "Won a prize, call now\nsee you, then\n")
    (rows,) = blocks(path, config_of(header="no", delimiter="tab"), 10, {"column_1": "text"})
    assert rows["column_1"].to_list() == ["Won a prize, call now", "see you, then"]


@pytest.mark.parametrize("dtype", [pl.UInt64, pl.Int128])
def test_wide_integers_stay_integers_and_identifiers_beyond_them_stay_apart(tmp_path: Path, dtype: Any) -> None:
    path = tmp_path / "table.parquet"
    ids = [2**63 + 1, 2**63 + 2, 3]
    pl.DataFrame({"y": [0, 1, 9], "who": ids}, schema={"y": dtype, "who": dtype}).write_parquet(path)

    table = read_table(path, config_of(columns="who=category"))
    assert table["y"].dtype == pl.Int64
    assert table["who"].to_list() == [str(number) for number in ids]
    assert read_table(path, config_of())["who"].dtype == pl.Float64
