"""Data sets that Hugging Face's library saved on disk."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image
from scipy.io import wavfile

from tests.engine.media import RATE, every_row, inputs, opened, tone
from tui_trainer.engine.data import hugging_face, load
from tui_trainer.errors import InputError
from tui_trainer.knobs import build

datasets: Any = pytest.importorskip("datasets", reason="needs the extra hf: pip install 'tui-trainer[hf]'")

PIXELS = np.random.default_rng(0).integers(0, 256, (24, 8, 8), dtype=np.uint8)
LABELS = [0, 1, 2] * 8


def _pictures(rows: slice = slice(None)) -> Any:
    features = datasets.Features(
        {
            "image": datasets.Image(),
            "label": datasets.ClassLabel(names=["cat", "dog", "bird"]),
            "owner": datasets.Value("string"),
        }
    )
    columns = {
        "image": [Image.fromarray(picture) for picture in PIXELS[rows]],
        "label": LABELS[rows],
        "owner": [f"o{number // 4}" for number in range(24)][rows],
    }
    return datasets.Dataset.from_dict(columns, features=features)


def test_pictures_come_back_to_the_bit(tmp_path: Path) -> None:
    _pictures().save_to_disk(tmp_path / "saved")
    source = opened(tmp_path / "saved", image_size=8)
    assert source.class_names == ("cat", "dog", "bird")
    assert source.targets.tolist() == LABELS
    assert torch.equal(inputs(source), torch.from_numpy(PIXELS.reshape(24, 64)))


def test_splits_of_a_dict_are_the_parts(tmp_path: Path) -> None:
    splits = {"train": _pictures(slice(0, 18)), "test": _pictures(slice(18, 24)), "extra": _pictures(slice(0, 3))}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    loaded = load(build({"data": str(tmp_path / "saved"), "image_size": 8, "validation": 0}))
    assert torch.equal(loaded.train.inputs, torch.from_numpy(PIXELS[:18].reshape(18, 64)))
    assert torch.equal(loaded.test.inputs, torch.from_numpy(PIXELS[18:].reshape(6, 64)))
    assert any("split 'extra' with 3 rows left out" in note for note in loaded.notes)


def test_other_columns_can_say_how_to_split(tmp_path: Path) -> None:
    _pictures().save_to_disk(tmp_path / "saved")
    source = opened(tmp_path / "saved", split_group="owner")
    assert source.column("owner").tolist() == [f"o{number // 4}" for number in range(24)]
    with pytest.raises(InputError, match="rows are not files"):
        source.file_names()
    with pytest.raises(InputError, match="no column 'who'"):
        source.column("who")


def test_recordings_are_read_as_wav_files(tmp_path: Path) -> None:
    for number in range(8):
        wavfile.write(tmp_path / f"{number}.wav", RATE, tone(300 if number % 2 else 2000))
    columns = {"sound": [str(tmp_path / f"{number}.wav") for number in range(8)], "pitch": ["high", "low"] * 4}
    made = datasets.Dataset.from_dict(columns).cast_column("sound", datasets.Audio(decode=False))
    made.save_to_disk(tmp_path / "saved")
    source = opened(tmp_path / "saved", target="pitch", speech_mels=16)
    assert source.class_names == ("high", "low")
    encoded = source.encode(every_row(source))
    (alone,) = encoded.encoding.batches(tmp_path / "3.wav", 1)
    assert torch.equal(encoded.inputs["train"][3], alone.inputs[0])
    (whole,) = encoded.encoding.batches(tmp_path / "saved", 8)
    assert torch.equal(encoded.inputs["train"], whole.inputs)


def test_a_damaged_picture_is_named_by_its_row(tmp_path: Path) -> None:
    columns = {"image": [{"bytes": b"x", "path": None}] * 4, "label": ["a", "b"] * 2}
    features = datasets.Features({"image": datasets.Image(decode=False), "label": datasets.Value("string")})
    datasets.Dataset.from_dict(columns, features=features).save_to_disk(tmp_path / "saved")
    with pytest.raises(InputError, match=r"saved, train, row 1: cannot be read as a picture.* 3 other files"):
        inputs(opened(tmp_path / "saved"))


def test_what_cannot_serve_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _pictures().save_to_disk(tmp_path / "saved")
    with pytest.raises(InputError, match=r"--target labl: .*did you mean 'label'"):
        opened(tmp_path / "saved", target="labl")
    datasets.DatasetDict({"test": _pictures()}).save_to_disk(tmp_path / "test")
    with pytest.raises(InputError, match="no split called train"):
        opened(tmp_path / "test")
    next((tmp_path / "saved").glob("*.arrow")).write_bytes(b"x")
    with pytest.raises(InputError, match=r"saved: cannot be read as a saved data set"):
        opened(tmp_path / "saved")


def test_without_the_package_it_is_said_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "datasets", None)
    with pytest.raises(InputError, match=r"pip install 'tui-trainer\[hf\]'"):
        hugging_face.open_saved(tmp_path, None, build({"data": str(tmp_path)}))


def test_a_table_goes_through_the_reader_of_tables_with_its_splits(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    features = datasets.Features(
        {
            "height": datasets.Value("float32"),
            "town": datasets.ClassLabel(names=["Ulm", "Bonn"]),
            "kind": datasets.ClassLabel(names=["no", "yes"]),
        }
    )

    def rows(count: int) -> Any:
        columns = {
            "height": random.normal(size=count),
            "town": random.integers(0, 2, count),
            "kind": np.arange(count) % 2,
        }
        return datasets.Dataset.from_dict(columns, features=features)

    splits = {"train": rows(40), "validation": rows(10), "test": rows(8)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    loaded = load(build({"data": str(tmp_path / "saved"), "target": "kind"}))
    assert loaded.validation is not None
    assert (len(loaded.train), len(loaded.validation), len(loaded.test)) == (40, 10, 8)
    assert loaded.class_names == ("no", "yes")
    assert loaded.train.targets.tolist() == [0, 1] * 20
    assert [name for name, _, _ in loaded.columns] == ["height", "town"]


def _towns() -> dict[str, Any]:
    """Rows whose words, gaps and numbers need every kind of cleaning."""
    random = np.random.default_rng(0)
    height = random.normal(size=60).tolist()
    height[3] = None
    return {
        "height": height,
        "count": random.integers(0, 90, 60).tolist(),
        "town": [("Ulm", " Ulm", "Bonn", "NA")[row % 4] for row in range(60)],
        "kind": ["no", "yes"] * 30,
    }


def test_a_saved_table_gives_the_inputs_of_the_same_table_in_csv(tmp_path: Path) -> None:
    columns = _towns()
    datasets.Dataset.from_dict(columns).save_to_disk(tmp_path / "saved")
    datasets.Dataset.from_dict(columns).to_csv(tmp_path / "same.csv", index=False)
    settings = {"target": "kind", "derived": {"double": "height * 2"}, "validation": 0}
    one, other = (load(build({**settings, "data": str(tmp_path / name), "seed": 1})) for name in ("saved", "same.csv"))
    assert one.columns == other.columns
    assert "double" in [name for name, _, _ in one.columns]
    assert torch.equal(one.train.inputs, other.train.inputs)
    assert torch.equal(one.test.inputs, other.test.inputs)


def test_splits_of_a_saved_table_may_differ_in_order_and_in_types_of_numbers(tmp_path: Path) -> None:
    train, test = _towns(), _towns()
    test["count"] = [float(number) for number in test["count"]]
    test = dict(reversed(test.items()))
    splits = {"test": datasets.Dataset.from_dict(test), "train": datasets.Dataset.from_dict(train)}
    datasets.DatasetDict(splits).save_to_disk(tmp_path / "saved")
    loaded = load(build({"data": str(tmp_path / "saved"), "target": "kind", "validation": 0}))
    assert [name for name, _, _ in loaded.columns] == ["height", "count", "town"]
    assert torch.equal(loaded.train.inputs, loaded.test.inputs)
    assert loaded.place is not None
    assert loaded.place("test", 4) == f"{tmp_path / 'saved'}, test, row 5"


@pytest.mark.parametrize(
    ("column", "values", "sentence"),
    [
        ("height", [float("inf")] * 60, r"saved, train, row 1, column 'height': infinity"),
        ("blob", [b"x"] * 60, r"saved, train, row 1, column 'blob': holds Binary"),
        ("count", ["many"] * 60, r"saved, test, column 'count': holds numbers, .* in saved, train words"),
        ("goal", [1.5, float("nan"), 1e300] * 20, r"saved, train, row 3, column 'goal': 1e\+300 is too large"),
    ],
)
def test_a_saved_table_that_cannot_serve_is_refused(
    tmp_path: Path, column: str, values: list[Any], sentence: str
) -> None:
    plain = {**_towns(), "blob": ["x"] * 60, "goal": [1.0, 2.0] * 30}
    train = datasets.Dataset.from_dict({**plain, column: values})
    datasets.DatasetDict({"train": train, "test": datasets.Dataset.from_dict(plain)}).save_to_disk(tmp_path / "saved")
    with pytest.raises(InputError, match=sentence):
        load(build({"data": str(tmp_path / "saved"), "target": "goal"}))


def test_new_rows_of_a_saved_table_are_read_by_batches(tmp_path: Path) -> None:
    rows = datasets.Dataset.from_dict(_towns())
    rows.save_to_disk(tmp_path / "saved")
    datasets.DatasetDict({"train": rows, "test": rows.select(range(50))}).save_to_disk(tmp_path / "both")
    datasets.DatasetDict({"a": rows, "b": rows}).save_to_disk(tmp_path / "unclear")
    source = opened(tmp_path / "saved", target="kind")
    encoded = source.encode(every_row(source))
    batches = list(encoded.encoding.batches(tmp_path / "saved", 25))
    assert [len(batch.names) for batch in batches] == [25, 25, 10]
    assert batches[1].names[0] == "26"
    assert torch.equal(torch.cat([batch.inputs for batch in batches]), encoded.inputs["train"])
    (test,) = encoded.encoding.batches(tmp_path / "both", 100)
    assert torch.equal(test.inputs, encoded.inputs["train"][:50])
    with pytest.raises(InputError, match=r"which of its splits a, b is meant\? name its folder, as in .*unclear/a"):
        list(encoded.encoding.batches(tmp_path / "unclear", 100))
    assert len(list(encoded.encoding.batches(tmp_path / "unclear" / "a", 100))) == 1


def test_new_pictures_of_a_saved_data_set_are_read_by_batches(tmp_path: Path) -> None:
    _pictures().save_to_disk(tmp_path / "saved")
    source = opened(tmp_path / "saved", image_size=8)
    encoding = source.encode(every_row(source)).encoding
    batches = list(encoding.batches(tmp_path / "saved", 10))
    assert [batch.names[0] for batch in batches] == ["1", "11", "21"]
    assert torch.equal(torch.cat([batch.inputs for batch in batches]), torch.from_numpy(PIXELS.reshape(24, 64)))
    datasets.Dataset.from_dict(_towns()).save_to_disk(tmp_path / "table")
    with pytest.raises(InputError, match=r"no column of Image among height, count, town, kind"):
        next(encoding.batches(tmp_path / "table", 10))
