"""What `export` refuses before anything heavy is loaded."""

from __future__ import annotations

import argparse
from pathlib import Path

import pytest

from tui_trainer import export_plan
from tui_trainer.errors import InputError


def asked(*words: str) -> argparse.Namespace:
    parser = argparse.ArgumentParser()
    export_plan.add_flags(parser)
    return parser.parse_args(["it", *words])


def test_a_file_is_called_by_its_run_and_its_format() -> None:
    endings = {to: export_plan.read(asked("--to", to), "it").out.name for to in export_plan.FORMATS}
    assert endings == {
        "safetensors": "it.safetensors", "onnx": "it.onnx", "torch-export": "it.pt2", "python": "it.py"
    }  # fmt: skip


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ((), "--to is missing; expected one of safetensors, onnx, torch-export, python"),
        (("--to", "onx"), "--to 'onx' is not allowed; .*; did you mean 'onnx'?"),
        (("--to", "onnx", "--weights", "first"), "--weights 'first' is not allowed; expected best or last"),
        (("--to", "onnx", "--out", "there"), "there exists; name another file with --out, or add --overwrite"),
        (("--to", "python", "--out", "net.py"), "net-data.pt exists"),  # the data would lie there
        (("--to", "onnx", "--out", "no/net.onnx"), "there is no folder no; make it first"),
        (("--to", "onnx", "--out", "folder"), "a folder stands there"),
        (("--to", "onnx", "--out", "x" * 300), "no file can be called so|File name too long"),
        (("--to", "onnx", "--out", "a\0b"), "not a folder's name"),
        (("--to", "onnx", "--out", "-"), "--out -: an export is a file, and goes to no pipe; name one"),
        (("--to", "safetensors", "--out", "x.ONNX"), "x.ONNX: .ONNX is for --to onnx; --to safetensors has .safetens"),
        (("--to", "onnx", "--data-dir", "nowhere"), "--data-dir nowhere: there is no such folder"),
    ],
    ids=str,
)
def test_what_cannot_be_is_a_sentence(words: tuple[str, ...], sentence: str) -> None:
    Path("there").touch()
    Path("net-data.pt").touch()
    Path("folder").mkdir()
    with pytest.raises(InputError, match=sentence):
        export_plan.read(asked(*words), "it")


def test_overwrite_is_asked_for() -> None:
    Path("there").touch()
    assert export_plan.read(asked("--to", "onnx", "--out", "there", "--overwrite"), "it").out == Path("there")
