"""Encodings: kept without pickle, found again, and reading new files as the training files were read."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from safetensors.torch import load as load_tensors
from safetensors.torch import save as save_tensors
from sklearn.datasets import load_digits, load_iris

from tests.engine.media import some_pictures, some_recordings, tone, write_pictures, write_wav
from tui_trainer.engine.data import load
from tui_trainer.engine.data.dataset import Samples, Source
from tui_trainer.engine.data.encoding import Encoding, Saved
from tui_trainer.engine.data.encodings import of_known, restored
from tui_trainer.engine.data.images import Pictures
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.data.preprocessing import preprocessing_of
from tui_trainer.errors import InputError
from tui_trainer.knobs import build


def _through_a_checkpoint(saved: Saved | None) -> Encoding:
    assert saved is not None
    return restored(Saved(json.loads(json.dumps(saved.facts)), load_tensors(save_tensors(saved.tensors))))


def _trained_on(path: Path, **values: object) -> Encoding:
    data = load(build({"data": str(path), "validation": 0, **values}))
    again = _through_a_checkpoint(preprocessing_of(data))
    assert again == data.encoding
    return again


def test_new_pictures_are_read_in_batches_by_their_names(tmp_path: Path) -> None:
    some_pictures(tmp_path / "known")
    encoding = _trained_on(tmp_path / "known", image_size=8)
    pixels = np.random.default_rng(5).integers(0, 256, (5, 8, 8), dtype=np.uint8)
    write_pictures(tmp_path / "new", pixels, np.array(["b", "a", "a", "b", "a"]))
    rows = list(encoding.batches(tmp_path / "new", 2))
    assert [some.names for some in rows] == [
        ["a/00001.png", "a/00002.png"],
        ["a/00004.png", "b/00000.png"],
        ["b/00003.png"],
    ]
    wanted = torch.from_numpy(pixels[[1, 2, 4, 0, 3]].reshape(5, 64))
    assert torch.equal(torch.cat([some.inputs for some in rows]), wanted)
    (one,) = encoding.batches(tmp_path / "new" / "b" / "00000.png", 2)
    assert one.names == ["00000.png"]
    assert torch.equal(one.inputs[0], wanted[3])


def test_pictures_are_read_no_further_than_they_are_asked_for(tmp_path: Path) -> None:
    pixels = some_pictures(tmp_path)
    (tmp_path / "dog" / "00011.png").write_bytes(b"x")
    rows = Pictures(8).batches(tmp_path, 6)
    assert torch.equal(next(rows).inputs, torch.from_numpy(pixels[::2].reshape(6, 64)))
    with pytest.raises(InputError, match=r"dog/00011\.png: cannot be read as a picture"):
        next(rows)


def test_new_recordings_are_read_as_the_known_ones(tmp_path: Path) -> None:
    some_recordings(tmp_path / "known")
    encoding = _trained_on(tmp_path / "known", speech_mels=16)
    (rows,) = encoding.batches(write_wav(tmp_path / "new.wav", tone(300)), 10)
    (known,) = encoding.batches(tmp_path / "known" / "low" / "0.wav", 10)
    assert torch.equal(rows.inputs, known.inputs)
    assert rows.names == ["new.wav"]


def test_what_is_not_there_to_predict_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="this run learned from pictures; name a file or a folder"):
        next(Pictures(8).batches(None, 1))
    with pytest.raises(InputError, match="no picture in it"):
        next(Pictures(8).batches(tmp_path, 1))
    (tmp_path / "a.csv").write_text("x\n1\n")
    with pytest.raises(InputError, match=r"a\.csv: cannot be read as a picture"):
        next(Pictures(8).batches(tmp_path / "a.csv", 1))


def test_a_run_on_iris_predicts_from_an_array(tmp_path: Path) -> None:
    encoding = _through_a_checkpoint(preprocessing_of(load(build({"data": "iris"}))))
    flowers = load_iris().data
    np.save(tmp_path / "flowers.npy", flowers)
    rows = torch.cat([some.inputs for some in encoding.batches(tmp_path / "flowers.npy", 40)])
    assert torch.equal(rows, torch.from_numpy(flowers.astype(np.float32)))


def test_a_run_on_the_digits_predicts_from_pictures(tmp_path: Path) -> None:
    encoding = _through_a_checkpoint(preprocessing_of(load(build({"data": "digits"}))))
    scans = load_digits().images[:20]
    write_pictures(tmp_path, np.rint(scans * 255 / 16).astype(np.uint8), np.array(["all"] * 20))
    (rows,) = encoding.batches(tmp_path, 40)
    assert torch.equal(rows.inputs, torch.from_numpy(scans.astype(np.uint8).reshape(20, 64)))


def test_a_run_on_mnist_predicts_from_pictures(data_dir: Path, tmp_path: Path) -> None:
    data = load(build({"data": "mnist", "data_dir": str(data_dir)}))
    encoding = _through_a_checkpoint(preprocessing_of(data))
    pixels = data.test.inputs[:10]
    write_pictures(tmp_path, pixels.reshape(-1, 28, 28).numpy(), np.array(["all"] * 10))
    (rows,) = encoding.batches(tmp_path, 40)
    assert torch.equal(rows.inputs, pixels)


@pytest.mark.parametrize(
    ("name", "channels", "features", "wanted"),
    [
        ("cifar10", 3, 3 * 32 * 32, Pictures(32, 3)),
        ("usps", 1, 256, Pictures(16)),
        ("emnist-letters", 1, 784, Pictures(28, transposed=True)),
    ],
)
def test_pictures_of_known_data_sets_have_their_size(name: str, channels: int, features: int, wanted: Pictures) -> None:
    samples = Samples(torch.zeros((1, features), dtype=torch.uint8), torch.zeros(1, dtype=torch.int64))
    assert of_known(name, Source("classes", samples, samples, ("a",), full_scale=255, channels=channels)) == wanted


def test_transposed_pictures_are_read_column_by_column(tmp_path: Path) -> None:
    pixels = np.arange(16, dtype=np.uint8).reshape(4, 4)
    Image.fromarray(pixels).save(tmp_path / "a.png")
    (rows,) = Pictures(4, transposed=True).batches(tmp_path, 1)
    assert rows.inputs[0].tolist() == pixels.T.reshape(-1).tolist()


def test_a_data_set_of_pictures_says_how_they_lie_in_their_rows(tmp_path: Path) -> None:
    assert load(build({"data": "digits"})).pictures == PictureShape(1, 8, 8, 16)
    assert load(build({"data": "iris"})).pictures is None
    some_pictures(tmp_path / "pets")
    pets = load(build({"data": str(tmp_path / "pets"), "validation": 0, "image_size": 6, "image_colour": "colour"}))
    assert pets.pictures == PictureShape(3, 6, 6, 255)
    some_recordings(tmp_path / "words")
    some_recordings(tmp_path / "words", 20)
    assert load(build({"data": str(tmp_path / "words"), "validation": 0})).pictures is None


@pytest.mark.parametrize(
    ("shape", "wanted"),
    [
        ((4, 6), PictureShape(1, 4, 6, 255)), ((1, 4, 6), PictureShape(1, 4, 6, 255)),
        ((4, 6, 1), PictureShape(1, 4, 6, 255)), ((3, 4, 6), PictureShape(3, 4, 6, 255)),
        ((4, 6, 3), None), ((24,), None), ((2, 3, 4, 6), None),
    ],
)  # fmt: skip
def test_arrays_of_bytes_are_pictures_by_their_shape(
    tmp_path: Path, shape: tuple[int, ...], wanted: PictureShape | None
) -> None:
    y = np.arange(40) % 2
    np.savez(tmp_path / "a.npz", x=np.zeros((40, *shape), np.uint8), y=y)
    assert load(build({"data": str(tmp_path / "a.npz")})).pictures == wanted
    np.savez(tmp_path / "a.npz", x=np.zeros((40, *shape), np.float32), y=y)
    assert load(build({"data": str(tmp_path / "a.npz")})).pictures is None


@pytest.mark.parametrize("is_transposed", [False, True])
def test_rows_stand_upright_and_lie_down_again(is_transposed: bool) -> None:
    pictures = torch.arange(2 * 3 * 4 * 6).reshape(2, 3, 4, 6)
    rows = (pictures.transpose(2, 3) if is_transposed else pictures).reshape(2, -1)
    shape = PictureShape(3, 4, 6, 255, is_transposed)
    assert torch.equal(shape.upright(rows), pictures)
    assert torch.equal(shape.in_rows(pictures), rows)


def test_an_encoding_of_another_version_is_refused() -> None:
    with pytest.raises(InputError, match="of the kind 'smell'"):
        restored(Saved({"encoding": "smell", "facts": {}}))
