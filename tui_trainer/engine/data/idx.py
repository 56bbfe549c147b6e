"""The MNIST family: IDX files in torchvision's layout, read without torchvision.

torchvision's import costs twice torch's own and fails where the two do not fit; these files need neither. Format:
http://yann.lecun.com/exdb/mnist (two zero bytes, a type byte, the number of dimensions, big-endian sizes, the data).
"""

from __future__ import annotations

import gzip
import math
import string
import zlib
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tui_trainer.data_sets import DATA_SETS
from tui_trainer.engine.data.dataset import Samples, Source
from tui_trainer.errors import InputError

DTYPES: dict[int, np.dtype[Any]] = {
    0x08: np.dtype("u1"),
    0x09: np.dtype("i1"),
    0x0B: np.dtype(">i2"),
    0x0C: np.dtype(">i4"),
}
DIGITS = tuple(string.digits)
MERGED = tuple(string.digits + string.ascii_uppercase + "abdefghnqrt")
CLASS_NAMES: dict[str, tuple[str, ...]] = {
    "mnist": DIGITS,
    "qmnist": DIGITS,
    "fashion_mnist": (
        "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat", "Sandal", "Shirt", "Sneaker", "Bag", "Ankle boot"
    ),
    "kmnist": ("o", "ki", "su", "tsu", "na", "ha", "ma", "ya", "re", "wo"),
    "emnist": MERGED,
    "emnist-bymerge": MERGED,
    "emnist-byclass": tuple(string.digits + string.ascii_uppercase + string.ascii_lowercase),
    "emnist-letters": tuple(string.ascii_lowercase),
    "emnist-digits": DIGITS,
}  # fmt: skip
NAMES = tuple(CLASS_NAMES)


def missing(name: str, data_dir: Path) -> list[Path]:
    """The files of a data set that are not there, plain or gzipped."""
    paths = [data_dir / file for file in DATA_SETS[name].files]
    return [path for path in paths if not path.is_file() and not _zipped(path).is_file()]


def read(name: str, data_dir: Path) -> Source:
    """A data set whose files are all there. Raises InputError naming a damaged file."""
    train_images, train_labels, test_images, test_labels = (data_dir / file for file in DATA_SETS[name].files)
    names = CLASS_NAMES[name]
    first = 1 if name == "emnist-letters" else 0  # its labels count from 1
    train = _pair(train_images, train_labels, names, first)
    return Source("classes", train, _pair(test_images, test_labels, names, first), names, full_scale=255, channels=1)


def _pair(images_path: Path, labels_path: Path, names: tuple[str, ...], first: int) -> Samples:
    images, labels = read_array(images_path), read_array(labels_path)
    labels = labels[:, 0] if labels.ndim == 2 else labels  # QMNIST keeps seven more facts beside the class
    if images.ndim != 3 or images.dtype != np.uint8:
        raise InputError(f"{images_path}: expected pictures of bytes (3 dimensions), found {images.ndim} dimensions")
    if len(images) != len(labels) or len(images) == 0:
        raise InputError(f"{labels_path}: {len(labels):,} labels for {len(images):,} pictures; download both again")
    classes = labels.astype(np.int64) - first
    if classes.min() < 0 or classes.max() >= len(names):
        raise InputError(f"{labels_path}: label {labels.max()} found, expected {first} to {first + len(names) - 1}")
    return Samples(torch.from_numpy(images.reshape(len(images), -1)), torch.from_numpy(classes))


def read_array(path: Path) -> np.ndarray:
    """One IDX file, plain or gzipped, as an array. Raises InputError saying what is wrong with it."""
    remedy = "delete it and it is downloaded again, or copy it anew"
    data = _bytes_of(path, remedy)
    if len(data) < 4 or data[:2] != b"\0\0" or data[2] not in DTYPES or not 1 <= data[3] <= 4:
        raise InputError(f"{path}: not an IDX file (it starts with {data[:4].hex(' ') or 'nothing'}); {remedy}")
    dtype, start = DTYPES[data[2]], 4 + 4 * data[3]
    if len(data) < start:
        raise InputError(f"{path}: truncated: {len(data):,} bytes end inside its header; {remedy}")
    shape = np.frombuffer(data[4:start], dtype=">u4").tolist()
    promised = start + dtype.itemsize * math.prod(shape)
    if len(data) != promised:
        found = "truncated" if len(data) < promised else "too long"
        raise InputError(f"{path}: {found}: {len(data):,} bytes where its header promises {promised:,}; {remedy}")
    try:
        array: np.ndarray = np.frombuffer(data, dtype=dtype, offset=start).reshape(shape)
    except ValueError:  # one size is 0, and the others are more than there can be
        raise InputError(f"{path}: sizes of {shape} in its header cannot be; {remedy}") from None
    return array


def _bytes_of(path: Path, remedy: str) -> bytearray:
    """A bytearray, so that torch gets writable memory without another copy."""
    try:
        if path.is_file():
            data = bytearray(path.stat().st_size)
            with path.open("rb") as file:
                del data[file.readinto(data) :]
            return data
        with gzip.open(_zipped(path)) as file:
            return bytearray(file.read())
    except (OSError, EOFError, zlib.error) as error:
        raise InputError(f"{path}: cannot be read: {error}; {remedy}") from None


def _zipped(path: Path) -> Path:
    return path.with_name(path.name + ".gz")
