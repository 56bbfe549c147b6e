"""torchvision: downloads for the whole family, and the readers of CIFAR, SVHN and USPS."""

from __future__ import annotations

import contextlib
import importlib
import io
import re
import socket
from collections.abc import Iterator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch

from tui_trainer.data_sets import DATA_SETS
from tui_trainer.engine.data import idx
from tui_trainer.engine.data.dataset import Samples, Source
from tui_trainer.errors import InputError

SECONDS_WITHOUT_AN_ANSWER = 15
CLASSES = {
    "mnist": "MNIST", "fashion_mnist": "FashionMNIST", "kmnist": "KMNIST", "qmnist": "QMNIST",
    "emnist": "EMNIST", "emnist-letters": "EMNIST", "emnist-digits": "EMNIST", "emnist-byclass": "EMNIST",
    "emnist-bymerge": "EMNIST", "usps": "USPS", "cifar10": "CIFAR10", "cifar100": "CIFAR100", "svhn": "SVHN",
}  # fmt: skip
SPLIT_OF_EMNIST = {"emnist": "balanced"}


def missing(name: str, data_dir: Path) -> list[Path]:
    """The files or folders of a data set that are not there."""
    return [path for file in DATA_SETS[name].files if not (path := data_dir / file).exists()]


def read(name: str, data_dir: Path) -> Source:
    """CIFAR10, CIFAR100, SVHN or USPS whose files are all there. Raises InputError for a damaged one."""
    try:
        train, test = (_open(name, data_dir, part, download=False) for part in ("train", "test"))
    except InputError:
        raise
    except Exception as error:  # torchvision and the formats below it raise whatever they meet
        files = ", ".join(str(data_dir / file) for file in DATA_SETS[name].files)
        raise InputError(
            f"{name}: cannot be read ({_one_line(error)}); delete {files} and it is downloaded again, or copy it anew"
        ) from None
    names = tuple(getattr(train, "classes", ())) or tuple("0123456789")
    channels = 3 if np.asarray(train.data).ndim == 4 else 1
    return Source("classes", _samples(train), _samples(test), names, full_scale=255, channels=channels)


def download(name: str, data_dir: Path) -> None:
    """Fetch a data set into torchvision's layout, with torchvision's progress bar on standard error.

    Raises InputError that says which files to put where; leaves no empty folder behind.
    """
    before = [folder for folder in (data_dir, *data_dir.parents) if not folder.exists()]
    try:
        with _patient(), contextlib.redirect_stdout(io.StringIO()):  # torchvision prints its retries
            for part in ("train", "test"):
                _open(name, data_dir, part, download=True)
    except InputError:
        raise
    except Exception as error:
        _remove_empty(data_dir / CLASSES[name] / "raw", data_dir / CLASSES[name], *before)
        absent = idx.missing(name, data_dir) if name in idx.NAMES else missing(name, data_dir)
        names = ", ".join(path.name for path in absent)
        folder = absent[0].parent if absent else data_dir
        answers = re.findall(r"urlopen error (?:\[Errno -?\d+\] )?([^>]+)>", str(error))  # one per mirror
        reason = answers[-1] if answers else _one_line(error)
        raise InputError(
            f"{name} is not in {data_dir} and cannot be downloaded ({reason}). Put {names} into {folder}, "
            "name the right folder with --data-dir, or train on --data digits, which works offline"
        ) from None


def _open(name: str, root: Path, part: str, *, download: bool) -> Any:
    make = getattr(datasets(), CLASSES[name])
    if name == "svhn":
        return make(root, split=part, download=download)
    extra = {}
    if CLASSES[name] == "EMNIST":
        extra["split"] = SPLIT_OF_EMNIST.get(name, name.removeprefix("emnist-"))
    return make(root, train=part == "train", download=download, **extra)


def datasets() -> Any:
    """`torchvision.datasets`. Raises InputError naming the package to reinstall where it does not fit this torch."""
    try:
        return importlib.import_module("torchvision.datasets")
    except Exception as error:
        raise InputError(
            f"torchvision {_version('torchvision')} cannot be imported beside torch {_version('torch')} "
            f"({_one_line(error)}); reinstall it with `pip install --force-reinstall torchvision`, "
            "or use a data set that does not need it, such as --data digits"
        ) from None


def _samples(opened: Any) -> Samples:
    pictures = np.asarray(opened.data)
    if pictures.ndim == 4 and pictures.shape[-1] == 3:  # CIFAR: height, width, channel -> channel first, as SVHN
        pictures = pictures.transpose(0, 3, 1, 2)
    inputs = torch.from_numpy(np.ascontiguousarray(pictures.reshape(len(pictures), -1)))
    targets = np.asarray(opened.labels if hasattr(opened, "labels") else opened.targets)
    return Samples(inputs, torch.from_numpy(targets.astype(np.int64)))


@contextlib.contextmanager
def _patient() -> Iterator[None]:
    """A server that says nothing is given up, instead of holding the terminal for ever."""
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(SECONDS_WITHOUT_AN_ANSWER)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _remove_empty(*folders: Path) -> None:
    for folder in folders:
        with contextlib.suppress(OSError):
            folder.rmdir()


def _version(package: str) -> str:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return "(not installed)"


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200] or type(error).__name__
