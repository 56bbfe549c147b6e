"""Files as people type them on the command line: they hold from anywhere, and a run is named after them."""

from __future__ import annotations

from pathlib import Path

import pytest

from tui_trainer import recipes
from tui_trainer.asked_config import resolve
from tui_trainer.errors import InputError
from tui_trainer.paths import anchored, stem_of


def test_a_file_that_is_here_is_made_absolute(tmp_path: Path) -> None:
    for name in ("people.csv", "test.csv", "splits.txt"):
        Path(name).touch()
    flags = {"data": "people.csv", "test_data": "./test.csv", "test_rows": "splits.txt", "target": "people.csv"}
    config, stem = resolve(None, {**flags, "test_data": ""})
    assert (config.data.name, stem) == (str(tmp_path / "people.csv"), "people")
    assert config.split.test_rows == str(tmp_path / "splits.txt")
    assert config.data.target == ("people.csv",)
    assert anchored(flags)["test_data"] == str(tmp_path / "test.csv")


def test_what_may_lie_elsewhere_stays_as_it_is() -> None:
    values = {"data": "adult/adult.data", "test_rows": "splits.txt", "lr": "0.1", "validation": 0.2}
    assert anchored(values) == values


def test_a_folder_is_data_by_its_bare_name_but_never_hides_a_known_data_set(tmp_path: Path) -> None:
    Path("pictures").mkdir()
    Path("digits").mkdir()
    config, stem = resolve(None, {"data": "pictures"})
    assert (config.data.name, stem) == (str(tmp_path / "pictures"), "pictures")
    assert resolve(None, {"data": "digits"})[0].data.name == "digits"


@pytest.mark.parametrize(
    ("name", "stem"),
    [("digits", "digits"), ("emnist-letters", "emnist-letters"), ("/a/people.csv", "people"),
     ("./pic tures/", "pic-tures"), ("/data/.csv", "csv"), ("/data/日本.csv", "run"),
     ("./" + "x" * 200 + ".csv", "x" * 80)],
)  # fmt: skip
def test_a_run_is_named_after_its_data(name: str, stem: str) -> None:
    assert stem_of(name) == stem


def test_data_in_place_of_a_recipe_is_told_how_to_train_on_it() -> None:
    Path("pictures").mkdir()
    Path("letters.data").touch()
    for word, says in [
        ("people.csv", "people.csv is no recipe; to train on it: --data people.csv --target COLUMN"),
        ("/data/people.parquet", "to train on it: --data /data/people.parquet --target COLUMN"),
        ("letters.data", "to train on it: --data letters.data --target COLUMN"),
        ("pictures", "pictures is no recipe; to train on it: --data pictures"),
    ]:
        with pytest.raises(InputError) as refused:
            recipes.find(word)
        assert str(refused.value).endswith(says)
    with pytest.raises(InputError, match="is no recipe; did you mean"):
        recipes.find("mnist-mpl")
