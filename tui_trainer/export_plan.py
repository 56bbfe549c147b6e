"""What `export` is asked for: its flags, and what of them can be refused before anything heavy is loaded."""

from __future__ import annotations

import argparse
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, cast, get_args

from tui_trainer.errors import InputError, nearest
from tui_trainer.paths import folder
from tui_trainer.predict_plan import Choice

Format = Literal["safetensors", "onnx", "torch-export", "python"]
FORMATS: tuple[str, ...] = get_args(Format)
ENDINGS: dict[Format, str] = {"safetensors": ".safetensors", "onnx": ".onnx", "torch-export": ".pt2", "python": ".py"}
WHAT_COMES_OUT = (
    "safetensors: the weights by torch's names, with what they mean as metadata. onnx and torch-export: the net as it "
    "answers, from raw inputs to probabilities, or to values in original units, scaling included; checked against the "
    "run's own net before it is written. python: a PyTorch program of its own that repeats the run and gives its "
    "losses; data that torchvision has not lie beside it, as NAME-data.pt. Exit codes: 0 done, 1 failed, 2 bad usage "
    "or input; no file is left half written."
)


@dataclass(frozen=True)
class ExportPlan:
    """A checked request."""

    to: Format
    out: Path
    weights: Choice | None  # None: as `predict` chooses
    overwrites: bool
    data_dir: str | None  # another place of the data than the run's


def add_flags(parser: argparse.ArgumentParser) -> None:
    """RUN, and what may be said of its export."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="name of a run, or the path of its folder")
    parser.add_argument("--to", metavar="FORMAT", help=f"one of {', '.join(FORMATS)}")
    parser.add_argument(
        "--out", metavar="FILE", help="where it goes [RUN and the format's own ending, in the present folder]"
    )
    parser.add_argument("--overwrite", action="store_true", help="replace files that stand there already")
    parser.add_argument(
        "--weights",
        metavar="NAME",
        help="weights of the best or of the last epoch [best where a validation split chose it, otherwise last]",
    )
    parser.add_argument("--data-dir", metavar="FOLDER", help="folder of the run's data, where it is another one now")


def read(options: argparse.Namespace, name: str) -> ExportPlan:
    """The plan for a run of this name. Raises InputError."""
    if options.to is None:
        raise InputError(f"--to is missing; expected one of {', '.join(FORMATS)}")
    if options.to not in FORMATS:
        hint = nearest(options.to, FORMATS)
        raise InputError(f"--to {options.to[:60]!a} is not allowed; expected one of {', '.join(FORMATS)}{hint}")
    if options.weights not in (None, "best", "last"):
        raise InputError(f"--weights {options.weights[:60]!a} is not allowed; expected best or last")
    to = cast(Format, options.to)
    if options.out == "-":
        raise InputError("--out -: an export is a file, and goes to no pipe; name one")
    out = folder(options.out, "--out") if options.out else Path(f"{name}{ENDINGS[to]}")
    if other := next((each for each, ending in ENDINGS.items() if each != to and out.suffix.lower() == ending), None):
        raise InputError(f"--out {_shown(out)}: {out.suffix} is for --to {other}; --to {to} has {ENDINGS[to]}")
    for path in (out, data_beside(out)) if to == "python" else (out,):
        _check_free(path, overwrites=options.overwrite)
    data_dir = folder(options.data_dir, "--data-dir") if options.data_dir else None
    if data_dir and not data_dir.is_dir():
        raise InputError(f"--data-dir {_shown(data_dir)}: there is no such folder; name the one where the data are")
    return ExportPlan(to, out, options.weights, options.overwrite, str(data_dir) if data_dir else None)


def data_beside(program: Path) -> Path:
    """The file of a program's data."""
    return program.with_name(f"{program.stem}-data.pt")


def _check_free(path: Path, *, overwrites: bool) -> None:
    shown = _shown(path)
    try:
        is_there, is_folder, has_folder = path.exists(), path.is_dir(), path.parent.is_dir()
    except (OSError, ValueError) as error:  # a name no file system takes
        raise InputError(f"--out {shown}: no file can be called so ({error})") from None
    if is_folder:
        raise InputError(f"--out {shown}: a folder stands there; name a file")
    if not has_folder:
        raise InputError(f"--out {shown}: there is no folder {_shown(path.parent)}; make it first")
    if is_there and not overwrites:
        raise InputError(f"{shown} exists; name another file with --out, or add --overwrite")
    if not os.access(path.parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {shown}: its folder cannot be written; name another one or change its rights")


def _shown(path: Path) -> str:
    return ascii(str(path))[1:-1][:200]
