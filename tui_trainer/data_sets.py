"""The data sets known by name: what they are and what the reader needs to find or fetch them."""

from __future__ import annotations

from typing import Literal, NamedTuple

Task = Literal["classes", "values", "labels"]


class KnownDataSet(NamedTuple):
    """One line of the catalogue. `files` are relative to `--data-dir`, in torchvision's own layout."""

    sentence: str
    task: Task = "classes"
    files: tuple[str, ...] = ()


def _idx_files(folder: str, prefix: str = "", test: str = "t10k") -> tuple[str, ...]:
    return tuple(
        f"{folder}/raw/{prefix}{part}-{kind}-ubyte"
        for part in ("train", test)
        for kind in ("images-idx3", "labels-idx1")
    )


def _emnist(split: str) -> tuple[str, ...]:
    return _idx_files("EMNIST", f"emnist-{split}-", "test")


DATA_SETS: dict[str, KnownDataSet] = {
    "digits": KnownDataSet("1,797 scans of handwritten digits, 8x8 pixels, 10 classes; embedded, needs no network"),
    "iris": KnownDataSet("150 flowers, 4 measurements, 3 species; embedded"),
    "wine": KnownDataSet("178 wines, 13 chemical measurements, 3 cultivars; embedded"),
    "breast_cancer": KnownDataSet("569 tumours, 30 measurements, benign or malignant; embedded"),
    "diabetes": KnownDataSet("442 patients, 10 measurements, a disease score to predict; embedded", "values"),
    "mnist": KnownDataSet("70,000 handwritten digits, 28x28 pixels, 10 classes", files=_idx_files("MNIST")),
    "fashion_mnist": KnownDataSet("70,000 articles of clothing, 28x28, 10 classes", files=_idx_files("FashionMNIST")),
    "kmnist": KnownDataSet("70,000 cursive Japanese characters, 28x28, 10 classes", files=_idx_files("KMNIST")),
    "qmnist": KnownDataSet(
        "120,000 handwritten digits, 28x28: MNIST with its 60,000 test digits recovered",
        files=tuple(
            f"QMNIST/raw/qmnist-{part}-{kind}"
            for part in ("train", "test")
            for kind in ("images-idx3-ubyte", "labels-idx2-int")
        ),
    ),
    "emnist": KnownDataSet("131,600 letters and digits, 28x28, 47 balanced classes", files=_emnist("balanced")),
    "emnist-letters": KnownDataSet("145,600 letters, 28x28, 26 classes", files=_emnist("letters")),
    "emnist-digits": KnownDataSet("280,000 digits, 28x28, 10 classes", files=_emnist("digits")),
    "emnist-byclass": KnownDataSet("814,255 letters and digits, 28x28, 62 classes", files=_emnist("byclass")),
    "emnist-bymerge": KnownDataSet("814,255 letters and digits, 28x28, 47 classes", files=_emnist("bymerge")),
    "usps": KnownDataSet("9,298 postal digits, 16x16, 10 classes", files=("usps.bz2", "usps.t.bz2")),
    "cifar10": KnownDataSet("60,000 colour pictures, 32x32, 10 classes", files=("cifar-10-batches-py",)),
    "cifar100": KnownDataSet("60,000 colour pictures, 32x32, 100 classes", files=("cifar-100-python",)),
    "svhn": KnownDataSet(
        "99,289 house numbers in colour, 32x32, 10 classes", files=("train_32x32.mat", "test_32x32.mat")
    ),
}
"""By the name that `--data` takes."""
