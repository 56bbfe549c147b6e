"""Exported files: the same answers as the run's own net, with what another program needs to use them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import safetensors
import torch
from torch import Tensor

from tests.engine.repeating import exported, made, recorded
from tui_trainer import config_file
from tui_trainer.engine import checkpoint
from tui_trainer.engine.export import formats
from tui_trainer.engine.export.answering import Restored
from tui_trainer.engine.export.checking import Rows, difference, rows_for
from tui_trainer.engine.predict import Predictor
from tui_trainer.errors import DamagedCheckpointError, InputError
from tui_trainer.export_plan import Format
from tui_trainer.knobs import changed
from tui_trainer.run_dir import RunDir

NETS: list[tuple[str, dict[str, Any]]] = [
    ("digits", {"activation": "gelu", "normalization": "batch", "dropout": 0.2}),
    ("digits", {"activation": "scaled_tanh", "normalize": "unit", "loss": "mse"}),
    ("classes", {"activation": "leaky_relu", "normalization": "layer", "embedded": True}),
    ("binary", {"activation": "elu", "loss": "binary_cross_entropy"}),
    ("labels", {"activation": "selu", "ema": 0.9}),
    ("several", {"activation": "silu", "hidden": "16,8"}),
    ("values", {"activation": "tanh", "hidden": "16", "embedded": True}),
    ("values", {"activation": "sigmoid", "normalize": "none", "target_scaling": "none"}),
]
FAST = NETS[2]  # the whole matrix takes a minute: torch's exporters take seconds a net


@pytest.fixture
def restored(tmp_path: Path, request: pytest.FixtureRequest) -> tuple[RunDir, Restored, Tensor]:
    """A run of two epochs, its net from the checkpoint alone, and raw test rows."""
    task, values = request.param
    of = made(task, epochs=2, **values)
    here, _ = recorded(tmp_path / "run", of)
    found = checkpoint.find(here.checkpoints).last
    assert found is not None
    return here, Restored(found), of.data.test.inputs[:50]


def expected(of: Restored, rows: Tensor) -> Tensor:
    """By the way that `predict` goes."""
    predictor = Predictor(of.checkpoint, torch.device("cpu"))
    outputs = predictor.outputs(rows)
    match of.facts.task:
        case "classes":
            return predictor.meaning.chances(outputs)[1]
        case "labels":
            return outputs.sigmoid()
    return predictor.meaning.values(outputs).float()


def check(restored: tuple[RunDir, Restored, Tensor], kind: str) -> None:
    _, of, rows = restored
    rows = rows.to(of.dtype)
    if kind == "onnx":
        pytest.importorskip("onnxruntime")
        data = formats.as_onnx(of, {"run": "it"}, rows)
        answer = formats.answers_of_onnx(data)
    else:
        data = formats.as_torch_export(of, {"run": "it"}, rows)
        answer = formats.answers_of_torch_export(data)
    for some in (rows, rows[:7], rows[:1]):  # any number of rows
        wanted = expected(of, some)
        assert answer(some).shape == wanted.shape
        assert torch.allclose(answer(some), wanted, rtol=1e-5, atol=1e-5)


@pytest.mark.parametrize("kind", ["onnx", "torch-export"])
@pytest.mark.parametrize("restored", [FAST], indirect=True, ids=str)
def test_an_exported_net_answers_as_predict_does(restored: tuple[RunDir, Restored, Tensor], kind: str) -> None:
    check(restored, kind)


@pytest.mark.slow
@pytest.mark.parametrize("kind", ["onnx", "torch-export"])
@pytest.mark.parametrize("restored", [net for net in NETS if net is not FAST], indirect=True, ids=str)
def test_every_kind_of_net_answers_as_predict_does(restored: tuple[RunDir, Restored, Tensor], kind: str) -> None:
    check(restored, kind)


@pytest.mark.parametrize("restored", [NETS[3]], indirect=True, ids=str)
def test_safetensors_hold_the_weights_and_say_what_they_mean(
    restored: tuple[RunDir, Restored, Tensor], tmp_path: Path
) -> None:
    here, of, _ = restored
    exported(here, "safetensors", tmp_path / "it.safetensors")
    with safetensors.safe_open(tmp_path / "it.safetensors", "pt") as file:
        facts = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}  # noqa: SIM118
    assert all(torch.equal(tensors[name], tensor) for name, tensor in of.checkpoint.weights.items())
    assert tensors["linear1.weight"].shape == (128, 12)
    assert json.loads(facts["output_names"]) == ["kind 0", "kind 1"]
    assert json.loads(facts["architecture"])["activation"] == "elu"
    assert json.loads(facts["input"]) == {
        "features": 12, "dtype": "float32", "what": "the numbers of a sample as its file has them"
    }  # fmt: skip


def test_onnx_says_what_it_takes_and_gives(tmp_path: Path) -> None:
    onnxruntime = pytest.importorskip("onnxruntime")
    of = made(epochs=2, normalize="unit")
    here, _ = recorded(tmp_path / "run", of)
    said = exported(here, "onnx", tmp_path / "it.onnx")
    assert said[1].startswith("onnxruntime and PyTorch differ by")
    assert said[1].endswith("over 256 samples of the test split")
    session = onnxruntime.InferenceSession(tmp_path / "it.onnx")
    facts = session.get_modelmeta().custom_metadata_map
    assert json.loads(facts["output_names"]) == [str(digit) for digit in range(10)]
    assert (facts["run"], facts["task"]) == ("run", "classes")
    assert json.loads(facts["input"])["what"] == (
        "pixels of pictures 1 x 8 x 8, row by row from the top, 0 is black, 16 is white"
    )
    rows = of.data.test.inputs.numpy()
    assert rows.dtype == np.uint8  # as the data set has them
    (shares,) = session.run(["probabilities"], {"inputs": rows})
    assert (shares.argmax(1) == of.data.test.targets.numpy()).mean() > 0.8
    assert list(tmp_path.glob("*.onnx*")) == [tmp_path / "it.onnx"]


FORMATS: tuple[Format, ...] = ("safetensors", "onnx", "torch-export", "python")


@pytest.mark.parametrize("to", FORMATS)
def test_without_a_checkpoint_nothing_is_exported(tmp_path: Path, to: Format) -> None:
    (tmp_path / "run").mkdir()
    with pytest.raises(InputError, match="no good checkpoint yet; train it first"):
        exported(RunDir(tmp_path / "run"), to, tmp_path / "it")


@pytest.mark.parametrize("restored", [NETS[3]], indirect=True, ids=str)
def test_a_damaged_checkpoint_is_a_sentence(restored: tuple[RunDir, Restored, Tensor], tmp_path: Path) -> None:
    here, of, _ = restored
    weights = {**of.checkpoint.weights, "output.bias": torch.zeros(3)}
    for kind in ("last", "best"):
        facts = {name: value for name, value in of.checkpoint.facts.items() if name not in ("kind", "sha256", "format")}
        damaged = checkpoint.Checkpoint(kind, facts, weights, preprocessing=of.saved)
        checkpoint.write(here.checkpoints, damaged)
    with pytest.raises(DamagedCheckpointError, match=r"output\.bias is 3 of float32"):
        exported(here, "safetensors", tmp_path / "it")
    assert not (tmp_path / "it").exists()


@pytest.mark.parametrize("restored", [NETS[3]], indirect=True, ids=str)
def test_a_net_that_answers_otherwise_is_refused(restored: tuple[RunDir, Restored, Tensor]) -> None:
    _, of, rows = restored
    for wrong in (
        lambda rows: of.net(rows) + 1e-4,
        lambda rows: of.net(rows) * torch.nan,
        lambda rows: of.net(rows)[:3],
    ):
        with pytest.raises((InputError, RuntimeError)):
            difference(of, Rows(rows, "samples"), wrong, "it")


@pytest.mark.parametrize("restored", [FAST], indirect=True, ids=str)
def test_a_place_of_the_data_that_was_named_has_to_have_them(restored: tuple[RunDir, Restored, Tensor]) -> None:
    here, of, _ = restored
    config = changed(config_file.load(here.config), {"data": "mnist", "data_dir": str(here.path)})
    here.config.write_text(config_file.to_toml(config))
    assert "at random" in rows_for(here, of, None).where
    with pytest.raises(InputError, match="mnist is not in "):
        rows_for(here, of, str(here.path))
