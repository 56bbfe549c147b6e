"""Data sources against facts known from elsewhere, and every way in which files can be wrong."""

from __future__ import annotations

import functools
import gzip
import hashlib
import http.server
import pickle
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from hypothesis import example, given
from hypothesis import strategies as st

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import Data
from tui_trainer.engine.data import idx, load, vision
from tui_trainer.engine.data.dataset import Samples, Source
from tui_trainer.engine.data.prepare import measure, read_source, split_off
from tui_trainer.errors import InputError
from tui_trainer.sections import Training


def idx_bytes(array: np.ndarray) -> bytes:
    return bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes() + array.tobytes()


def write_mnist(folder: Path, samples: int = 40, *, zipped: bool = False) -> None:
    """Made-up pictures in MNIST's files: class k is a bright row k."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    labels = (np.arange(samples) % 10).astype(np.uint8)
    images = np.zeros((samples, 28, 28), np.uint8)
    images[np.arange(samples), labels] = 255
    for part in ("train", "t10k"):
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            path = raw / f"{part}-{kind}-ubyte"
            if zipped:
                path.with_name(path.name + ".gz").write_bytes(gzip.compress(idx_bytes(array)))
            else:
                path.write_bytes(idx_bytes(array))


@pytest.mark.parametrize(
    ("name", "samples", "features", "outputs"),
    [
        ("digits", 1797, 64, 10),
        ("iris", 150, 4, 3),
        ("wine", 178, 13, 3),
        ("breast_cancer", 569, 30, 2),
        ("diabetes", 442, 10, 1),
    ],
)
def test_embedded_sets_are_whole_and_split_without_loss(name: str, samples: int, features: int, outputs: int) -> None:
    data = load(RunConfig(data=Data(name=name)))
    assert data.validation is not None
    assert len(data.train) + len(data.validation) + len(data.test) == samples
    assert (data.inputs, data.outputs) == (features, outputs)


def test_mnist_is_mnist(data_dir: Path) -> None:
    source = read_source("mnist", data_dir)
    assert source.test is not None
    assert torch.bincount(source.train.targets).tolist() == [5923, 6742, 5958, 6131, 5842, 5421, 5918, 6265, 5851, 5949]
    assert torch.bincount(source.test.targets).tolist() == [980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009]
    assert source.train.inputs.dtype == torch.uint8
    data = load(RunConfig(data=Data(name="mnist", dir=str(data_dir), normalize="standard", validation=0)))
    shift, spread = data.scaling.shift / 255, data.scaling.spread / 255
    assert (round(shift.item(), 4), round(spread.item(), 4)) == (0.1307, 0.3081)  # the figures everybody quotes


def test_mnist_agrees_with_torchvision(data_dir: Path) -> None:
    from torchvision.datasets import MNIST

    theirs, ours = MNIST(str(data_dir), train=False), read_source("mnist", data_dir).test
    assert ours is not None
    assert torch.equal(theirs.data.flatten(1), ours.inputs)
    assert torch.equal(theirs.targets, ours.targets)


def test_splits_are_stratified_seeded_and_the_test_split_is_no_matter_of_the_seed() -> None:
    first, again, other = (
        load(RunConfig(data=Data(validation=0.2), training=Training(seed=seed))) for seed in (1, 1, 2)
    )
    assert first.validation is not None
    assert other.validation is not None
    assert first.fingerprint == again.fingerprint != other.fingerprint
    assert torch.equal(first.test.inputs, other.test.inputs)
    shares = torch.bincount(first.validation.targets) / torch.bincount(first.train.targets)
    assert shares.max() / shares.min() < 1.15


def test_scaling_comes_from_the_training_split_alone() -> None:
    inputs = torch.tensor([[1.0, 5.0, 7.0], [3.0, 5.0, 9.0]])
    train, source = Samples(inputs, torch.tensor([[1.0], [5.0]])), Source("values", Samples(inputs, inputs), None, ())
    standard = measure(Data(normalize="standard"), source, train)
    assert standard.shift.tolist() == [2, 5, 8]
    assert standard.spread.tolist() == [1, 1, 1]  # the constant column stays 0 and does no harm
    assert (standard.target_shift.item(), standard.target_spread.item()) == (3.0, 2.0)
    unit = measure(Data(normalize="unit", target_scaling="none"), source, train)
    assert ((inputs - unit.shift) / unit.spread).tolist() == [[0, 0, 0], [1, 0, 1]]
    assert (unit.target_shift.item(), unit.target_spread.item()) == (0.0, 1.0)


def test_pictures_are_scaled_by_channel_and_by_their_full_scale() -> None:
    pixels = torch.cat([torch.full((5, 4), 10), torch.full((5, 4), 200)], 1).to(torch.uint8)
    pixels[0] += 50
    source = Source("classes", Samples(pixels, torch.zeros(5)), None, ("a",), full_scale=255, channels=2)
    scaling = measure(Data(normalize="standard"), source, source.train)
    scaled = (pixels.float() - scaling.shift) / scaling.spread
    for channel in scaled.chunk(2, 1):
        assert abs(channel.mean().item()) < 1e-5
        assert abs(channel.std(correction=0).item() - 1) < 1e-5
    spread = measure(Data(normalize="unit"), source, source.train).spread
    assert (spread.item(), spread.dtype) == (255, torch.float32)


def test_a_share_too_small_for_the_classes_is_refused() -> None:
    with pytest.raises(InputError, match=r"--validation 0\.001 cannot split"):
        load(RunConfig(data=Data(name="iris", validation=0.001)))


def test_split_off_keeps_every_sample_once() -> None:
    samples = Samples(torch.arange(50)[:, None].to(torch.uint8), torch.arange(50) % 2)
    stays, goes = split_off(samples, "classes", 0.3, 7, "--validation")
    assert sorted(torch.cat([stays.inputs, goes.inputs]).flatten().tolist()) == list(range(50))


@pytest.mark.parametrize("zipped", [False, True])
def test_files_in_torchvisions_layout_are_read_plain_or_zipped(tmp_path: Path, zipped: bool) -> None:
    write_mnist(tmp_path, zipped=zipped)
    data = load(RunConfig(data=Data(name="mnist", dir=str(tmp_path), validation=0)))
    assert torch.equal(data.train.inputs.reshape(-1, 28, 28)[:, :, 0].argmax(1), data.train.targets)


@pytest.mark.parametrize(
    ("file", "content", "said"),
    [
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((40, 28, 28), np.uint8))[:-1], "truncated: 31,375 bytes"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((40, 28, 28), np.uint8)) + b"x", "too long"),
        ("train-images-idx3-ubyte", b"\0\0\x08\x03\0\0", "truncated"),
        ("train-images-idx3-ubyte", b"<html>", "not an IDX file"),
        ("train-images-idx3-ubyte", b"", "not an IDX file"),
        ("train-images-idx3-ubyte", idx_bytes(np.zeros((40, 784), np.uint8)), "expected pictures of bytes"),
        ("train-labels-idx1-ubyte", idx_bytes(np.zeros(39, np.uint8)), "39 labels for 40 pictures"),
        ("train-labels-idx1-ubyte", idx_bytes(np.full(40, 10, np.uint8)), "label 10 found, expected 0 to 9"),
    ],
)
def test_a_damaged_file_is_named_with_what_is_wrong(tmp_path: Path, file: str, content: bytes, said: str) -> None:
    write_mnist(tmp_path)
    path = tmp_path / "MNIST" / "raw" / file
    path.write_bytes(content)
    with pytest.raises(InputError) as caught:
        load(RunConfig(data=Data(name="mnist", dir=str(tmp_path))))
    assert str(path) in str(caught.value)
    assert said in str(caught.value)


headers = st.builds(
    lambda dtype, sizes: bytes([0, 0, dtype, len(sizes)]) + b"".join(size.to_bytes(4, "big") for size in sizes),
    st.sampled_from([8, 9, 11, 12, 13]),
    st.lists(st.integers(0, 2**32 - 1) | st.integers(0, 4), max_size=4),
)


@example(bytes.fromhex("00000c04000000000000001212000000 1a000000"))  # sizes of 0 and of more than there can be
@given(st.binary(max_size=64) | st.tuples(headers, st.binary(max_size=64)).map(b"".join))
def test_any_bytes_are_an_array_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, content: bytes) -> None:
    path = tmp_path_factory.mktemp("idx") / "file"
    path.write_bytes(content)
    try:
        idx.read_array(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017


@pytest.fixture
def server(tmp_path: Path) -> Iterator[str]:
    """A real web server on this machine, in place of the data sets' own."""
    (tmp_path / "served").mkdir()
    handler = functools.partial(http.server.SimpleHTTPRequestHandler, directory=str(tmp_path / "served"))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as serving:
        thread = threading.Thread(target=serving.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{serving.server_port}/"
        serving.shutdown()
        thread.join()


def test_what_is_missing_is_downloaded(tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import MNIST

    write_mnist(tmp_path / "made", zipped=True)
    resources = []
    for file in (tmp_path / "made" / "MNIST" / "raw").iterdir():
        (tmp_path / "served" / file.name).write_bytes(file.read_bytes())
        resources.append((file.name, hashlib.md5(file.read_bytes()).hexdigest()))
    monkeypatch.setattr(MNIST, "mirrors", [server])
    monkeypatch.setattr(MNIST, "resources", resources)
    data = load(RunConfig(data=Data(name="mnist", dir=str(tmp_path / "data"), validation=0)))
    assert len(data.train) == 40


def test_without_an_answer_the_files_and_the_offline_way_are_named(
    tmp_path: Path, server: str, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from torchvision.datasets import MNIST

    monkeypatch.setattr(MNIST, "mirrors", [server, "http://127.0.0.1:9/"])
    with pytest.raises(InputError) as caught:
        load(RunConfig(data=Data(name="mnist", dir=str(tmp_path / "data"))))
    said = str(caught.value)
    assert "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-images-idx3-ubyte" in said
    assert str(tmp_path / "data" / "MNIST" / "raw") in said
    assert "--data digits, which works offline" in said
    assert not (tmp_path / "data").exists()
    assert capsys.readouterr().out == ""


def test_a_torchvision_that_does_not_fit_is_named_and_mnist_works_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    class Unfit:
        def find_spec(self, name: str, *_: object) -> None:
            if name.startswith("torchvision"):
                raise RuntimeError("operator torchvision::nms does not exist")

    for name in [name for name in sys.modules if name.startswith("torchvision")]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setattr(sys, "meta_path", [Unfit(), *sys.meta_path])
    write_mnist(tmp_path)
    assert len(load(RunConfig(data=Data(name="mnist", dir=str(tmp_path), validation=0))).train) == 40
    with pytest.raises(
        InputError, match=r"torchvision .* cannot be imported beside torch .* reinstall it with `pip install"
    ):
        load(RunConfig(data=Data(name="kmnist", dir=str(tmp_path))))


def test_cifar_is_read_channel_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from torchvision.datasets import CIFAR10

    folder = tmp_path / "cifar-10-batches-py"
    folder.mkdir()
    pixels = np.arange(2 * 3072, dtype=np.int64).reshape(2, 3072).astype(np.uint8)
    for name, content in [
        ("batch", {"data": pixels, "labels": [3, 9]}),
        ("batches.meta", {"label_names": [f"class{n}" for n in range(10)]}),
    ]:
        (folder / name).write_bytes(pickle.dumps(content))
    digest = {path.name: hashlib.md5(path.read_bytes()).hexdigest() for path in folder.iterdir()}
    for which in ("train_list", "test_list"):
        monkeypatch.setattr(CIFAR10, which, [["batch", digest["batch"]]])
    monkeypatch.setattr(
        CIFAR10, "meta", {"filename": "batches.meta", "key": "label_names", "md5": digest["batches.meta"]}
    )
    source = read_source("cifar10", tmp_path)
    assert np.array_equal(source.train.inputs.numpy(), pixels)
    assert (source.train.targets.tolist(), source.channels, source.class_names[3]) == ([3, 9], 3, "class3")
    (folder / "batch").write_bytes(b"damaged")
    with pytest.raises(InputError, match="cifar10: cannot be read"):
        vision.read("cifar10", tmp_path)
