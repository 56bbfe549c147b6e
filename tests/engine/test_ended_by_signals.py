"""A signal in the middle of a subcommand that trains nothing: said as what it is, with the signal's exit code."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import NoReturn

import pytest

from tui_trainer import cli, headless
from tui_trainer.config import RunConfig
from tui_trainer.engine.export.exporting import Exported
from tui_trainer.preview_plan import PreviewPlan
from tui_trainer.subcommands import COMMANDS

SIGNALS = [(signal.SIGINT, 130), (signal.SIGTERM, 143)]


@pytest.mark.parametrize(("number", "code"), SIGNALS)
@pytest.mark.parametrize(
    ("written", "left"), [((), "nothing was written"), (("it-data.pt",), "it-data.pt was written")]
)
def test_an_export_says_what_it_wrote(
    number: int, code: int, written: tuple[str, ...], left: str, capsys: pytest.CaptureFixture[str]
) -> None:
    def steps() -> Iterator[Exported]:
        yield from (Exported(path=Path(name), size=1) for name in written)
        signal.raise_signal(number)
        yield Exported("not reached")

    assert headless.show_export(steps()) == code
    said = capsys.readouterr()
    assert said.err == f"tui-trainer: the export was ended by {signal.Signals(number).name}; {left}\n"
    assert "not reached" not in said.out


@pytest.mark.parametrize(("number", "code"), SIGNALS)
def test_a_preview_says_what_ended_it(number: int, code: int, capsys: pytest.CaptureFixture[str]) -> None:
    def read() -> NoReturn:
        signal.raise_signal(number)
        raise AssertionError("not reached")

    assert headless.show_preview(read, PreviewPlan(RunConfig(), 1, None, "auto")) == code
    assert capsys.readouterr().err == f"tui-trainer: ended by {signal.Signals(number).name}\n"


def test_an_interrupt_while_a_command_is_loaded_speaks_of_no_training(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def loading(_arguments: object) -> NoReturn:
        signal.raise_signal(signal.SIGINT)
        raise AssertionError("not reached")

    for name, said in (("preview", "ended by SIGINT"), ("resume", "interrupted before training began; nothing was ")):
        monkeypatch.setitem(COMMANDS, name, loading)
        assert cli.main([name]) == 130
        assert capsys.readouterr().err.startswith(f"tui-trainer: {said}")
