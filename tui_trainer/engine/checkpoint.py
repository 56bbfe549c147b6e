"""Checkpoints: safetensors and one JSON in a folder, written whole, checked by digest; loading executes nothing.

    checkpoints/last/      model.safetensors  training.safetensors  preprocessing.*  checkpoint.json
    checkpoints/best/      model.safetensors  preprocessing.*  checkpoint.json
    last.previous/ best.previous/             the one before, kept until the next is in place

A new folder is written and flushed beside the old one, then renamed; a crash between two renames leaves `.previous`.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from safetensors import SafetensorError
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from torch import Tensor

from tui_trainer.engine.data.encoding import Saved
from tui_trainer.errors import DamagedCheckpointError
from tui_trainer.run_dir import flush_folder, guarded

FORMAT = 1
Kind = Literal["last", "best"]


@dataclass(frozen=True)
class Checkpoint:
    """`facts` is JSON: counters, config, record; `training` is empty for a best checkpoint."""

    kind: Kind
    facts: dict[str, Any]
    weights: dict[str, Tensor]
    training: dict[str, Tensor] = field(default_factory=dict)
    folder: str = ""  # where it was read from
    preprocessing: Saved | None = None  # from a file's rows to inputs, and from outputs to answers


def write(checkpoints: Path, checkpoint: Checkpoint) -> int:
    """Put a checkpoint in place of its predecessor. Returns its bytes. Raises StorageError; the old one stays."""
    with guarded(checkpoints):
        checkpoints.mkdir(mode=0o700, exist_ok=True)
        temporary = checkpoints / f".saving-{checkpoint.kind}"
        shutil.rmtree(temporary, ignore_errors=True)
        try:
            size = _fill(temporary, checkpoint)
        except BaseException:
            shutil.rmtree(temporary, ignore_errors=True)  # gives the bytes back to a full disk
            raise
        _swap(temporary, checkpoints / checkpoint.kind)
        return size


def _fill(folder: Path, checkpoint: Checkpoint) -> int:
    folder.mkdir(mode=0o700)
    files = {"model.safetensors": save_tensors(checkpoint.weights)}
    if checkpoint.training:
        files["training.safetensors"] = save_tensors(checkpoint.training)
    if checkpoint.preprocessing:
        files["preprocessing.json"] = json.dumps(checkpoint.preprocessing.facts).encode()
        files["preprocessing.safetensors"] = save_tensors(checkpoint.preprocessing.tensors)
    facts = {
        "format": FORMAT,
        "kind": checkpoint.kind,
        **checkpoint.facts,
        "sha256": {name: hashlib.sha256(data).hexdigest() for name, data in files.items()},
    }
    files["checkpoint.json"] = json.dumps({**facts, "digest": _digest(facts)}, indent=1).encode()
    for name, data in files.items():
        with (folder / name).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
    flush_folder(folder)
    return sum(map(len, files.values()))


def _swap(new: Path, place: Path) -> None:
    previous = place.with_name(place.name + ".previous")
    if place.exists():
        shutil.rmtree(previous, ignore_errors=True)
        place.rename(previous)
    new.rename(place)
    flush_folder(place.parent)


def _digest(facts: dict[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True).encode()).hexdigest()


def read(folder: Path) -> Checkpoint:
    """A checkpoint whose every byte is as written. Raises DamagedCheckpointError naming the file."""
    try:
        facts = json.loads((folder / "checkpoint.json").read_bytes())
        if facts.pop("digest") != _digest(facts) or facts["format"] != FORMAT:
            raise ValueError("its content does not match its digest")
    except (OSError, ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise DamagedCheckpointError(f"{folder / 'checkpoint.json'}: {_reason(error)}") from None
    tensors: dict[str, dict[str, Tensor]] = {}
    preprocessing: dict[str, Any] = {}
    for name, expected in _files(folder, facts).items():
        try:
            data = (folder / name).read_bytes()
            if hashlib.sha256(data).hexdigest() != expected:
                raise ValueError("its content does not match its digest")
            if name.endswith(".json"):
                preprocessing = dict(json.loads(data))
            else:
                tensors[name] = load_tensors(data)
        except (OSError, ValueError, TypeError, RecursionError, SafetensorError) as error:
            raise DamagedCheckpointError(f"{folder / name}: {_reason(error)}") from None
    weights, training = tensors["model.safetensors"], tensors.get("training.safetensors", {})
    saved = Saved(preprocessing, tensors["preprocessing.safetensors"]) if preprocessing else None
    return Checkpoint(facts["kind"], facts, weights, training, folder.name, saved)


def _files(folder: Path, facts: dict[str, Any]) -> dict[str, Any]:
    """{name: digest} of a checkpoint's other files. Raises DamagedCheckpointError for what no session has written.

    The digest is no signature: whoever writes a folder can compute it, so nothing that it covers is believed.
    """
    files, record = facts.get("sha256"), facts.get("record")
    known = ({"model.safetensors"}, {"training.safetensors"}, {"preprocessing.json", "preprocessing.safetensors"})
    if (
        not isinstance(files, dict)
        or facts.get("kind") not in ("last", "best")
        or not known[0] <= set(files) <= set.union(*known)
        or len(known[2] & set(files)) == 1
        or not isinstance(record, dict)
        or not isinstance(facts.get("config"), dict)
        or not all(type(number) is int for number in (record.get("best_epoch"), facts.get("epochs_done")))
    ):
        raise DamagedCheckpointError(f"{folder / 'checkpoint.json'}: damaged")
    return files


def _reason(error: Exception) -> str:
    if isinstance(error, OSError):
        return error.strerror or str(error)
    return str(error) if str(error).startswith("its content") else "damaged"


@dataclass(frozen=True)
class Found:
    """The newest good checkpoint of a run, its best one, and what had to be passed over."""

    last: Checkpoint | None
    best: Checkpoint | None
    warnings: list[str]


def find(checkpoints: Path) -> Found:
    """What a resume starts from: the newest good `last`, and the `best` that it knew."""
    warnings: list[str] = []
    last = next(_good(checkpoints, "last", warnings), None)
    known = last.facts["record"]["best_epoch"] if last else 0
    best = None
    if known:
        candidates = _good(checkpoints, "best", warnings)
        best = next((found for found in candidates if found.facts["epochs_done"] == known), None)
        if best is None:
            warnings.append(f"the best checkpoint, of epoch {known}, is lost; the next better epoch becomes the best")
    return Found(last, best, warnings)


def _good(checkpoints: Path, kind: Kind, warnings: list[str]) -> Any:
    for name in (kind, f"{kind}.previous"):
        if (checkpoints / name).exists():
            try:
                yield read(checkpoints / name)
            except DamagedCheckpointError as error:
                warnings.append(f"{error}; going back to the checkpoint before it")


def sweep(checkpoints: Path) -> None:
    """Remove what a killed worker was still writing. Only for the holder of the lock."""
    with suppress(OSError):
        for folder in checkpoints.glob(".saving-*"):
            shutil.rmtree(folder, ignore_errors=True)
