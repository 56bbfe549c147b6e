"""`tui-trainer preview`: training pictures as a person sees them, in a pipe and on a terminal."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from tests.conftest import Said
from tests.end_to_end.terminal import SixelTerminal, Terminal
from tests.engine.media import some_pictures

Cli = Callable[..., Said]


def test_a_pipe_gets_shades_a_picture_as_it_is_and_deformed_ones(cli: Cli) -> None:
    said = cli("preview", "--elastic-alpha", "6", "--elastic-sigma", "2", "--rows", "2")
    assert (said.code, said.err) == (0, "")
    lines = said.out.splitlines()
    assert lines[0] == "digits: 1,293 training pictures, 8 x 8 pixels, grey"
    assert lines[1] == ("Each row: a picture as it is, then as training sees it (elastic_alpha 6.0, elastic_sigma 2.0)")
    assert lines[2].startswith("0 ")
    assert lines[11].startswith("1 ")
    assert lines[-1] == "and 8 more (--rows)"
    assert "█" in said.out
    assert "\x1b" not in said.out
    assert cli("preview", "--elastic-alpha", "6", "--elastic-sigma", "2", "--rows", "2").out == said.out
    other = cli("preview", "--elastic-alpha", "6", "--elastic-sigma", "2", "--rows", "2", "--seed", "1").out
    assert other != said.out


def test_ascii_is_ascii_and_without_augmentation_there_are_several_pictures_of_a_class(cli: Cli) -> None:
    said = cli("preview", "--ascii", "--rows", "1", "--across", "3")
    assert said.code == 0
    assert said.out.isascii()
    assert said.out.splitlines()[1].startswith("Training sees them as they are")
    drawn = [line[2:] for line in said.out.splitlines()[2:10]]
    pictures = {tuple(line[start : start + 16].ljust(16) for line in drawn) for start in (0, 17, 34)}
    assert len(pictures) == 3


def test_colours_of_ones_own_pictures_reach_the_terminal(tmp_path: Path) -> None:
    colours = np.zeros((20, 3, 4, 4), np.uint8)
    colours[:, 0], colours[:, 2] = 250, 7
    np.savez(tmp_path / "a.npz", x=colours, y=np.arange(20) % 2)
    with Terminal(["preview", "--data", "a.npz", "--blocks", "--validation", "0"], columns=80) as terminal:
        assert terminal.wait_exit() == 0
        screen = terminal.text().splitlines()
        assert screen[0] == "a.npz: 16 training pictures, 4 x 4 pixels, colour"
        assert terminal.cell(3, 2) == ("▀", "fa0007", "fa0007")


def test_a_terminal_without_colours_gets_shades(tmp_path: Path) -> None:
    some_pictures(tmp_path / "pets")
    with Terminal(["preview", "--data", "pets/", "--validation", "0"], columns=80, NO_COLOR="1") as terminal:
        assert terminal.wait_exit() == 0
        assert "▓" in terminal.text()
        assert {terminal.cell(row, column)[1:] for row in range(40) for column in range(80)} == {("default",) * 2}


def test_a_terminal_with_sixel_gets_pixels() -> None:
    pytest.importorskip("textual_image")
    with SixelTerminal(["preview", "--rows", "1"], columns=80) as terminal:
        assert terminal.wait_exit() == 0
        assert b"\x1bP" in terminal.raw
        assert "▀" not in terminal.text()


@pytest.mark.parametrize(
    ("arguments", "sentence"),
    [
        (("--data", "iris"), "--data iris: its samples are not known to be pictures"),
        (("--across", "100"), "--across 100: 120 columns have room for 23 pictures"),
        (("--rows", "0"), "--rows: '0' is not allowed; expected a whole number from 1 to 1,000"),
        (("--rotation-of", "x=3"), "digits has no class 'x'"),
        (("--rotation-of", "x"), "--rotation-of: x is not allowed; expected pairs of a class and degrees up to 180"),
        (("--erasing-least", "0.5"), "--erasing-least 0.5 is more than --erasing-most 0.33"),
        (("--folds", "3"), "--folds"),
        (("nowhere",), "nowhere"),
    ],
    ids=str,
)
def test_what_cannot_be_shown_is_a_sentence(
    cli: Cli, arguments: tuple[str, ...], sentence: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", "120")
    said = cli("preview", *arguments)
    assert (said.code, said.out) == (2, "")
    assert sentence in said.err
    assert len(said.err.splitlines()) == 1
