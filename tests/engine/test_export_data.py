"""The lines of an exported program that read torchvision's data sets: the samples are those of the run."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from tests.engine.test_data import idx_bytes
from tests.engine.test_data_formats import write_family, write_svhn, write_usps
from tui_trainer.engine.data import idx
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.data.prepare import measure, read_source
from tui_trainer.engine.export.program import Story, program_of
from tui_trainer.knobs import build


def parts_of(name: str, folder: Path, **values: Any) -> tuple[DataSet, dict[str, Any]]:
    """The data of a run without validation, and what the program's first lines make of the same files."""
    config = build({"data": name, "data_dir": str(folder), "validation": 0, **values})
    source = read_source(name, folder)
    assert source.test is not None
    scaling = measure(config.data, source, source.train)
    data = DataSet(name, "classes", source.train, None, source.test, source.class_names, scaling)
    text = program_of(Story("it", config, data)).partition("# Net")[0]
    scope: dict[str, Any] = {"__name__": "__main__"}
    exec(compile(text, "it.py", "exec"), scope)
    return data, scope


def check(data: DataSet, scope: dict[str, Any]) -> None:
    for part, samples in (("train", data.train), ("test", data.test)):
        scaled = (samples.inputs.float() - data.scaling.shift) / data.scaling.spread
        assert torch.equal(scope[f"{part}_inputs"], scaled)
        assert torch.equal(scope[f"{part}_targets"], samples.targets)
        assert scope[f"{part}_targets"].dtype == torch.int64


@pytest.mark.parametrize("name", idx.NAMES)
@pytest.mark.parametrize("normalize", ["unit", "standard", "none"])
def test_every_member_of_the_mnist_family(tmp_path: Path, name: str, normalize: str) -> None:
    classes = np.array([0, 1, 2, 3, 4, len(idx.CLASS_NAMES[name]) - 1], np.uint8)
    labels = idx_bytes(classes + np.uint8(1 if name == "emnist-letters" else 0))
    if name == "qmnist":
        table = np.zeros((6, 8), ">i4")
        table[:, 0] = classes
        labels = bytes([0, 0, 12, 2]) + np.array(table.shape, dtype=">u4").tobytes() + table.tobytes()
    write_family(tmp_path, name, labels)
    check(*parts_of(name, tmp_path, normalize=normalize))


def test_usps(tmp_path: Path) -> None:
    write_usps(tmp_path)
    check(*parts_of("usps", tmp_path))


def test_svhn(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_svhn(tmp_path, monkeypatch)
    check(*parts_of("svhn", tmp_path, normalize="unit"))
