"""The other members of the families: their labels, their shapes and their formats, on small files made here."""

from __future__ import annotations

import bz2
import hashlib
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from scipy.io import savemat

from tests.engine.test_data import idx_bytes
from tui_trainer.data_sets import DATA_SETS
from tui_trainer.engine.data import idx
from tui_trainer.engine.data.prepare import read_source

PICTURES = np.arange(6 * 28 * 28, dtype=np.int64).reshape(6, 28, 28).astype(np.uint8)


def write_family(folder: Path, name: str, labels: bytes) -> None:
    for file in DATA_SETS[name].files:
        path = folder / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(idx_bytes(PICTURES) if "images" in file else labels)


def write_usps(folder: Path) -> None:
    """Two pictures of the digit 2 in each split."""
    line = "3 " + " ".join(f"{pixel}:{-1 + pixel / 128:.6f}" for pixel in range(1, 257))
    for file in DATA_SETS["usps"].files:
        (folder / file).write_bytes(bz2.compress(f"{line}\n{line}\n".encode()))


def write_svhn(folder: Path, monkeypatch: pytest.MonkeyPatch) -> np.ndarray[Any, np.dtype[np.uint8]]:
    """Two pictures in each split, of a 0 and of a 4; returns their pixels (32, 32, 3, 2)."""
    from torchvision.datasets import SVHN

    pixels = np.arange(32 * 32 * 3 * 2, dtype=np.int64).reshape(32, 32, 3, 2).astype(np.uint8)
    digests = {}
    for part in ("train", "test"):
        path = folder / f"{part}_32x32.mat"
        savemat(path, {"X": pixels, "y": np.array([[10], [4]])})
        digests[part] = hashlib.md5(path.read_bytes()).hexdigest()
    monkeypatch.setattr(SVHN, "split_list", {part: ["", f"{part}_32x32.mat", digests[part]] for part in digests})
    return pixels


@pytest.mark.parametrize("name", idx.NAMES)
def test_every_member_of_the_mnist_family_is_read_with_its_own_classes(tmp_path: Path, name: str) -> None:
    first = 1 if name == "emnist-letters" else 0
    classes = np.array([0, 1, 2, 3, 4, len(idx.CLASS_NAMES[name]) - 1], np.uint8)
    labels = idx_bytes(classes + np.uint8(first))
    if name == "qmnist":  # eight columns of 32 bits, the class first
        table = np.zeros((6, 8), ">i4")
        table[:, 0] = classes
        labels = bytes([0, 0, 12, 2]) + np.array(table.shape, dtype=">u4").tobytes() + table.tobytes()
    write_family(tmp_path, name, labels)
    source = read_source(name, tmp_path)
    assert source.train.targets.tolist() == classes.tolist()
    assert np.array_equal(source.train.inputs.numpy(), PICTURES.reshape(6, -1))
    assert len(set(source.class_names)) == len(source.class_names)


def test_our_file_names_are_torchvisions(tmp_path: Path) -> None:
    from torchvision import datasets

    for name, kind, options in [
        ("mnist", datasets.MNIST, {}),
        ("fashion_mnist", datasets.FashionMNIST, {}),
        ("kmnist", datasets.KMNIST, {}),
        ("qmnist", datasets.QMNIST, {}),
        ("emnist", datasets.EMNIST, {"split": "balanced"}),
        ("emnist-letters", datasets.EMNIST, {"split": "letters"}),
    ]:
        classes = np.zeros(6, np.uint8)
        table = bytes([0, 0, 12, 2]) + np.array((6, 8), dtype=">u4").tobytes() + bytes(6 * 8 * 4)
        write_family(tmp_path, name, table if name == "qmnist" else idx_bytes(classes))
        for train in (True, False):
            assert len(kind(str(tmp_path), train=train, download=False, **options)) == 6


def test_usps_is_read(tmp_path: Path) -> None:
    write_usps(tmp_path)
    source = read_source("usps", tmp_path)
    assert source.train.inputs.shape == (2, 256)
    assert source.train.targets.tolist() == [2, 2]  # its labels count from 1
    assert source.class_names[2] == "2"


def test_svhn_is_read_channel_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pixels = write_svhn(tmp_path, monkeypatch)
    source = read_source("svhn", tmp_path)
    assert source.train.targets.tolist() == [0, 4]  # the digit 0 is labelled 10
    assert np.array_equal(source.train.inputs.numpy(), pixels.transpose(3, 2, 0, 1).reshape(2, -1))
    assert source.channels == 3
