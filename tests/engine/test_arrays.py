"""Files of arrays: every format and layout gives the same rows, and what cannot serve is named."""

from __future__ import annotations

import pickle
import zipfile
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from safetensors.numpy import save_file
from sklearn.datasets import load_digits, load_iris
from sklearn.model_selection import train_test_split
from sklearn.neighbors import KNeighborsClassifier

from tests.engine.media import every_row, inputs, opened
from tui_trainer.engine.data import load
from tui_trainer.engine.data.arrays import ArrayEncoding
from tui_trainer.errors import InputError
from tui_trainer.knobs import build

RANDOM = np.random.default_rng(0)
X = RANDOM.normal(size=(60, 3, 2))
Y = np.arange(60) % 3


def _npz(folder: Path, **arrays: Any) -> Path:
    np.savez(folder / "data.npz", **arrays)
    return folder / "data.npz"


def _npy(folder: Path) -> Path:
    np.save(folder / "X.npy", X)
    np.save(folder / "y.npy", Y)
    return folder / "X.npy"


def _pt(folder: Path) -> Path:
    torch.save({"inputs": torch.from_numpy(X), "labels": torch.from_numpy(Y)}, folder / "data.pt")
    return folder / "data.pt"


def _tuple(folder: Path) -> Path:
    torch.save((torch.from_numpy(X), torch.from_numpy(Y)), folder / "pair.pt")
    return folder / "pair.pt"


def _safetensors(folder: Path) -> Path:
    save_file({"features": X, "targets": Y}, folder / "data.safetensors")
    return folder / "data.safetensors"


def _compressed(folder: Path) -> Path:
    np.savez_compressed(folder / "small.npz", x=np.asfortranarray(X), y=Y)
    return folder / "small.npz"


@pytest.mark.parametrize(
    "write", [lambda folder: _npz(folder, x=X, y=Y), _compressed, _npy, _pt, _tuple, _safetensors],
    ids=["npz", "compressed", "npy", "pt", "tuple", "safetensors"],
)  # fmt: skip
def test_every_format_gives_the_same_rows(tmp_path: Path, write: Any) -> None:
    path = write(tmp_path)
    source = opened(path)
    assert source.task == "classes"
    assert source.class_names == ("0", "1", "2")
    assert source.targets.tolist() == Y.tolist()
    wanted = torch.from_numpy(X.reshape(60, 6).astype(np.float32))
    encoded = source.encode(every_row(source))
    assert torch.equal(encoded.inputs["train"], wanted)
    rows = list(encoded.encoding.batches(path, 7))
    assert [len(some.inputs) for some in rows] == [7] * 8 + [4]
    assert torch.equal(torch.cat([some.inputs for some in rows]), wanted)
    assert rows[1].names[0] == "8"


def test_parts_in_one_file_are_kept(tmp_path: Path) -> None:
    path = _npz(tmp_path, x_train=X[:40], y_train=Y[:40], X_test=X[40:], Y_test=Y[40:])
    source = opened(path)
    assert {part: rows.tolist() for part, rows in source.given.items()} == {
        "train": list(range(40)),
        "test": list(range(40, 60)),
    }
    assert source.place(41).endswith("array 'X_test', row 2")
    loaded = load(build({"data": str(path), "validation": 0}))
    assert torch.equal(loaded.test.inputs, torch.from_numpy(X[40:].reshape(20, 6).astype(np.float32)))


def test_a_second_file_is_the_test(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", x=X[:40], kind=Y[:40], note=Y[:40])
    np.savez(tmp_path / "b.npz", x=X[40:], kind=Y[40:], note=Y[40:])
    source = opened(tmp_path / "a.npz", test_data="b.npz", target="kind")
    assert source.given["test"].tolist() == list(range(40, 60))
    with pytest.raises(InputError, match="none is called y, targets or labels"):
        opened(tmp_path / "a.npz")


def test_targets_can_be_a_file_that_is_named(tmp_path: Path) -> None:
    np.save(tmp_path / "sensor.npy", X)
    np.save(tmp_path / "species.npy", np.array(["a", "b", "a"] * 20))
    assert opened(tmp_path / "sensor.npy", target="species.npy").class_names == ("a", "b")
    with pytest.raises(InputError, match=r"no file of targets such as y\.npy beside it"):
        opened(tmp_path / "sensor.npy")
    with pytest.raises(InputError, match=r"--target absent\.npy: no such file"):
        opened(tmp_path / "sensor.npy", target="absent.npy")


@pytest.mark.parametrize(
    ("targets", "asked", "task", "names", "shape"),
    [
        (Y * 10, "auto", "classes", ("0", "10", "20"), (60,)),
        (np.array([b"no", b"yes"] * 30), "auto", "classes", ("no", "yes"), (60,)),
        (Y == 1, "auto", "classes", ("False", "True"), (60,)),
        (Y[:, None], "auto", "classes", ("0", "1", "2"), (60,)),
        (np.eye(3)[Y], "auto", "classes", ("0", "1", "2"), (60,)),
        (np.eye(3)[Y], "labels", "labels", ("0", "1", "2"), (60, 3)),
        (np.minimum(1, np.eye(3)[Y] + np.eye(3)[::-1][Y]), "auto", "labels", ("0", "1", "2"), (60, 3)),
        (Y + 0.5, "auto", "values", (), (60, 1)),
        (X[:, :, 0], "auto", "values", (), (60, 3)),
        (Y + 0.0, "classes", "classes", ("0", "1", "2"), (60,)),
        (Y, "values", "values", (), (60, 1)),
        (np.arange(60), "auto", "values", (), (60, 1)),
        (np.arange(60), "classes", "classes", tuple(str(number) for number in range(60)), (60,)),
    ],
)  # fmt: skip
def test_targets_are_what_they_look_like_or_what_is_asked(
    tmp_path: Path, targets: np.ndarray, asked: str, task: str, names: tuple[str, ...], shape: tuple[int, ...]
) -> None:
    source = opened(_npz(tmp_path, x=X, y=targets), task=asked)
    assert (source.task, source.class_names, tuple(source.targets.shape)) == (task, names, shape)


def test_bytes_stay_bytes_and_pictures_of_bytes_share_one_scale(tmp_path: Path) -> None:
    digits = load_digits()
    path = _npz(tmp_path, images=digits.images.astype(np.uint8), y=digits.target)
    source = opened(path)
    encoded = source.encode(every_row(source))
    assert encoded.inputs["train"].dtype == torch.uint8
    assert encoded.shift.tolist() == pytest.approx([digits.images.mean()], rel=1e-6)
    flat = opened(_npz(tmp_path, x=digits.data.astype(np.uint8), y=digits.target))
    assert flat.encode(every_row(flat)).shift.tolist() == pytest.approx(digits.data.mean(axis=0).tolist(), rel=1e-6)


def test_nearest_neighbours_of_the_digits_are_those_of_scikit_learn(tmp_path: Path) -> None:
    digits = load_digits()
    path = _npz(tmp_path, x=digits.data, y=digits.target)
    read = inputs(opened(path)).numpy()
    train, test = train_test_split(np.arange(len(read)), random_state=0)
    nearest = KNeighborsClassifier(1).fit(read[train], digits.target[train])
    assert nearest.score(read[test], digits.target[test]) == pytest.approx(0.9911, abs=1e-4)


def test_only_training_rows_are_measured(tmp_path: Path) -> None:
    poisoned = X.copy()
    poisoned[40:] = 1e6
    source = opened(_npz(tmp_path, x_train=X[:40], y_train=Y[:40], x_test=poisoned[40:], y_test=Y[40:]))
    encoded = source.encode(source.given)
    assert encoded.shift.tolist() == pytest.approx(X[:40].reshape(40, 6).mean(axis=0).tolist(), abs=1e-6)


def _with(row: int, value: float) -> np.ndarray:
    bad = X.copy()
    bad[row, 1, 1] = value
    return bad


class _Opens:
    """What an unpickled file could do."""

    def __reduce__(self) -> Any:
        return (Path.touch, (Path("executed"),))


@pytest.mark.parametrize(
    ("arrays", "sentence"),
    [
        ({"x": _with(16, np.nan), "y": Y}, r"array 'x', row 17: number 4 of the row is nan"),
        ({"x": _with(3, -np.inf), "y": Y}, r"row 4: .* is -inf"),
        ({"x": _with(3, 1e300), "y": Y}, r"row 4: .* too large for float32"),
        ({"x": X, "y": np.where(Y == 1, np.nan, 1.5)}, r"array 'y', row 2: the target is infinite or no number"),
        ({"x": X, "y": np.where(np.arange(60) == 4, 1e300, 1.5)}, r"array 'y', row 5: the target 1e\+300 is too large"),
        ({"x": X, "y": np.full(60, 2.5)}, r"array 'y': the target is 2\.5 in all 60 rows"),
        ({"x": X, "y": Y[:59]}, r"array 'y': 59 targets for 60 rows"),
        ({"x": X, "y": Y * 0}, r"array 'y': only one class, '0'"),
        ({"x": X[:0], "y": Y[:0]}, r"array 'x': no rows"),
        ({"x": X[:1], "y": np.array([0.5])}, r"cannot split 1 samples"),
        ({"x": X}, r"none is called y"),
        ({"y": Y}, r"none is called x"),
        ({"x_train": X, "y_train": Y, "x_test": X}, r"array 'x_test' has no counterpart"),
        ({"x_train": X, "y_train": Y, "x_test": X[:, :2], "y_test": Y}, r"4 numbers a row where .* has 6"),
        ({"x": X.astype(str), "y": Y}, r"inputs of type <U\d+; expected numbers"),
        ({"x": X + 1j, "y": Y}, r"array 'x': holds complex128; expected numbers"),
        ({"x": X, "y": np.array([_Opens()] * 60)}, r"array 'y': holds Python objects, which are never unpickled"),
    ],
)  # fmt: skip
def test_arrays_that_cannot_serve_are_refused(tmp_path: Path, arrays: dict[str, Any], sentence: str) -> None:
    path = _npz(tmp_path, **arrays)
    with pytest.raises(InputError, match=sentence):
        load(build({"data": str(path)}))
    assert not Path("executed").exists()


@pytest.mark.parametrize("asked", ["values", "labels"])
def test_targets_that_do_not_fit_the_task_are_refused(tmp_path: Path, asked: str) -> None:
    targets: Any = np.array(["a", "b", "c"])[Y] if asked == "values" else Y
    with pytest.raises(
        InputError, match="--task values needs numbers" if asked == "values" else "row 3: 2 where labels"
    ):
        load(build({"data": str(_npz(tmp_path, x=X, y=targets)), "task": asked}))


@pytest.mark.parametrize("write", [lambda folder: _npz(folder, x=X, y=Y), _compressed, _npy, _pt, _safetensors])
@pytest.mark.parametrize("left", [0, 5, 100, -40])
def test_a_truncated_file_is_named(tmp_path: Path, write: Any, left: int) -> None:
    path = write(tmp_path)
    path.write_bytes(path.read_bytes()[:left])
    with pytest.raises(InputError, match=path.name):
        load(build({"data": str(path)}))


def test_a_damaged_piece_inside_a_zip_is_named(tmp_path: Path) -> None:
    path = _npz(tmp_path, x=X, y=Y)
    data = bytearray(path.read_bytes())
    data[1000] ^= 1  # the checksum does not fit any more
    path.write_bytes(data)
    with pytest.raises(InputError, match=r"data\.npz: cannot be read: it is truncated, damaged"):
        load(build({"data": str(path)}))


def test_nothing_in_a_pt_file_is_executed(tmp_path: Path) -> None:
    torch.save({"x": torch.from_numpy(X), "y": _Opens()}, tmp_path / "bad.pt")
    (tmp_path / "worse.pt").write_bytes(pickle.dumps(_Opens()))
    for name in ("bad.pt", "worse.pt"):
        with pytest.raises(InputError, match=rf"{name}: .* Python objects .* never unpickled"):
            opened(tmp_path / name)
    assert not Path("executed").exists()


def test_short_floats_are_read(tmp_path: Path) -> None:
    torch.save((torch.from_numpy(X).bfloat16(), torch.from_numpy(Y)), tmp_path / "a.pt")
    assert torch.equal(inputs(opened(tmp_path / "a.pt")), torch.from_numpy(X).bfloat16().float().reshape(60, 6))


def test_another_array_can_say_how_to_split(tmp_path: Path) -> None:
    source = opened(_npz(tmp_path, x=X, y=Y, patient=np.arange(60) // 4))
    assert source.column("patient").tolist() == (np.arange(60) // 4).tolist()
    for absent in ("doctor", "x"):
        with pytest.raises(InputError, match=f"no array '{absent}' with one value for each of 60 rows"):
            source.column(absent)
    with pytest.raises(InputError, match="rows are not files"):
        source.file_names()


def test_new_rows_that_do_not_fit_are_refused(tmp_path: Path) -> None:
    encoding = ArrayEncoding(4)
    with pytest.raises(InputError, match=r"6 numbers a row; this run learned from 4"):
        next(encoding.batches(_npz(tmp_path, x=X), 10))
    with pytest.raises(InputError, match="expected one array of inputs"):
        next(encoding.batches(_npz(tmp_path, a=X, b=X), 10))
    with pytest.raises(InputError, match="learned from arrays"):
        next(encoding.batches(None, 10))
    bad = load_iris().data
    bad[20, 2] = np.nan
    np.save(tmp_path / "new.npy", bad)
    with pytest.raises(InputError, match=r"new\.npy, row 21: number 3"):
        list(encoding.batches(tmp_path / "new.npy", 10))


def test_a_zip_of_something_else_is_named(tmp_path: Path) -> None:
    with zipfile.ZipFile(tmp_path / "a.npz", "w") as file:
        file.writestr("readme.txt", "no array")
    with pytest.raises(InputError, match=r"a\.npz: cannot be read"):
        opened(tmp_path / "a.npz")
    with pytest.raises(InputError, match="quantile is for tables"):
        opened(_npz(tmp_path, x=X, y=Y), normalize="quantile")


@pytest.mark.parametrize(
    ("inputs", "kind"),
    [
        (torch.zeros(60, 4, dtype=torch.complex64), "complex"),
        (torch.zeros(60, 4).to_sparse(), "sparse"),
        (torch.empty(60, 4, device="meta"), "meta"),
    ],
)
def test_tensors_that_are_no_plain_numbers_are_named(tmp_path: Path, inputs: torch.Tensor, kind: str) -> None:
    torch.save({"x": inputs, "y": torch.arange(60) % 2}, tmp_path / "t.pt")
    with pytest.raises(InputError, match=rf"t\.pt, array 'x': a {kind}"):
        load(build({"data": str(tmp_path / "t.pt"), "target": "y"}))


def test_rows_without_a_number_are_refused(tmp_path: Path) -> None:
    np.savez(tmp_path / "t.npz", x=np.zeros((60, 0)), y=np.arange(60) % 2)
    with pytest.raises(InputError, match="no numbers in a row"):
        load(build({"data": str(tmp_path / "t.npz")}))
