"""Bad tables: each gets a sentence that names the file, the row or the column, and says what to do."""

from __future__ import annotations

import datetime
from pathlib import Path
from typing import Any

import polars as pl
import pytest

from tests.engine.table_files import config_of, read, write
from tui_trainer.engine.data.table.kinds import as_kinds, column_kinds
from tui_trainer.engine.data.table.reading import blocks, read_table
from tui_trainer.errors import InputError

BAD: dict[str, tuple[str | bytes, dict[str, Any], list[str]]] = {
    "nothing": ("", {}, ["an empty file"]),
    "blank lines": ("\n\n \n", {}, ["an empty file"]),
    "a header alone": ("age,income\n", {}, ["no rows"]),
    "a header and blank lines": ("age,income\n\n\n", {}, ["no rows"]),
    "broken UTF-8": (b"a,b\n1,x\n2,caf\xe9\n", {}, ["line 3", "byte 6", "0xe9", "UTF-8"]),
    "broken UTF-8 among numbers": (b"a,b\n1,2\n2,\xe9\n3,4\n", {}, ["line 3", "byte 3", "UTF-8"]),
    "UTF-16": ("a,b\n1,2\n".encode("utf-16"), {}, ["UTF-16", "save it as UTF-8"]),
    "a binary file": (b"\x7fELF\0\0\1", {}, ["not a text file"]),
    "a wrong delimiter": ("a;b\n1;2\n3;4\n", {"delimiter": "tab"}, ["everything stands in one column", "semicolon"]),
    "too many values": ("a,b\n1,2\n3,4,5\n", {}, ["row 2 (line 3)", "3 values", "2 columns", "too many"]),
    "too few values": ("a,b,c\n1,2,3\n\n3,4\n", {}, ["row 2 (line 4)", "2 values", "3 columns", "too few"]),
    "too few in the first row": ("a,b,c\n1,2\n3,4,5\n3,4,5\n", {}, ["row 1 (line 2)", "2 values", "too few"]),
    "too few behind a quoted line": ('a,b\n"x\ny",\n3\n', {}, ["row 2 (line 4)", "1 values", "too few"]),
    "an open quote": ('a,b\n1,"x\n2,y\n', {}, ["row 1 (line 2)", "a quote is opened and not closed"]),
    "an early quote": ('a,b\n1,"x" y\n2,y\n', {}, ["row 1 (line 2)", "closed before its value ends"]),
    "one name twice": ("a,b,a\n1,2,3\n", {}, ["'a'", "2 times", "columns 1, 3", "name of its own"]),
    "words among numbers": (
        "a,b\n" + "1,2\n" * 5 + "1,many\n1,few\n",
        {},
        ["row 6 (line 7)", "'b'", "'many'", "2 of 7", "missing below [data.table]", 'b = "category"'],
    ),
    "infinity": ("a,b\n1,2\n1,\n1,-inf\n", {}, ["row 3 (line 4)", "'b'", "infinity"]),
    "beyond all numbers": ("a,b\n1,2.5\n1,1e999\n", {}, ["row 2 (line 3)", "'b'", "infinity"]),
    "carriage returns alone": (b"a,b\r1,2\r3,4\r", {}, ["carriage returns"]),
    "a formula of nothing": ("age,b\n1,2\n", {"derived": "c=agee+1"}, ["c = 'agee+1'", "'agee'", "mean 'age'"]),
    "no formula": ("a,b\n1,2\n", {"derived": "c=a +* b"}, ["c = 'a +* b'", "no formula"]),
    "a formula over all rows": ("a,b\n1,2\n3,5\n4,1\n", {"derived": "c=a-avg(a)"}, ["other rows"]),
    "a formula of one number": ("a,b\n1,2\n3,5\n4,1\n", {"derived": "c=max(a)"}, ["other rows"]),
    "a formula of the first row": ("a,b\n1,2\n3,5\n4,1\n", {"derived": "c=a-first(a)"}, ["other rows"]),
    "a formula of a largest in the head": ("a,b\n9,2\n3,5\n4,1\n2,2\n", {"derived": "c=a/max(a)"}, ["other rows"]),
    "a formula by order": ("a,b\n1,2\n3,5\n4,1\n", {"derived": "c=rank() over (order by a)"}, ["other rows"]),
    "a division by zero": ("a,b\n1,2\n3,0\n", {"derived": "c=a/b"}, ["row 2 (line 3)", "'c'", "infinity"]),
}


@pytest.mark.parametrize("name", BAD)
def test_a_bad_table_is_refused_by_a_sentence(name: str, tmp_path: Path) -> None:
    content, values, parts = BAD[name]
    with pytest.raises(InputError) as refused:
        read(tmp_path, content, **values)
    said = str(refused.value)
    for part in (
        *parts,
        "[data.derived] c" if name.startswith(("a formula", "no formula")) else f"{tmp_path}/table.csv",
    ):
        assert part in said
    assert "\n" not in said


FORMULAS = [
    "a - b * 2", "a / b", "a % 7", "pow(a, 2) + sqrt(b)", "round(ln(a), 2)", "case when a > 3 then 1 else b end",
    "a in (1, 3)", "a between 1 and 2 and not f", "greatest(a, b)", "coalesce(a, b)", "nullif(a, 1)", "cast(a as text)",
    "upper(t) || f", "substr(t, 2, 1)", "t like 'x%'", "length(t)", "extract(year from d)", "strpos(t, 'y')",
    "split_part(t, 'y', 1)", "a is null", "sign(a) + abs(b) + floor(a) + ceil(b) + trunc(a)", "atan2(a, b) + sin(a)",
]  # fmt: skip


@pytest.mark.parametrize("formula", FORMULAS)
def test_formulas_of_one_row_s_values_are_taken(formula: str) -> None:
    from tui_trainer.engine.data.table.formulas import is_of_one_row

    row = pl.DataFrame({"a": [3], "b": [2], "t": ["xyz"], "f": [True], "d": [datetime.date(2026, 1, 1)]})
    assert is_of_one_row(pl.sql_expr(formula))
    assert row.select(pl.sql_expr(formula)).height == 1


@pytest.mark.parametrize("name", ["too many values", "too few values", "broken UTF-8", "an open quote", "nothing"])
def test_new_rows_are_refused_by_the_same_sentence(name: str, tmp_path: Path) -> None:
    content, values, parts = BAD[name]
    with pytest.raises(InputError) as refused:
        list(blocks(write(tmp_path, content), config_of(**values), 2))
    assert all(part in str(refused.value) for part in parts)


def test_a_mistake_in_a_later_block_is_named_by_the_file_s_row_and_line(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from tui_trainer.engine.data.table import streaming

    monkeypatch.setattr(streaming, "BLOCK", 10)
    monkeypatch.setattr(streaming, "head_of", lambda file: file.read(10))
    path = write(tmp_path, "a,b\n" + "1,2\n" * 50 + "\n1,x\n" + "1,2\n" * 50)
    with pytest.raises(InputError, match=r"row 51 \(line 53\), column 'b': 'x' is not a number"):
        list(blocks(path, config_of(), 7, {"a": "number", "b": "number"}))
    short = write(tmp_path, "a,b\n" + '"1\n",2\n' * 50 + "1\n" + "1,2\n" * 50)
    with pytest.raises(InputError, match=r"row 51 \(line 102\): 1 values"):
        list(blocks(short, config_of(), 7, {"a": "category", "b": "number"}))


@pytest.mark.parametrize("suffix", [".parquet", ".feather"])
@pytest.mark.parametrize("keep", [0.0, 0.3, 0.9])
def test_a_truncated_file_is_refused(tmp_path: Path, suffix: str, keep: float) -> None:
    path = tmp_path / f"table{suffix}"
    table = pl.DataFrame({"a": range(1000), "b": ["x"] * 1000})
    (table.write_parquet if suffix == ".parquet" else table.write_ipc)(path)
    whole = path.read_bytes()
    path.write_bytes(whole[: int(keep * len(whole))])
    sentence = "truncated" if keep else "an empty file"
    with pytest.raises(InputError, match=sentence):
        read_table(path, config_of())
    with pytest.raises(InputError, match=sentence):
        list(blocks(path, config_of(), 100))


def test_a_table_without_rows_is_refused_in_every_format(tmp_path: Path) -> None:
    empty = pl.DataFrame({"a": [1], "b": [2]}).clear()
    empty.write_parquet(tmp_path / "empty.parquet")
    empty.write_ipc(tmp_path / "empty.feather")
    empty.write_csv(tmp_path / "empty.csv")
    for name in ("empty.parquet", "empty.feather", "empty.csv"):
        with pytest.raises(InputError, match=f"{name}: no rows"):
            read_table(tmp_path / name, config_of())
        with pytest.raises(InputError, match=f"{name}: no rows"):
            list(blocks(tmp_path / name, config_of(), 5))


def test_infinity_in_parquet_is_named_by_its_row(tmp_path: Path) -> None:
    pl.DataFrame({"a": [1.0, 2.0, float("inf")]}).write_parquet(tmp_path / "t.parquet")
    with pytest.raises(InputError, match=r"t\.parquet, row 3, column 'a': infinity"):
        read_table(tmp_path / "t.parquet", config_of())


def test_a_column_of_structures_is_refused_unless_it_is_ignored(tmp_path: Path) -> None:
    path = tmp_path / "t.parquet"
    pl.DataFrame({"a": [1, 2], "b": [{"c": 1}, {"c": 2}]}).write_parquet(path)
    with pytest.raises(InputError, match=r"column 'b': holds Struct.* b = \"ignore\""):
        read_table(path, config_of())
    assert read_table(path, config_of(columns="b=ignore")).width == 2


def test_a_mixed_column_passes_with_either_remedy(tmp_path: Path) -> None:
    content = "a,b\n" + "1,2\n" * 5 + "1,many\n"
    assert read(tmp_path, content, missing="many")["b"].null_count() == 1
    assert read(tmp_path, content, columns="b=category")["b"].to_list()[-2:] == ["2", "many"]


def test_a_number_asked_of_words_is_refused_with_its_row(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"row 2 \(line 3\), column 'b': 'x' is not a number \(2 such"):
        read(tmp_path, "a,b\n1,5\n1,x\n1,y\n1,z z\n".replace(",z z", ",7"), columns="b=number")


def test_a_date_asked_of_other_words_is_refused_with_its_row() -> None:
    table = pl.DataFrame({"when": ["2026-11-24", "24.11.2026"]})
    kinds = column_kinds(table, config_of(columns="when=date"))
    with pytest.raises(InputError, match=r"row 2, column 'when': '24\.11\.2026' is not a date"):
        as_kinds(table, kinds)


def test_a_kind_for_a_column_that_is_not_there_is_refused_with_the_nearest_name() -> None:
    table = pl.DataFrame({"colour": ["red"], "age": [1]})
    with pytest.raises(InputError, match=r"\[data\.columns\] color: .*mean 'colour'.*colour, age"):
        column_kinds(table, config_of(columns="color=category"))


def test_new_rows_of_another_type_are_refused_with_file_and_row(tmp_path: Path) -> None:
    path = tmp_path / "new.parquet"
    pl.DataFrame({"age": ["1", "2", "old"], "day": ["2026-11-24", "2026-11-24", "today"]}).write_parquet(path)
    with pytest.raises(InputError, match=r"new\.parquet, row 3, column 'age': 'old' is not a number"):
        list(blocks(path, config_of(), 2, {"age": "number"}))
    with pytest.raises(InputError, match=r"new\.parquet, row 3, column 'day': 'today' is not a date"):
        list(blocks(path, config_of(), 2, {"day": "date"}))


def test_a_word_in_a_later_row_is_no_number_however_long_the_file(tmp_path: Path) -> None:
    content = "a,b\n" + "123456,1.5\n" * 150_000 + "7,\nx,2.5\n"
    with pytest.raises(InputError, match=r"row 150,002 \(line 150,003\), column 'a': 'x' stands among numbers \(1 of"):
        read(tmp_path, content)
    with pytest.raises(InputError, match=r"row 150,002 \(line 150,003\): 1 values where there are 2 columns, too few"):
        read(tmp_path, content.replace("x,2.5", "3"))


@pytest.mark.parametrize("late", [2, 200_000])
def test_a_nul_byte_is_named_by_its_line_wherever_it_stands(tmp_path: Path, late: int) -> None:
    path = write(tmp_path, b"x,word\n" + b"1,a\n" * late + b"2,a\0b\n" + b"3,c\n" * 5)
    for reading in (lambda: read_table(path, config_of()), lambda: list(blocks(path, config_of(), 1000))):
        with pytest.raises(InputError, match=rf"line {late + 2:,}: a NUL byte"):
            reading()


def test_names_that_are_not_utf_8_are_refused(tmp_path: Path) -> None:
    path = write(tmp_path, "größe,word\n1,a\n".encode("latin-1"))
    with pytest.raises(InputError, match=r"line 1: the columns' names are not UTF-8"):
        read_table(path, config_of())
