"""Data sets saved with `save_to_disk` of Hugging Face's `datasets`: pictures, recordings, or tables.

Files inside stay as their bytes until they are decoded here, so that neither torchcodec nor a network is needed.
"""

from __future__ import annotations

import functools
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.engine.data import images, speech
from tui_trainer.engine.data.class_folders import PARTS_BY_FOLDER
from tui_trainer.engine.data.media import Item, MediaSource, check_task
from tui_trainer.engine.data.opened import Opened, Part, Parts
from tui_trainer.errors import InputError, nearest

if TYPE_CHECKING:
    import polars as pl


def open_saved(path: Path, test: Path | None, config: RunConfig) -> Opened:
    """A data set, or a dict of them whose splits are the parts. Raises InputError naming folder, split or column."""
    splits, notes = _splits(path)
    if test is not None:
        if "test" in splits:
            raise InputError(f"--test-data {test}: {path} has a split test already; leave one out")
        others, more = _splits(test)
        splits, notes = {**splits, "test": others.get("test", next(iter(others.values())))}, (*notes, *more)
    if "train" not in splits:
        raise InputError(
            f"{path}: no split called train (its splits are {', '.join(splits)}); save the data set with one"
        )
    features = splits["train"].features
    for part, rows in splits.items():
        if set(rows.features) != set(features):
            raise InputError(
                f"{path}: split {part} has columns {', '.join(rows.features)}, train {', '.join(features)}"
            )
    kinds = {name: type(feature).__name__ for name, feature in features.items()}
    for kind in ("Image", "Audio"):
        if column := next((name for name in kinds if kinds[name] == kind), None):
            return _media(path, splits, column, config, notes)
    return _table(path, splits, config)


def is_saved(path: Path) -> bool:
    """Whether a folder is what `save_to_disk` wrote: a data set, or a dict of them."""
    return any((path / name).is_file() for name in ("dataset_info.json", "dataset_dict.json"))


def new_rows(path: Path) -> Any:
    """The data set of a folder, for a prediction. Raises InputError for a dict of several splits and no `test`."""
    _library().disable_progress_bars()
    saved = _loaded(path)
    if not isinstance(saved, dict):
        return saved
    if len(saved) == 1:
        return next(iter(saved.values()))
    if "test" not in saved:
        names = ", ".join(saved)
        raise InputError(
            f"{path}: which of its splits {names} is meant? name its folder, as in {path / next(iter(saved))}"
        )
    return saved["test"]


def new_frames(path: Path, size: int) -> Iterator[pl.DataFrame]:
    """A saved table as polars has it, so many rows at once."""
    rows = new_rows(path)
    for start in range(0, len(rows), size):
        yield _frame(rows.select(range(start, min(len(rows), start + size))), path)


def new_items(path: Path, kind: str) -> Sequence[Item]:
    """The bytes of the first column of `Image` or `Audio`. Raises InputError where there is none."""
    rows = new_rows(path)
    column = next((name for name, feature in rows.features.items() if type(feature).__name__ == kind), None)
    if column is None:
        raise InputError(f"{path}: no column of {kind} among {', '.join(rows.features)}; cast one to it, and save anew")
    return _stored([rows], column, kind)


def _stored(splits: Iterable[Any], column: str, kind: str) -> _Stored:
    undecoded = getattr(_library(), kind)(decode=False)
    return _Stored([rows.select_columns([column]).cast_column(column, undecoded) for rows in splits], column)


def _splits(path: Path) -> tuple[dict[Part, Any], tuple[str, ...]]:
    """(rows by part, what was left out)."""
    _library().disable_progress_bars()
    saved = _loaded(path)
    if not isinstance(saved, dict):
        return {"train": saved}, ()
    by_part: dict[Part, Any] = {}
    notes = []
    for name, rows in saved.items():
        if part := PARTS_BY_FOLDER.get(name.lower()):
            by_part[part] = rows
        else:
            notes.append(
                f"{path.name}: split {name!r} with {len(rows):,} rows left out; expected train, validation, test"
            )
    if not by_part:
        raise InputError(f"{path}: splits {', '.join(saved)}; expected train, and perhaps validation and test")
    every: tuple[Part, ...] = ("train", "validation", "test")
    return {part: by_part[part] for part in every if part in by_part}, tuple(notes)


def _library() -> Any:
    try:
        import datasets
    except ImportError as error:
        raise InputError(
            "a data set saved by Hugging Face needs their package `datasets` "
            f"({' '.join(str(error).split())[:100]}): pip install 'tui-trainer[hf]'"
        ) from None
    return datasets


def _loaded(path: Path) -> Any:
    try:
        return _library().load_from_disk(str(path))
    except Exception as error:  # pyarrow and datasets raise whatever they meet in a damaged file
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{path}: cannot be read as a saved data set ({reason}); save it anew") from None


class _Stored(Sequence[Item]):
    """The bytes of one column of several splits, each read when it is asked for."""

    def __init__(self, splits: Sequence[Any], column: str) -> None:
        self._splits, self._column = splits, column
        self._starts = np.cumsum([0, *(len(rows) for rows in splits)])

    def __len__(self) -> int:
        return int(self._starts[-1])

    def __getitem__(self, at: int) -> Item:  # type: ignore[override]
        which = int(np.searchsorted(self._starts, at, side="right")) - 1
        value = self._splits[which][int(at - self._starts[which])][self._column]
        if value is None:
            return b""
        return value["bytes"] if value["bytes"] is not None else Path(value["path"])


def _media(path: Path, splits: dict[Part, Any], column: str, config: RunConfig, notes: tuple[str, ...]) -> MediaSource:
    check_task(path, config)
    features = splits["train"].features
    is_image = type(features[column]).__name__ == "Image"
    stored = _stored(splits.values(), column, "Image" if is_image else "Audio")
    names, targets = _classes(path, splits, _target(path, features, config))
    wanted = [name for name in (config.split.group, config.split.time, config.split.column) if name in features]
    reader: Any = images if is_image else speech
    return MediaSource(
        path=path,
        items=stored,
        names=[f"{part}, row {row + 1:,}" for part, rows in splits.items() for row in range(len(rows))],
        targets=torch.from_numpy(targets),
        class_names=names,
        given=_given(splits),
        fit=functools.partial(reader.encoding_of, config),
        scale=functools.partial(reader.scaling_of, config),
        notes=notes,
        columns={name: np.concatenate([np.asarray(rows[name]) for rows in splits.values()]) for name in wanted},
        are_files=False,
    )


def _target(path: Path, features: Any, config: RunConfig) -> str:
    if config.data.target:
        name: str = config.data.target[0]
        if name not in features:
            known = ", ".join(features)
            raise InputError(f"--target {name}: {path} has the columns {known}{nearest(name, features)}")
        return name
    labels: list[str] = [name for name, feature in features.items() if type(feature).__name__ == "ClassLabel"]
    if len(labels) == 1:
        return labels[0]
    if "label" in features:
        return "label"
    raise InputError(f"{path}: which of the columns {', '.join(features)} is the class? name it with --target")


def _classes(path: Path, splits: dict[Part, Any], target: str) -> tuple[tuple[str, ...], np.ndarray]:
    """(names, numbers (n,)). A class that no row has is left out, as it cannot be learned."""
    raw = [value for rows in splits.values() for value in rows[target]]
    lacking = [row for row, value in enumerate(raw) if value is None or value == -1]  # -1: a hidden test label
    if lacking:
        raise InputError(
            f"{path}: column {target!r} has no class in row {lacking[0] + 1:,} (in {len(lacking):,} of {len(raw):,}); "
            "leave such rows out"
        )
    if not isinstance(raw[0], str | int):
        kind = type(raw[0]).__name__
        raise InputError(f"{path}: column {target!r} holds a {kind}; expected a class, as text or an integer")
    values, numbers = np.unique(np.array(raw), return_inverse=True)
    feature = splits["train"].features[target]
    is_label = type(feature).__name__ == "ClassLabel"
    names = tuple(feature.int2str(int(value)) if is_label else str(value) for value in values)
    if len(names) < 2:
        raise InputError(f"{path}: column {target!r} has only one class; there is nothing to tell apart")
    return names, numbers.astype(np.int64)


def _given(splits: dict[Part, Any]) -> Parts:
    if len(splits) == 1:
        return {}
    ends = np.cumsum([len(rows) for rows in splits.values()])
    return {part: np.arange(end - len(splits[part]), end) for part, end in zip(splits, ends, strict=True)}


def _table(path: Path, splits: dict[Part, Any], config: RunConfig) -> Opened:
    """Read, cleaned and joined as files of tables are."""
    from tui_trainer.engine.data.table.cleaning import cleaned
    from tui_trainer.engine.data.table.frame_source import open_frame
    from tui_trainer.engine.data.table.joining import joined
    from tui_trainer.engine.data.table.places import rows_of

    columns = list(splits["train"].features)
    train = path.with_name(f"{path.name}, train")
    frame: pl.DataFrame | None = None
    for part, rows in splits.items():
        if not len(rows):
            raise InputError(f"{path}: split {part} has no rows; leave it out, or fill it")
        place = path.with_name(f"{path.name}, {part}")
        below = cleaned(_frame(rows, place).select(columns), config, rows_of(str(place)))
        frame = below if frame is None else joined(frame, below, train, place)
    if frame is None:
        raise InputError(f"{path}: no splits in it; save the data set anew")
    return open_frame(frame, _given(splits), path, config)


def _frame(rows: Any, place: object) -> pl.DataFrame:
    """Rows as polars has them, their classes by name. Raises InputError naming a column that polars has no type for."""
    import polars

    try:
        frame: pl.DataFrame = rows.to_polars()
    except Exception as error:  # pyarrow's and polars' own, for types that only one of them has
        reason = " ".join(str(error).split())[:200]
        raise InputError(f"{place}: cannot be read as a table ({reason}); save it without that column") from None
    for name, feature in rows.features.items():
        if type(feature).__name__ == "ClassLabel":
            classes = dict(enumerate(feature.names))
            frame = frame.with_columns(polars.col(name).replace_strict(classes, default=None))
    return frame
