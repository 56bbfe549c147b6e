"""Folders of pictures: what is read is what was written, and what cannot be read is named."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image
from sklearn.datasets import load_digits
from sklearn.neighbors import KNeighborsClassifier

from tests.engine.media import every_row, inputs, opened, order_by_class, some_pictures, tone, write_pictures, write_wav
from tui_trainer.engine.data import load, vision
from tui_trainer.engine.data.idx import read
from tui_trainer.engine.data.images import Pictures
from tui_trainer.engine.data.media import room
from tui_trainer.errors import InputError
from tui_trainer.knobs import build


def test_digits_written_as_png_come_back_to_the_bit(tmp_path: Path) -> None:
    digits = load_digits()
    pixels = digits.images.astype(np.uint8)
    write_pictures(tmp_path / "digits", pixels, digits.target)
    source = opened(tmp_path / "digits", image_size=8)
    order = order_by_class(digits.target)
    assert source.class_names == tuple("0123456789")
    assert source.targets.tolist() == digits.target[order].tolist()
    assert source.file_names()[0] == "0/00000.png"
    read_back = inputs(source)
    assert read_back.dtype == torch.uint8
    assert torch.equal(read_back, torch.from_numpy(pixels.reshape(len(pixels), -1)[order]))


def test_mnist_written_as_png_is_as_near_to_itself_as_its_own_arrays(data_dir: Path, tmp_path: Path) -> None:
    source = read("mnist", data_dir)
    assert source.test is not None
    pixels, classes = source.test.inputs[:2000].numpy(), source.test.targets[:2000].numpy()
    write_pictures(tmp_path / "train", pixels[:1500].reshape(-1, 28, 28), classes[:1500])
    write_pictures(tmp_path / "test", pixels[1500:].reshape(-1, 28, 28), classes[1500:])
    loaded = load(build({"data": str(tmp_path), "validation": 0}))
    for part, rows in ((loaded.train, slice(0, 1500)), (loaded.test, slice(1500, 2000))):
        order = order_by_class(classes[rows])
        assert torch.equal(part.inputs, torch.from_numpy(pixels[rows][order]))
        assert torch.equal(part.targets, torch.from_numpy(classes[rows][order]))
    nearest = KNeighborsClassifier(1).fit(loaded.train.inputs.numpy(), loaded.train.targets.numpy())
    assert nearest.score(loaded.test.inputs.numpy(), loaded.test.targets.numpy()) == pytest.approx(NEAREST)


NEAREST = 0.894  # of 500 digits by 1,500, in their arrays as in the files


def test_files_and_classes_are_those_that_torchvision_finds(tmp_path: Path) -> None:
    some_pictures(tmp_path)
    Image.new("L", (8, 8)).save(tmp_path / "cat" / "A.PNG")
    (tmp_path / "dog" / "more").mkdir()
    Image.new("L", (8, 8)).save(tmp_path / "dog" / "more" / "z.jpg")
    theirs = vision.datasets().ImageFolder(tmp_path)
    ours = opened(tmp_path)
    assert list(ours.class_names) == theirs.classes
    paths = [str(tmp_path / name) for name in ours.file_names()]
    assert sorted(zip(paths, ours.targets.tolist(), strict=True)) == sorted(theirs.samples)


def test_colour_is_stored_channel_by_channel_and_scaled_by_channel(tmp_path: Path) -> None:
    pixels = np.random.default_rng(1).integers(0, 256, (10, 6, 6, 3), dtype=np.uint8)
    pixels[..., 2] //= 4
    write_pictures(tmp_path, pixels, np.arange(10) % 2)
    source = opened(tmp_path, image_size=6, image_colour="colour")
    encoded = source.encode(every_row(source))
    wanted = pixels[order_by_class(np.arange(10) % 2)].transpose(0, 3, 1, 2).reshape(10, -1)
    assert torch.equal(encoded.inputs["train"], torch.from_numpy(wanted))
    assert encoded.shift.tolist() == pytest.approx(np.repeat(pixels.mean(axis=(0, 1, 2)), 36).tolist(), rel=1e-6)
    assert encoded.spread.tolist() == pytest.approx(np.repeat(pixels.std(axis=(0, 1, 2)), 36).tolist(), rel=1e-6)


def test_only_training_pictures_are_measured(tmp_path: Path) -> None:
    pixels = some_pictures(tmp_path / "train")
    write_pictures(tmp_path / "test", np.full((2, 8, 8), 255, dtype=np.uint8), np.array(["cat", "dog"]))
    loaded = load(build({"data": str(tmp_path), "validation": 0, "image_size": 8}))
    assert len(loaded.test) == 2
    assert loaded.scaling.shift.item() == pytest.approx(pixels.mean(), rel=1e-6)


def test_a_picture_is_resized_antialiased_and_cut_to_its_middle(tmp_path: Path) -> None:
    some_pictures(tmp_path)
    stripes = np.zeros((8, 16), dtype=np.uint8)
    stripes[:, 4:12:2] = 200  # in the middle square; the sides are white and have to vanish
    stripes[:, :4] = stripes[:, 12:] = 255
    Image.fromarray(stripes).save(tmp_path / "cat" / "00000.png")
    source = opened(tmp_path, image_size=4)
    encoded = source.encode(every_row(source))
    first = encoded.inputs["train"][0].reshape(4, 4)[:, 1:3]
    assert ((first > 70) & (first < 130)).all()  # neither 0 nor 200: two columns became one
    assert encoded.inputs["train"][0].max() < 200
    assert "1 of 12 pictures are not square: cut to the square in their middle" in encoded.notes


@pytest.mark.parametrize(
    ("picture", "wanted", "colour"),
    [
        (Image.new("RGBA", (4, 4), (255, 0, 0, 0)), [255, 255, 255], "colour"),
        (Image.new("RGBA", (4, 4), (255, 0, 0, 255)), [255, 0, 0], "colour"),
        (Image.new("LA", (4, 4), (10, 0)), [255], "grey"),
        (Image.new("1", (4, 4), 1), [255], "grey"),
        (Image.new("RGB", (4, 4), (0, 0, 255)).quantize(4), [0, 0, 255], "colour"),
        (Image.fromarray(np.full((4, 4), 257 * 200, dtype=np.uint16)), [200], "grey"),
        (Image.fromarray(np.full((4, 4), 257 * 200, dtype=np.uint16)), [200, 200, 200], "colour"),
    ],
    ids=["transparent", "opaque", "transparent grey", "bits", "palette", "16 bits", "16 bits in colour"],
)
def test_every_kind_of_pixel_becomes_8_bits(
    tmp_path: Path, picture: Image.Image, wanted: list[int], colour: str
) -> None:
    some_pictures(tmp_path)
    picture.save(tmp_path / "cat" / "00000.png")
    first = inputs(opened(tmp_path, image_size=4, image_colour=colour))[0]
    assert first.reshape(len(wanted), 16).float().mean(dim=1).tolist() == wanted


def test_a_picture_is_turned_as_its_camera_says(tmp_path: Path) -> None:
    pixels = some_pictures(tmp_path)
    exif = Image.Exif()
    exif[0x0112] = 3  # upside down
    Image.fromarray(pixels[0][::-1, ::-1]).save(tmp_path / "cat" / "00000.png", exif=exif)
    assert torch.equal(inputs(opened(tmp_path, image_size=8))[0], torch.from_numpy(pixels[0].reshape(-1)))


def test_the_class_can_stand_in_the_name(tmp_path: Path) -> None:
    for name in ("cat_1.png", "cat_2.png", "dog_1.png"):
        Image.new("L", (4, 4)).save(tmp_path / name)
    source = opened(tmp_path, label_pattern="^([a-z]+)_")
    assert source.class_names == ("cat", "dog")
    assert source.targets.tolist() == [0, 0, 1]
    Image.new("L", (4, 4)).save(tmp_path / "7.png")
    with pytest.raises(InputError, match=r"7\.png: --label-pattern .* finds no class .* in 1 of 4"):
        opened(tmp_path, label_pattern="^([a-z]+)_")


def test_files_that_are_left_out_are_counted(tmp_path: Path) -> None:
    some_pictures(tmp_path)
    (tmp_path / "cat" / "Thumbs.db").write_bytes(b"x")
    (tmp_path / "README.txt").write_text("x")
    (tmp_path / "cat" / "._00000.png").write_bytes(b"what another system left")
    source = opened(tmp_path)
    assert len(source.targets) == 12
    assert any("2 files left out" in note for note in source.notes)


def test_a_second_folder_is_the_test(tmp_path: Path) -> None:
    some_pictures(tmp_path / "a")
    some_pictures(tmp_path / "b", 4)
    source = opened(tmp_path / "a", test_data=str(tmp_path / "b"))
    assert {part: len(rows) for part, rows in source.given.items()} == {"train": 12, "test": 4}


def _truncate(path: Path) -> None:
    path.write_bytes(path.read_bytes()[:-30])


@pytest.mark.parametrize("colour", ["grey", "colour"])
def test_damaged_pictures_are_counted_and_the_first_is_named(tmp_path: Path, colour: str) -> None:
    some_pictures(tmp_path)
    _truncate(tmp_path / "cat" / "00002.png")
    (tmp_path / "dog" / "00001.png").write_text("no picture")
    (tmp_path / "dog" / "00003.png").write_bytes(b"")
    with pytest.raises(InputError, match=r"cat/00002\.png: cannot be read as a picture: .*, and so are 2 other files"):
        load(build({"data": str(tmp_path), "image_colour": colour, "validation": 0}))


def test_folders_that_cannot_serve_are_named(tmp_path: Path) -> None:
    some_pictures(tmp_path / "whole")
    (tmp_path / "whole" / "bird").mkdir()
    with pytest.raises(InputError, match=r"bird: the folder of a class holds no picture"):
        opened(tmp_path / "whole")
    write_pictures(tmp_path / "one", np.zeros((3, 4, 4), dtype=np.uint8), np.array(["a"] * 3))
    with pytest.raises(InputError, match=r"only one class, 'a'"):
        opened(tmp_path / "one")
    Image.new("L", (4, 4)).save(tmp_path / "one" / "x.png")
    with pytest.raises(InputError, match=r"no folders in it.*--label-pattern"):
        opened(tmp_path / "one" / "a")
    write_pictures(tmp_path / "two", np.zeros((2, 4, 4), dtype=np.uint8), np.array(["a", "b"]))
    with pytest.raises(InputError, match=r"cannot split 2 samples"):
        load(build({"data": str(tmp_path / "two")}))
    with pytest.raises(InputError, match="quantile is for tables"):
        opened(tmp_path / "two", normalize="quantile")


def test_a_class_may_be_called_train(tmp_path: Path) -> None:
    write_pictures(tmp_path, np.zeros((4, 4, 4), dtype=np.uint8), np.array(["train", "bus"] * 2))
    source = opened(tmp_path)
    assert source.class_names == ("bus", "train")
    assert source.given == {}


def test_links_are_followed_and_those_to_a_folder_above_are_not(tmp_path: Path) -> None:
    some_pictures(tmp_path / "store")
    (tmp_path / "data").mkdir()
    for name in ("cat", "dog"):
        (tmp_path / "data" / name).symlink_to(tmp_path / "store" / name)
    (tmp_path / "store" / "cat" / "loop").symlink_to(tmp_path / "store")
    assert len(opened(tmp_path / "data").targets) == 12


def test_what_most_files_are_decides(tmp_path: Path) -> None:
    some_pictures(tmp_path)
    write_wav(tmp_path / "cat" / "purr.wav", tone(50))
    source = opened(tmp_path)
    assert len(source.targets) == 12
    assert any("purr.wav" in note for note in source.notes)


def test_pictures_that_no_memory_holds_are_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"GiB of memory, more than there is"):
        room(10**12, Pictures(1024, 3))


def test_a_class_whose_name_no_screen_shows_is_refused(tmp_path: Path) -> None:
    some_pictures(tmp_path)
    (tmp_path / "cat").rename(tmp_path / os.fsdecode(b"c\xff"))
    with pytest.raises(InputError, match=r"c\\udcff/00000\.png: its class has characters .* rename it"):
        opened(tmp_path)
