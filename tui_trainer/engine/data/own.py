"""Somebody's own file or folder: recognised, read, split, encoded. Every statistic comes from the training rows."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.class_folders import walked
from tui_trainer.engine.data.dataset import DataSet, Samples, Scaling
from tui_trainer.engine.data.opened import DescribesColumns, Opened, Parts
from tui_trainer.engine.data.splitting import split_rows
from tui_trainer.engine.data.targets import for_loss, target_scaling
from tui_trainer.errors import InputError
from tui_trainer.knobs import changed
from tui_trainer.paths import found
from tui_trainer.report import ColumnFacts

TABLES = (".csv", ".tsv", ".txt", ".data", ".test", ".parquet", ".feather", ".arrow", ".ipc")
ARRAYS = (".npz", ".npy", ".pt", ".pth", ".safetensors")
PACKED = (".gz", ".zip", ".bz2", ".xz", ".zst", ".tar", ".tgz", ".7z")
RECORDINGS = (".wav", ".wave")
PICTURES = (".png", ".jpg", ".jpeg", ".bmp", ".gif", ".tif", ".tiff", ".webp", ".ppm", ".pgm")


def load(config: RunConfig, *, describes: bool = False) -> DataSet:
    """Read, split and encode what `--data` names, and describe a table's columns. Raises InputError."""
    opened = open_source(config)
    described = _described(opened, config) if describes else ()
    parts, split_notes = split_rows(opened, config)
    _check_classes(opened, parts)
    encoded = opened.encode(parts)
    samples = {
        part: Samples(encoded.inputs[part], opened.targets[torch.from_numpy(rows)]) for part, rows in parts.items()
    }
    shift, spread = target_scaling(config.data, opened.task, samples["train"].targets)
    data = DataSet(
        name=Path(config.data.name).name,
        task=opened.task,
        train=samples["train"],
        validation=samples.get("validation"),
        test=samples["test"],
        class_names=opened.class_names,
        scaling=Scaling(encoded.shift, encoded.spread, shift, spread),
        embedded=encoded.embedded,
        pictures=encoded.pictures,
        encoding=encoded.encoding,
        target_names=opened.target_names,
        columns=encoded.columns,
        described=described,
        place=lambda part, number: opened.place(int(parts[part][number])),
        notes=(*opened.notes, *split_notes, *encoded.notes),
    )
    return for_loss(data, config)


def _described(opened: Opened, config: RunConfig) -> tuple[ColumnFacts, ...]:
    if not isinstance(opened, DescribesColumns):
        return ()
    targets = config.data.target
    return tuple(replace(fact, kind="target") if fact.name in targets else fact for fact in opened.describe())


def check_splits(config: RunConfig, numbers: Iterable[int]) -> None:
    """Split as each of these numbers asks, and keep nothing: a mistake in the last is found before the first run."""
    opened = open_source(config)
    for number in numbers:
        _check_classes(opened, split_rows(opened, changed(config, {"split_number": number}))[0])


def open_source(config: RunConfig) -> Opened:
    """The reader that fits what lies at the path. Raises InputError."""
    data = config.data
    path = found(data.name, data.dir, "--data")
    test = found(data.test_data, data.dir, "--test-data", near=path) if data.test_data else None
    if path.is_dir():
        return _open_folder(path, test, config)
    _check_single(path)
    if path.suffix.lower() in ARRAYS:
        from tui_trainer.engine.data import arrays

        return arrays.open_arrays(path, test, config)
    from tui_trainer.engine.data.table import open_table

    return open_table(path, test, config)


def _check_single(path: Path) -> None:
    """Raises InputError for a file that is no source by itself."""
    suffix = path.suffix.lower()
    if suffix in (*PICTURES, *RECORDINGS):
        what = "picture" if suffix in PICTURES else "recording"
        raise InputError(f"--data {path}: a single {what}; name the folder that has a folder of them per class")
    if suffix in PACKED:
        raise InputError(f"--data {path}: a packed file; unpack it first, and name what comes out")


def _open_folder(path: Path, test: Path | None, config: RunConfig) -> Opened:
    from tui_trainer.engine.data import hugging_face

    if hugging_face.is_saved(path):
        return hugging_face.open_saved(path, test, config)
    suffixes = Counter(file.suffix.lower() for file in walked(path))
    recordings, pictures = (sum(suffixes[suffix] for suffix in kind) for kind in (RECORDINGS, PICTURES))
    if recordings > pictures:  # the others are counted as left out
        from tui_trainer.engine.data import speech

        return speech.open_speech(path, test, config)
    if pictures:
        from tui_trainer.engine.data import images

        return images.open_images(path, test, config)
    raise InputError(
        f"--data {path}: a folder without pictures ({', '.join(PICTURES[:3])}, ...), WAV files, or a saved "
        "Hugging Face data set; name a file, or a folder with a folder of pictures or recordings per class"
    )


def _check_classes(opened: Opened, parts: Parts) -> None:
    """Every class has to have a training row: what was never seen cannot be learned."""
    if opened.task != "classes":
        return
    classes = opened.targets.numpy()
    seen = np.bincount(classes[parts["train"]], minlength=len(opened.class_names))
    for part, rows in parts.items():
        unseen = np.flatnonzero(seen[classes[rows]] == 0)
        if len(unseen):
            row = int(rows[unseen[0]])
            name = opened.class_names[classes[row]]
            raise InputError(
                f"{opened.place(row)}: class {name!r} stands in the {part} rows ({len(unseen):,} of them are of unseen "
                "classes) and in no training row; correct the class, leave the rows out, or split otherwise"
            )
