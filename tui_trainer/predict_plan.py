"""What `predict` is asked for: its flags, and what of them can be refused before anything heavy is loaded."""

from __future__ import annotations

import argparse
import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, read_value
from tui_trainer.paths import check_readable, folder

Form = Literal["csv", "tsv", "jsonl", "parquet", "arrow"]
Choice = Literal["best", "last"]
FORMS: dict[str, Form] = {
    ".csv": "csv", ".tsv": "tsv", ".parquet": "parquet", ".feather": "arrow", ".arrow": "arrow", ".ipc": "arrow",
    ".jsonl": "jsonl", ".ndjson": "jsonl",
}  # fmt: skip
STDIN = "-"
LAYOUT = ("delimiter", "header")  # knobs of a text file's layout, which new files may have otherwise
BATCH_SIZE = 4096  # rows: full speed of a forward pass, and some MB of memory
WHAT_COMES_OUT = (
    "One row comes out for each that goes in, in the same order: its number (row) or its name (file), then the class "
    "and the probability of each class (p_NAME); of labels each label, 0 or 1, and its probability; of values the "
    "value in the target's own units. Nothing but the run's folder is needed. Exit codes: 0 done, 1 failed, 2 bad "
    "usage or input, 130 after Ctrl-C, 143 after SIGTERM, 129 after SIGHUP; no file is left half written."
)


@dataclass(frozen=True)
class PredictPlan:
    """A checked request."""

    path: Path | None  # None: CSV on standard input
    out: Path | None  # None: standard output
    form: Form
    weights: Choice | None  # None: the best where a validation split chose them, otherwise the last
    device: str
    batch_size: int
    reading: Mapping[str, str] = field(default_factory=dict)  # knobs of a table's layout, where they were given


def add_flags(parser: argparse.ArgumentParser) -> None:
    """RUN, FILE, and what may be said of them."""
    parser.add_argument("run", metavar="RUN", nargs="?", help="name of a run, or the path of its folder")
    parser.add_argument(
        "file",
        metavar="FILE",
        nargs="?",
        help="a table, array, picture or WAV file, or a folder of them, as the run was trained on, without a target "
        "(one that is there is not looked at); - reads CSV from standard input",
    )
    parser.add_argument(
        "--out",
        metavar="FILE",
        help="where the predictions go, in the form of its ending: .csv, .tsv, .parquet, .feather, .arrow or .jsonl; "
        "it appears when it is complete [standard output, as CSV]",
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line on standard output, not CSV")
    parser.add_argument("--overwrite", action="store_true", help="replace a file that stands at --out already")
    parser.add_argument(
        "--weights",
        metavar="NAME",
        help="weights of the best or of the last epoch [best where a validation split chose it, otherwise last]",
    )
    parser.add_argument(
        "--batch-size", metavar="ROWS", default=str(BATCH_SIZE), help=f"rows at once [{BATCH_SIZE}; 1 to 10,000,000]"
    )
    for name in LAYOUT:
        knob = KNOBS[name]
        parser.add_argument(knob.flag, metavar="NAME", help=f"{knob.sentence} [as in training; {knob.expected}]")
    parser.add_argument(
        "--device",
        metavar="DEVICE",
        default="auto",
        help="where to compute; auto takes the GPU with most free memory [auto; auto, cpu, cuda or cuda:N]",
    )


def read(options: argparse.Namespace) -> PredictPlan:
    """The plan. Raises InputError."""
    path = None if options.file == STDIN else folder(options.file, "FILE")
    if path is not None and not _is_there(path):
        raise InputError(f"{ascii(str(path))[1:-1][:200]}: no such file or folder")
    if path is not None:
        check_readable(path, "FILE")
    out, form = _out(options, path)
    if options.weights not in (None, "best", "last"):
        raise InputError(f"--weights {options.weights[:60]!a} is not allowed; expected best or last")
    asked = read_value("device", options.device)
    if "," in asked:
        raise InputError(f"--device {asked}: a prediction uses one device; name one")
    reading = {name: read_value(name, getattr(options, name)) for name in LAYOUT if getattr(options, name) is not None}
    return PredictPlan(path, out, form, options.weights, asked, _batch_size(options.batch_size), reading)


def _is_there(path: Path) -> bool:
    try:
        return path.exists()
    except OSError:  # a name no file system takes
        return False


def _batch_size(text: str) -> int:
    try:
        size = int(text)
    except ValueError:
        size = 0
    if not 1 <= size <= 10_000_000:
        raise InputError(f"--batch-size {text[:60]!a} is not allowed; expected a whole number from 1 to 10,000,000")
    return size


def _out(options: argparse.Namespace, source: Path | None) -> tuple[Path | None, Form]:
    if options.out in (None, STDIN):
        return None, "jsonl" if options.json else "csv"
    if options.json:
        raise InputError("--json is a form of standard output; for a file of JSON lines use --out NAME.jsonl alone")
    out = folder(options.out, "--out")
    shown = ascii(str(out))[1:-1][:200]
    form = FORMS.get(out.suffix.lower())
    if form is None:
        raise InputError(f"--out {shown}: its ending says no form; expected one of {', '.join(FORMS)}")
    if not _is_there(out.parent):
        raise InputError(f"--out {shown}: there is no folder {ascii(str(out.parent))[1:-1][:200]}; make it first")
    if out.is_dir():
        raise InputError(f"--out {shown}: a folder stands there; name a file")
    if out.exists() and source is not None and out.samefile(source):
        raise InputError(f"--out {shown} is the file to predict; name another one")
    if out.exists() and not options.overwrite:
        raise InputError(f"--out {shown} exists; name another file, or add --overwrite")
    if not os.access(out.parent, os.W_OK | os.X_OK):
        raise InputError(f"--out {shown}: its folder cannot be written; name another one or change its rights")
    return out, form
