"""Which arrays of a file are inputs and which are targets: by their names, by `--target`, or in a second file."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tui_trainer.engine.data.array_files import ALONE, Stored, arrays_in
from tui_trainer.engine.data.class_folders import PARTS_BY_FOLDER
from tui_trainer.engine.data.opened import Part
from tui_trainer.errors import InputError, nearest

INPUTS = ("x", "inputs", "input", "data", "features", "images")
TARGETS = ("y", "targets", "target", "labels", "label", "classes")
BESIDE = {"x": ("y",), "inputs": ("targets",), "input": ("target",), "images": ("labels",)}
"""The name of the file of targets, by that of the inputs; otherwise any of TARGETS."""


@dataclass(frozen=True)
class Pair:
    """Inputs and targets of the same rows; `part` is None where the file does not tell parts apart."""

    part: Part | None
    inputs: Stored
    targets: Stored


def pairs_in(path: Path, target: str) -> tuple[list[Pair], dict[str, Stored]]:
    """(inputs and targets, all arrays of the file). Raises InputError naming the array that is missing or too short."""
    arrays = arrays_in(path)
    if set(arrays) == {ALONE}:
        targets = _only(_file_beside(path, target))
        pairs = [Pair(None, arrays[ALONE], targets)]
    else:
        pairs = _named(path, arrays, target)
    for pair in pairs:
        if len(pair.inputs) != len(pair.targets):
            raise InputError(
                f"{pair.targets}: {len(pair.targets):,} targets for {len(pair.inputs):,} rows of {pair.inputs}; "
                "expected one target a row"
            )
        if len(pair.inputs) == 0:
            raise InputError(f"{pair.inputs}: no rows")
    return pairs, arrays


def inputs_in(path: Path) -> Stored:
    """The only inputs of a file, for a prediction. Raises InputError where there are none or several."""
    arrays = arrays_in(path)
    if len(arrays) == 1:
        return next(iter(arrays.values()))
    named = [name for name in arrays if _split(name)[1] in INPUTS]
    if len(named) != 1:
        raise InputError(f"{path}: {_listed(arrays)}; expected one array of inputs, such as x")
    return arrays[named[0]]


def _named(path: Path, arrays: dict[str, Stored], target: str) -> list[Pair]:
    if not arrays:
        raise InputError(f"{path}: no arrays in it; expected inputs such as x, and targets such as y")
    by_role: dict[str, dict[Part | None, Stored]] = {}
    for name, array in arrays.items():
        part, role = _split(name)
        by_role.setdefault(role, {})[part] = array
    beside: Stored | None = None
    wanted = _split(target)[1] if target else next((role for role in TARGETS if role in by_role), "")
    if target and target not in arrays and wanted not in by_role:
        if not (path.parent / target).is_file():
            raise InputError(f"--target {target}: {path} has {_listed(arrays)}{nearest(target, arrays)}")
        beside = _only(path.parent / target)
    others = [role for role in by_role if role != wanted]
    role = next((role for role in INPUTS if role in others), others[0] if len(others) == 1 else "")
    if not wanted and len(others) == 2 and role:
        wanted = next(other for other in others if other != role)
    if beside is None and wanted not in by_role:
        raise InputError(f"{path}: {_listed(arrays)}, and none is called y, targets or labels; name it with --target")
    if role not in by_role:
        raise InputError(f"{path}: {_listed(arrays)}, and none is called x, inputs or data; rename the inputs to x")
    targets: Mapping[Part | None, Stored] = {None: beside} if beside is not None else by_role[wanted]
    return _matched(path, by_role[role], targets)


def _matched(path: Path, inputs: Mapping[Part | None, Stored], targets: Mapping[Part | None, Stored]) -> list[Pair]:
    alone = set(inputs) ^ set(targets)
    if alone:
        array = next(array for found in (inputs, targets) for part, array in found.items() if part in alone)
        raise InputError(f"{path}: array {array.name!r} has no counterpart; expected as in x_train, y_train, x_test")
    if None in inputs and len(inputs) > 1:
        raise InputError(f"{path}: array {inputs[None].name!r} beside others of single parts; remove one of the two")
    if None not in inputs and "train" not in inputs:
        raise InputError(f"{path}: no training rows; expected them as x_train and y_train")
    return [Pair(part, array, targets[part]) for part, array in inputs.items()]


def _split(name: str) -> tuple[Part | None, str]:
    """x_train -> (train, x)."""
    words = [word for word in re.split(r"[_\-. ]+", name.lower()) if word]
    part = next((word for word in words if word in PARTS_BY_FOLDER), None)
    if part is None or len(words) == 1:
        return None, "_".join(words)
    return PARTS_BY_FOLDER[part], "_".join(word for word in words if word != part)


def _file_beside(path: Path, target: str) -> Path:
    if target:
        for place in (path.parent / target, Path(target)):
            if place.is_file():
                return place
        raise InputError(f"--target {target}: no such file beside {path}; name the file with the targets")
    part, role = _split(path.stem)
    wanted = [(part, name) for name in BESIDE.get(role, TARGETS)]
    for other in sorted(path.parent.iterdir()):
        if other.suffix == path.suffix and other != path and _split(other.stem) in wanted:
            return other
    raise InputError(
        f"{path}: holds a single array, and there is no file of targets such as {wanted[0][1]}{path.suffix} beside it; "
        "name the file with --target"
    )


def _only(path: Path) -> Stored:
    arrays = arrays_in(path)
    if len(arrays) != 1:
        raise InputError(f"{path}: {_listed(arrays)}; expected a single array of targets")
    return next(iter(arrays.values()))


def _listed(arrays: dict[str, Stored]) -> str:
    names = ", ".join(repr(name) for name in list(arrays)[:10]) or "none"
    return f"{'its array is' if len(arrays) == 1 else 'its arrays are'} {names}{', ...' if len(arrays) > 10 else ''}"
