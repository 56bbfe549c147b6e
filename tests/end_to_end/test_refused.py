"""Mistakes with one's own data that an attack has found: each is a sentence with code 2, and nothing is written."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.conftest import Said

Cli = Callable[..., Said]
ROWS = "".join(f"{row},{row % 7},{'ab'[row % 2]}\n" for row in range(60))


@pytest.fixture
def table(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A good table in the present folder, and a pipe beside it."""
    monkeypatch.chdir(tmp_path)
    os.mkfifo("pipe.csv")
    path = tmp_path / "good.csv"
    path.write_text("x,y,cls\n" + ROWS)
    Path("one.png").write_bytes(b"\x89PNG")
    Path("good.csv.gz").write_bytes(b"\x1f\x8b")
    Path("count.csv").write_text("x,cls\n" + "".join(f"{row},{'ab'[row % 2]}\n" for row in range(60)))
    return path


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--data", "pipe.csv"), "a pipe or a device, and no file"),
        (("--data", "good.csv", "--test-data", "pipe.csv"), "a pipe or a device, and no file"),
        (("--data", "good.csv", "--derived", "q=x,q=y"), "each name once"),
        (("--data", "good.csv", "--derived", "q=" + "+".join("x" * 8000)), "of at most 1000 characters"),
        (("--data", "good.csv", "--columns", "cls=ignore"), "it is the target, which cannot be left out"),
        (("--data", "good.csv", "--derived", "q=length(cls)"), "made of 'cls', which is to be predicted"),
        (("--data", "one.png"), "a single picture; name the folder"),
        (("--data", "good.csv.gz"), "a packed file; unpack it first"),
        (("--data", "count.csv"), "(--columns x=number keeps it)"),
        (("--data", "good.csv", "--name", "../x"), "--name ../x: expected up to 100 letters"),
        (("--data", "good.csv", "--runs-dir", "good.csv"), "good.csv is a file; name a folder"),
    ],
)
def test_it_is_refused_in_a_sentence(cli: Cli, table: Path, arguments: tuple[str, ...], said: str) -> None:
    for mode in ("--check", "--no-ui"):
        answer = cli(*arguments, "--target", "cls", mode)
        assert (answer.code, answer.out) == (2, "")
        assert said in answer.err
        assert answer.err.count("\n") == 1
    assert not Path("runs").exists()


@pytest.mark.parametrize("mode", ["--check", "--no-ui"])
def test_a_mistake_in_the_last_split_is_found_before_the_first_run(cli: Cli, table: Path, mode: str) -> None:
    Path("rows.txt").write_text("1 2 3\n4 5 6\n1 99 2\n")
    answer = cli("--data", "good.csv", "--target", "cls", "--test-rows", "rows.txt", "--epochs", "1", mode)
    assert answer.code == 2
    assert "rows.txt, line 3: there is no row 99" in answer.err
    assert not Path("runs").exists() or not list(Path("runs").iterdir())
