"""Numbers of arrays keep their digits and their meaning, also in the rows of a prediction."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.media import every_row, inputs, opened
from tui_trainer.engine.data.arrays import ArrayEncoding
from tui_trainer.errors import InputError

RANDOM = np.random.default_rng(0)
Y = np.arange(60) % 3


def _npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


@pytest.mark.parametrize("dtype", [np.float64, np.int64])
def test_large_numbers_that_vary_little_keep_their_digits(tmp_path: Path, dtype: Any) -> None:
    large = np.stack([1_700_000_000 + np.arange(60) * 60, 2**40 + np.arange(60), np.arange(60)], axis=1).astype(dtype)
    path = _npz(tmp_path, x_train=large[:40], y_train=Y[:40], x_test=large[40:], y_test=Y[40:])
    source = opened(path)
    encoded = source.encode(source.given)
    assert isinstance(encoded.encoding, ArrayEncoding)
    train = encoded.inputs["train"].double()
    middle = torch.from_numpy(large[:40].astype(np.float64).mean(axis=0))
    middle[2] = 0.0
    assert torch.equal(train, torch.from_numpy(large[:40].astype(np.float64)) - middle)
    assert encoded.shift.tolist() == pytest.approx([0, 0, 19.5], abs=1e-3)
    restored = ArrayEncoding.restored(encoded.encoding.saved())
    np.save(tmp_path / "new.npy", large[40:])
    again = torch.cat([some.inputs for some in restored.batches(tmp_path / "new.npy", 7)])
    assert torch.equal(again, encoded.inputs["test"])
    plain = opened(path, normalize="none")
    assert torch.equal(inputs(plain)[:40], torch.from_numpy(large[:40].astype(np.float32)))


def test_new_rows_of_floats_are_no_bytes(tmp_path: Path) -> None:
    pictures = RANDOM.integers(0, 256, (60, 4), dtype=np.uint8)
    source = opened(_npz(tmp_path, x=pictures, y=Y))
    encoding = ArrayEncoding.restored(source.encode(every_row(source)).encoding.saved())

    def new(array: np.ndarray) -> torch.Tensor:
        np.save(tmp_path / "new.npy", array)
        return torch.cat([some.inputs for some in encoding.batches(tmp_path / "new.npy", 7)])

    with pytest.raises(InputError, match=r"new\.npy: holds float64, and this run learned from bytes"):
        new(pictures / 255)
    with pytest.raises(InputError, match=r"new\.npy, row 60: beyond 0 to 255"):
        new(np.vstack([pictures[:59], [[0, 0, 256, 0]]]))
    assert torch.equal(new(pictures.astype(np.int64)).byte(), torch.from_numpy(pictures))
    assert not encoding.notes()
    encoding = ArrayEncoding(4, "floats")
    new(pictures)
    assert "holds bytes, and this run learned from floats" in encoding.notes()[0]


@pytest.mark.parametrize(
    ("targets", "task"),
    [
        (np.arange(60) % 20 * 7, "classes"),
        (np.arange(2600) % 26, "classes"),
        (np.arange(2000) % 100, "classes"),
        (np.arange(2000) % 100 * 2, "values"),
        (np.arange(2000) % 100 + 17, "values"),
        (np.arange(900) % 100, "values"),
        (RANDOM.poisson(10, 2000), "values"),
    ],
)
def test_integers_are_classes_where_they_are_few_or_numbered_with_rows_enough(
    tmp_path: Path, targets: np.ndarray, task: str
) -> None:
    assert opened(_npz(tmp_path, x=np.zeros((len(targets), 2)), y=targets)).task == task
