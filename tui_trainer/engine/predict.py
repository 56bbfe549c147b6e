"""Answers for rows that nobody trained on, from a run's folder and nothing else, in memory that does not grow."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress
from dataclasses import dataclass
from itertools import chain
from pathlib import Path
from typing import IO, TYPE_CHECKING, Literal

import numpy as np
import torch
from torch import Tensor

from tui_trainer.engine import answers_file, checkpoint, device
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data import hugging_face
from tui_trainer.engine.data.encoding import Counting, NewRows
from tui_trainer.engine.restoring import (
    damaged,
    preprocessing_in,
    restored_encoding,
    restored_meaning,
    restored_net,
)
from tui_trainer.errors import InputError
from tui_trainer.predict_plan import Choice, PredictPlan
from tui_trainer.run_dir import RunDir

if TYPE_CHECKING:
    import polars as pl

SAMPLE = 1_000_000  # bytes of a text file by which its rows are estimated


@dataclass(frozen=True)
class Predicted:
    """How far a prediction is. `sentence` is for the person who asked: which weights, what was met."""

    rows: int = 0
    total: int | None = None  # about so many, where it can be known
    sentence: str = ""


class Predictor:
    """A run's net, its encoding and the meaning of its outputs. Loads once, answers any number of batches."""

    def __init__(self, found: Checkpoint, on: torch.device, reading: Mapping[str, str] | None = None) -> None:
        """`reading` are knobs of a table's layout. Raises InputError for a checkpoint that cannot predict,
        DamagedCheckpointError.
        """
        saved, facts = preprocessing_in(found)
        self.checkpoint, self.device = found, on
        self.net = restored_net(found, facts).to(on)
        self.meaning = restored_meaning(found, saved, facts)
        self.encoding = restored_encoding(found, saved, reading or {})

    @torch.inference_mode()
    def outputs(self, inputs: Tensor) -> Tensor:
        """(n, features) -> (n, outputs) float32 on the host. Raises InputError where the device's memory is short."""
        wanted = self.checkpoint.facts["inputs"]
        if inputs.dim() != 2 or inputs.shape[1] != wanted:
            sentence = f"the encoding makes {tuple(inputs.shape)[1:]} features of a row, and the net takes {wanted}"
            raise damaged(self.checkpoint, "preprocessing.json", sentence)
        try:
            outputs: Tensor = self.net(inputs.to(self.device)).float().cpu()
        except torch.OutOfMemoryError:
            raise InputError(
                f"--batch-size: {len(inputs):,} rows at once do not fit the memory of {self.device}; use fewer"
            ) from None
        except IndexError:  # of a table of vectors
            sentence = "the encoding knows more categories than the net has vectors for"
            raise damaged(self.checkpoint, "preprocessing.json", sentence) from None
        return outputs

    def answers(self, batch: NewRows, first: Literal["row", "file"]) -> pl.DataFrame:
        """One row an input row, in its order: what it is called, and its answer."""
        return self.meaning.frame(batch.names, self.outputs(batch.inputs), first)


def chosen(run: RunDir, weights: Choice | None) -> tuple[Checkpoint, list[str]]:
    """(the run's checkpoint, sentences about it). None: the best where a validation split chose it. Raises InputError.

    What is best by the test split was chosen by what it would be judged by: that is the last's place.
    """
    found = checkpoint.find(run.path / "checkpoints")
    if found.last is None:
        why = f": {found.warnings[0].partition(';')[0]}" if found.warnings else " yet"
        raise InputError(f"run {run.name!r} has no good checkpoint{why}; train it first")
    if weights == "best" and found.best is None:
        raise InputError(f"run {run.name!r} has no weights of a best epoch; use --weights last")
    saved = found.last.preprocessing
    is_best = (
        weights == "best"
        if weights
        else found.best is not None and saved is not None and bool(saved.facts.get("is_validated"))
    )
    of = found.best if is_best and found.best else found.last
    epochs = of.facts.get("epochs_done")
    begun = " (it was still training in the next)" if of.kind == "last" and of.facts.get("position") else ""
    return of, [*found.warnings, f"Run {run.name}: weights of epoch {epochs}, the {of.kind}{begun}"]


def predict(run: RunDir, plan: PredictPlan, stdout: IO[bytes]) -> Generator[Predicted, None, None]:
    """Read, answer and write, batch by batch; says how far it is after each. Raises InputError, StorageError.

    Closed or failed before its end it leaves no file.
    """
    found, sentences = chosen(run, plan.weights)
    predictor = Predictor(found, device.named(plan.device), plan.reading)
    yield from (Predicted(sentence=sentence) for sentence in sentences)
    total = rows_of(plan.path)
    batches = predictor.encoding.batches(plan.path, plan.batch_size)
    head = next(batches, None)
    if head is None:
        raise InputError(f"{plan.path or 'standard input'}: no rows to predict")
    first: Literal["row", "file"] = "row" if all(name.isdecimal() for name in head.names[:100]) else "file"
    out = answers_file.opened(plan.out, plan.form, stdout)
    rows = odd = 0
    try:
        for batch in chain([head], batches):
            outputs = predictor.outputs(batch.inputs)
            odd += int((~torch.isfinite(outputs)).any(1).sum())
            out.write(predictor.meaning.frame(batch.names, outputs, first))
            rows += len(batch.names)
            yield Predicted(rows, max(rows, total) if total else None)
        out.close()
    except BaseException:
        out.drop()
        raise
    yield Predicted(rows, rows)
    if isinstance(predictor.encoding, Counting):
        yield from (Predicted(rows, rows, sentence) for sentence in predictor.encoding.notes())
    if odd:
        yield Predicted(rows, rows, f"{odd:,} of {rows:,} rows gave no finite answer; look at them for huge values")


def rows_of(path: Path | None) -> int | None:
    """About how many rows there are to predict; None where only reading would tell."""
    import polars as pl  # in memory anyway by then

    if path is None:
        return None
    if path.is_dir():
        if hugging_face.is_saved(path):
            return None
        return sum(1 for file in path.rglob("*") if file.suffix) or None
    suffix = path.suffix.lower()
    if suffix in (".csv", ".tsv", ".txt", ".data", ".test"):
        with path.open("rb") as file:
            sample = file.read(SAMPLE)
        lines = sample.count(b"\n")
        return round(lines * path.stat().st_size / len(sample)) if lines else None
    with suppress(
        OSError, ValueError, TypeError, pl.exceptions.PolarsError
    ):  # what is wrong with it, the encoding says
        if suffix == ".npy":
            return len(np.load(path, mmap_mode="r", allow_pickle=False))
        if suffix in (".parquet", ".feather", ".arrow", ".ipc"):
            table = pl.scan_parquet(path, glob=False) if suffix == ".parquet" else pl.scan_ipc(path)
            return int(table.select(pl.len()).collect().item())
    return None
