"""A checkpoint that was written with bad intentions, or by another version, is refused in a sentence."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.predicting import Numbers, plan, predicted, trained_iris
from tui_trainer.engine import checkpoint
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data import encodings
from tui_trainer.errors import DamagedCheckpointError, InputError
from tui_trainer.run_dir import RunDir


@pytest.fixture(autouse=True)
def _knows_numbers(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(encodings.KINDS, Numbers.kind, Numbers)


@pytest.fixture(scope="module")
def iris(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A trained run of iris; `rows.csv` beside it has the test rows."""
    return trained_iris(tmp_path_factory.mktemp("iris"))


def copied(run: Path, to: Path) -> Path:
    return Path(shutil.copytree(run, to / "run"))


def rewrite(run: Path, change: Any) -> None:
    """Both checkpoints as somebody with bad intentions would leave them: every digest fits."""
    for kind in ("last", "best"):
        found = checkpoint.read(run / "checkpoints" / kind)
        checkpoint.write(
            run / "checkpoints", Checkpoint(**{**vars(found), "facts": dict(found.facts), **change(found)})
        )


def facts(**changes: Any) -> Any:
    return lambda found: {"facts": {**found.facts, **changes}}


def config(**changes: Any) -> Any:
    return lambda found: {"facts": {**found.facts, "config": {**found.facts["config"], **changes}}}


def weights(**changes: Any) -> Any:
    return lambda found: {"weights": {**found.weights, **changes}}


def preprocessing(**changes: Any) -> Any:
    return lambda found: {
        "preprocessing": type(found.preprocessing)(
            {**found.preprocessing.facts, **changes}, found.preprocessing.tensors
        )
    }


CRAFTED: dict[str, Any] = {
    "a net larger than any memory": facts(inputs=2**30),
    "a size that is no size": facts(inputs=-1),
    "a size of a million digits": facts(outputs=10**400),
    "a size that is text": facts(inputs="4"),
    "hidden layers that are not there": config(hidden=[65536] * 64),
    "an activation nobody knows": config(activation="__import__('os').system('true')"),
    "weights of another size": weights(**{"output.weight": torch.zeros(3, 129)}),
    "weights of another type": weights(**{"output.bias": torch.zeros(3, dtype=torch.float64)}),
    "weights too many": weights(**{"more.weight": torch.zeros(3)}),
    "a scale of another shape": weights(**{"scale.shift": torch.zeros(4, 4)}),
    "a task nobody knows": preprocessing(task="prices"),
    "classes without names": preprocessing(class_names=["a"]),
    "names that are numbers": preprocessing(class_names=[1, 2, 3]),
    "vectors that are not there": preprocessing(embedded=[[2**40, 2**40]]),
    "vectors without a size": preprocessing(embedded=[[3]]),
    "an encoding of another shape": preprocessing(facts={"columns": []}),
    "no facts of the encoding": preprocessing(facts=None),
}  # fmt: skip


def test_a_run_without_preprocessing_says_so(iris: Path, tmp_path: Path) -> None:
    run = copied(iris, tmp_path)
    rewrite(run, lambda found: {"preprocessing": None})
    with pytest.raises(InputError, match="does not say how its inputs were made: an earlier version"):
        predicted(RunDir(run), plan(iris.with_name("rows.csv"), tmp_path / "out.csv"))


@pytest.mark.parametrize("name", CRAFTED)
def test_a_crafted_checkpoint_is_refused_in_a_sentence(iris: Path, tmp_path: Path, name: str) -> None:
    run = copied(iris, tmp_path)
    rewrite(run, CRAFTED[name])
    with pytest.raises(DamagedCheckpointError, match=r"^checkpoints/best/\S+: damaged: ") as told:
        predicted(RunDir(run), plan(iris.with_name("rows.csv"), tmp_path / "out.csv"))
    assert str(told.value).count("\n") == 0
    assert not (tmp_path / "out.csv").exists()


def test_an_encoding_of_fewer_features_than_the_net_takes_is_refused(iris: Path, tmp_path: Path) -> None:
    run = copied(iris, tmp_path)
    rewrite(run, lambda found: {"preprocessing": type(found.preprocessing)(
        {**found.preprocessing.facts, "facts": {"columns": ["x0"]}},
        {**found.preprocessing.tensors, "encoding.count": torch.tensor([1])},
    )})  # fmt: skip
    with pytest.raises(DamagedCheckpointError, match=r"makes \(1,\) features of a row, and the net takes 4"):
        predicted(RunDir(run), plan(iris.with_name("rows.csv"), tmp_path / "out.csv"))


def test_preprocessing_of_a_later_version_is_named(iris: Path, tmp_path: Path) -> None:
    run = copied(iris, tmp_path)
    rewrite(run, preprocessing(format=2))
    with pytest.raises(InputError, match="preprocessing of format 2, and this version reads 1"):
        predicted(RunDir(run), plan(iris.with_name("rows.csv"), tmp_path / "out.csv"))


LISTS: list[Any] = [{}, {"model.safetensors": ""}, {"../../secret": ""}, ["model.safetensors"], None, 3]
ODD: list[dict[str, Any]] = [
    *({"sha256": files} for files in LISTS),
    {"kind": "x"},
    {"record": None},
    {"record": {}},
    {"record": {"best_epoch": "1"}},
    {"epochs_done": None},
    {"config": None},
]


@pytest.mark.parametrize("odd", ODD, ids=str)
def test_facts_that_no_checkpoint_has_are_damage(iris: Path, tmp_path: Path, odd: dict[str, Any]) -> None:
    run = copied(iris, tmp_path)
    path = run / "checkpoints/last/checkpoint.json"
    known = {**json.loads(path.read_text()), **odd}
    known.pop("digest")
    path.write_text(json.dumps({**known, "digest": checkpoint._digest(known)}))
    with pytest.raises(
        DamagedCheckpointError, match=r"checkpoint.json: damaged|its content does not match|No such file"
    ):
        checkpoint.read(path.parent)
    with pytest.raises(InputError, match="has no good checkpoint"):
        predicted(RunDir(run), plan(iris.with_name("rows.csv"), tmp_path / "out.csv"))
