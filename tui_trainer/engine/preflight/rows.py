"""What the samples are like: counts, constant columns, rows that stand there twice."""

from __future__ import annotations

import numpy as np
import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.data.opened import Part
from tui_trainer.report import ClassCount, Repeats, Report, Spread

MOST_BYTES = 512_000_000  # of inputs that are hashed: 0.4 s on one core
CHUNK = 65_536  # rows
EXAMPLES = 2


def described(data: DataSet) -> Report:
    """All that a glance at the samples tells."""
    constant = constant_inputs(data.train.inputs)
    return Report(
        data=data.name,
        task=data.task,
        inputs=data.inputs,
        outputs=data.outputs,
        train=len(data.train),
        validation=len(data.validation) if data.validation is not None else 0,
        test=len(data.test),
        notes=data.notes,
        columns=data.described,
        classes=class_counts(data),
        values=spreads(data),
        is_balanced=data.class_weights is not None,
        constant_columns=_constant_columns(data, constant),
        constant_inputs=int(constant.sum()),
    )


def class_counts(data: DataSet) -> tuple[ClassCount, ...]:
    """Rows of each class, or that have each label; none for values."""
    if data.task == "values":
        return ()
    splits = (data.train, data.validation, data.test)
    names = data.class_names or tuple(f"label {n + 1}" for n in range(data.outputs))
    counts = [_counts(split, data, len(names)) for split in splits]
    return tuple(ClassCount(name, *(count[n] for count in counts)) for n, name in enumerate(names))


def _counts(split: Samples | None, data: DataSet, classes: int) -> list[int]:
    if split is None:
        return [0] * classes
    if data.task == "classes":
        return [int(count) for count in torch.bincount(split.targets, minlength=classes).tolist()]
    return [int(count) for count in split.targets.sum(0).tolist()]


def spreads(data: DataSet) -> tuple[Spread, ...]:
    """Of each column of values."""
    if data.task != "values":
        return ()
    targets = data.train.targets.double()
    deviation, mean = torch.std_mean(targets, dim=0, correction=0)
    figures = torch.stack((mean, deviation, targets.amin(0), targets.amax(0)), 1).tolist()
    names = data.target_names or tuple("" if len(figures) == 1 else f"output {n + 1}" for n in range(len(figures)))
    return tuple(Spread(name, *row) for name, row in zip(names, figures, strict=True))


def constant_inputs(inputs: Tensor) -> Tensor:
    """(features,) bool: the same in every row."""
    same = torch.ones(inputs.shape[1], dtype=torch.bool, device=inputs.device)
    for start in range(0, len(inputs), CHUNK):
        same &= (inputs[start : start + CHUNK] == inputs[0]).all(0)
    return same.cpu()


def _constant_columns(data: DataSet, constant: Tensor) -> tuple[str, ...]:
    """Those that the reader left out as constant, and those all of whose inputs are."""
    left_out = [column.name for column in data.described if column.kind == "constant"]
    inputs = [name for name, first, end in data.columns if end > first and bool(constant[first:end].all())]
    return tuple(dict.fromkeys([*left_out, *inputs]))


def repeats(data: DataSet, most_bytes: int = MOST_BYTES) -> Repeats:
    """Rows with the very same inputs. What is beyond `most_bytes` is looked at in a sample, the same each time."""
    row = max(1, data.train.inputs.shape[1] * data.train.inputs.element_size())
    most = max(1, most_bytes // row)
    train, validation, test = (
        _sampled(split, most) if split is not None else None for split in (data.train, data.validation, data.test)
    )
    assert train is not None  # noqa: S101
    assert test is not None  # noqa: S101
    known = _hashes(data.train.inputs, train)
    first: dict[int, int] = {}
    within = contradicting = 0
    for place, digest in zip(train, known, strict=True):
        if digest not in first:
            first[digest] = place
            continue
        within += 1
        contradicting += not torch.equal(data.train.targets[place], data.train.targets[first[digest]])
    in_test = [
        (place, first[digest])
        for place, digest in zip(test, _hashes(data.test.inputs, test), strict=True)
        if digest in first
    ]
    in_validation = 0
    if data.validation is not None and validation is not None:
        in_validation = sum(digest in first for digest in _hashes(data.validation.inputs, validation))
    rows = (len(train), len(validation or ()), len(test))
    examples = tuple((_place(data, "test", there), _place(data, "train", here)) for there, here in in_test[:EXAMPLES])
    return Repeats(within, contradicting, in_validation, len(in_test), *rows, examples)


def _place(data: DataSet, part: Part, number: int) -> str:
    if data.place:
        return data.place(part, number).rpartition("/")[2]
    return f"{'training' if part == 'train' else part} sample {number + 1:,}"


def _sampled(split: Samples, most: int) -> list[int]:
    rows = len(split)
    if rows <= most:
        return list(range(rows))
    return sorted(np.random.default_rng(0).choice(rows, most, replace=False).tolist())


def _hashes(inputs: Tensor, rows: list[int]) -> list[int]:
    """Of the bytes of each row: 64 bits, so that two of a million rows agree by chance once in 37 million files."""
    found: list[int] = []
    for start in range(0, len(rows), CHUNK):
        part = rows[start : start + CHUNK]
        is_run = part[-1] - part[0] + 1 == len(part)
        chunk = inputs[part[0] : part[-1] + 1] if is_run else inputs[torch.tensor(part)]
        array = np.ascontiguousarray(chunk.cpu().numpy())
        width = array.shape[1] * array.itemsize
        whole = array.tobytes()
        found += [hash(whole[at : at + width]) for at in range(0, len(whole), width)] if width else [0] * len(part)
    return found
