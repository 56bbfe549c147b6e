"""The files of a folder, and the class of each: by the folder it lies in, or by a pattern in its name.

Files are found as torchvision's ImageFolder finds them (classes and files by name), without torchvision's import, which
costs twice torch's own. Hidden files, and what other systems leave behind (`__MACOSX`), are no samples.
"""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from tui_trainer.engine.data.opened import Part, Parts
from tui_trainer.errors import InputError

PARTS_BY_FOLDER: dict[str, Part] = {
    "train": "train", "training": "train", "test": "test", "testing": "test",
    "val": "validation", "valid": "validation", "validation": "validation",
}  # fmt: skip


@dataclass(frozen=True)
class Kind:
    """What is looked for: `pictures` by their suffixes, and what a sentence calls one of them."""

    suffixes: tuple[str, ...]
    one: str
    many: str


@dataclass(frozen=True)
class ClassFiles:
    """One file a sample: `names` are relative to the folder, `classes` (n,) int64 count into `class_names`."""

    paths: list[Path]
    names: list[str]
    classes: np.ndarray
    class_names: tuple[str, ...]
    given: Parts
    notes: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Sample:
    path: Path
    name: str
    label: str
    part: Part | None


def find(folder: Path, test: Path | None, kind: Kind, label_pattern: str) -> ClassFiles:
    """All files of the folder, those of `test` as the test's. Raises InputError naming a folder or file."""
    skipped: list[Path] = []
    samples = _samples(folder, kind, label_pattern, skipped)
    if test is not None:
        if any(sample.part == "test" for sample in samples):
            raise InputError(f"--test-data {test}: {folder} has a folder of test {kind.many} already; leave one out")
        others = _samples(test, kind, label_pattern, skipped)
        samples = [_Sample(one.path, one.name, one.label, one.part or "train") for one in samples]
        samples += [_Sample(one.path, one.name, one.label, "test") for one in others]
    class_names = tuple(sorted({sample.label for sample in samples}))
    if len(class_names) < 2:
        only = f"only one class, {class_names[0]!r}" if class_names else f"no {kind.one}"
        raise InputError(f"--data {folder}: {only} found; put {kind.many} of two or more classes there")
    if broken := [sample.path for sample in samples if not sample.label.isprintable()]:
        raise InputError(
            f"{ascii(str(broken[0]))[1:-1]}: its class has characters in its name that are not UTF-8 or not printable; "
            "rename it"
        )
    numbers = {name: number for number, name in enumerate(class_names)}
    parts = np.array([sample.part or "" for sample in samples])
    every: tuple[Part, ...] = ("train", "validation", "test")
    given = {part: np.flatnonzero(parts == part) for part in every if (parts == part).any()}
    return ClassFiles(
        [sample.path for sample in samples],
        [sample.name for sample in samples],
        np.array([numbers[sample.label] for sample in samples], dtype=np.int64),
        class_names,
        given,
        _said(skipped, folder, kind),
    )


def files_below(folder: Path, kind: Kind, skipped: list[Path]) -> list[Path]:
    """The files of a kind at any depth, sorted by path; others are added to `skipped`."""
    fit: list[Path] = []
    for path in walked(folder):
        (fit if path.suffix.lower() in kind.suffixes else skipped).append(path)
    return fit


def walked(folder: Path) -> list[Path]:
    """All files below a folder that are not hidden, sorted; links are followed. Raises InputError for a closed one."""
    files = []

    def closed(error: OSError) -> None:
        raise InputError(f"{error.filename}: cannot be read: {error.strerror or error}; permit it, or move it away")

    for name, subfolders, names in os.walk(folder, followlinks=True, onerror=closed):
        place = Path(name)
        above = {place.resolve(), *place.resolve().parents}
        subfolders[:] = [sub for sub in subfolders if not _is_hidden(sub) and (place / sub).resolve() not in above]
        files += [place / file for file in names if not _is_hidden(file)]
    return sorted(files)


def _samples(folder: Path, kind: Kind, label_pattern: str, skipped: list[Path]) -> list[_Sample]:
    if not folder.is_dir():
        raise InputError(f"{folder}: not a folder; name one that is laid out like that of the other {kind.many}")
    by_part = _part_folders(folder)
    roots: list[tuple[Path, Part | None]] = [(path, part) for part, path in by_part.items()] or [(folder, None)]
    samples = []
    for root, part in roots:
        labelled = _by_name(root, kind, label_pattern, skipped) if label_pattern else _by_folder(root, kind, skipped)
        samples += [_Sample(path, path.relative_to(folder).as_posix(), label, part) for path, label in labelled]
    return samples


def _part_folders(folder: Path) -> dict[Part, Path]:
    """`train/`, `test/` and `val/`, where nothing but these lies in a folder: a class may be called train, too."""
    folders = _subfolders(folder)
    parts = {PARTS_BY_FOLDER.get(path.name.lower()): path for path in folders}
    if None in parts or "train" not in parts or len(parts) < 2 or len(parts) < len(folders):
        return {}
    return {part: path for part, path in parts.items() if part is not None}


def _by_name(folder: Path, kind: Kind, pattern: str, skipped: list[Path]) -> list[tuple[Path, str]]:
    paths = files_below(folder, kind, skipped)
    labels = [found.group(1) if (found := re.search(pattern, path.name)) else None for path in paths]
    nameless = [path for path, label in zip(paths, labels, strict=True) if not label]
    if nameless:
        raise InputError(
            f"{nameless[0]}: --label-pattern {pattern!r} finds no class in this file's name, and in {len(nameless):,} "
            f"of {len(paths):,}; correct the pattern, or move these files away"
        )
    return [(path, label) for path, label in zip(paths, labels, strict=True) if label]


def _by_folder(folder: Path, kind: Kind, skipped: list[Path]) -> list[tuple[Path, str]]:
    folders = _subfolders(folder)
    if not folders:
        raise InputError(
            f"{folder}: no folders in it, so that no {kind.one} has a class; make one folder per class, "
            "or find the class in the files' names with --label-pattern"
        )
    skipped += [path for path in sorted(folder.iterdir()) if path.is_file() and not _is_hidden(path.name)]
    labelled: list[tuple[Path, str]] = []
    empty = []
    for of_class in folders:
        paths = files_below(of_class, kind, skipped)
        labelled += [(path, of_class.name) for path in paths]
        if not paths:
            empty.append(of_class)
    if empty:
        more = f" (nor do {len(empty) - 1:,} other folders)" if len(empty) > 1 else ""
        raise InputError(
            f"{empty[0]}: the folder of a class holds no {kind.one}{more}; expected files as in "
            f"{', '.join(kind.suffixes[:3])}: put some there, or remove the folder"
        )
    return labelled


def _subfolders(folder: Path) -> list[Path]:
    try:
        return sorted(path for path in folder.iterdir() if path.is_dir() and not _is_hidden(path.name))
    except OSError as error:
        raise InputError(f"{folder}: cannot be read: {error.strerror or error}") from None


def _is_hidden(name: str) -> bool:
    return name.startswith(".") or name == "__MACOSX"


def _said(skipped: list[Path], folder: Path, kind: Kind) -> tuple[str, ...]:
    if not skipped:
        return ()
    return (f"{folder.name}: {len(skipped):,} files left out that are no {kind.many} of a class, {skipped[0]} first",)
