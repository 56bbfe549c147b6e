"""An exported net beside the run's own, on real samples where they are at hand."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor

from tui_trainer import config_file
from tui_trainer.config import RunConfig
from tui_trainer.data_sections import is_path
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data import embedded, idx, load, vision
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.export.answering import Restored
from tui_trainer.errors import InputError
from tui_trainer.knobs import changed
from tui_trainer.paths import folder
from tui_trainer.run_dir import RunDir

ROWS = 256
MOST = 1e-5  # of a probability, or of the deviation of a value's training targets


@dataclass(frozen=True)
class Rows:
    """Raw inputs (n, features), and where they are from, in words."""

    inputs: Tensor
    where: str


def rows_for(run: RunDir, restored: Restored, data_dir: str | None) -> Rows:
    """Samples of the test split, or, where the data are not at hand or not the same any more, drawn ones.

    Raises InputError where the place of the data was named, and they are not there.
    """
    try:
        data = data_of(run, restored.checkpoint, data_dir, fetches=False)
    except InputError:
        if data_dir is not None:  # named, so that it is looked at
            raise
        return Rows(_drawn(restored), "rows drawn at random, since the data are not at hand")
    count = min(ROWS, len(data.test))
    places = torch.arange(count) * len(data.test) // max(1, count)
    return Rows(data.test.inputs[places].to(restored.dtype), "samples of the test split")


def data_of(run: RunDir, checkpoint: Checkpoint, data_dir: str | None, *, fetches: bool = True) -> DataSet:
    """What the run was trained on. Raises InputError where it is not there, or is another one now."""
    config = config_file.load(run.config)
    if data_dir is not None:
        config = changed(config, {"data_dir": data_dir})
    if not fetches and not _is_at_hand(config):
        raise InputError(f"{config.data.name} is not in {config.data.dir}")
    data = load(config)
    for split, digest in (("data_digest", data.fingerprint), ("held_back_digest", data.fingerprint_held_back)):
        if checkpoint.facts.get(split, digest) != digest:
            raise InputError(f"the data set {data.name} is not the one this run was trained on; restore it")
    return data


def _is_at_hand(config: RunConfig) -> bool:
    name, place = config.data.name, folder(config.data.dir, "--data-dir")
    if is_path(name) or name in embedded.NAMES:
        return True
    try:
        return not (idx.missing if name in idx.NAMES else vision.missing)(name, place)
    except OSError:
        return False


def _drawn(restored: Restored) -> Tensor:
    """As far apart as the training samples are, by the statistics that the net scales with."""
    random = torch.Generator().manual_seed(0)
    weights = restored.checkpoint.weights
    if restored.dtype == torch.uint8:
        return torch.randint(0, 256, (ROWS, restored.features), dtype=torch.uint8, generator=random)
    rows = weights["scale.shift"] + weights["scale.spread"] * torch.randn(ROWS, restored.features, generator=random)
    for place, (categories, _) in enumerate(reversed(restored.facts.embedded), 1):
        rows[:, -place] = torch.randint(0, categories, (ROWS,), generator=random).float()
    return rows


def difference(restored: Restored, rows: Rows, answer: Callable[[Tensor], Tensor], what: str) -> str:
    """The sentence that says how closely `answer` follows the run's net. Raises InputError where it does not."""
    with torch.inference_mode():
        expected = restored.net(rows.inputs)
    found = answer(rows.inputs)
    unit = restored.meaning.spread.abs().max().item() if restored.facts.task == "values" else 1.0  # type: ignore[union-attr]
    largest = (found - expected).abs().max().item()
    bound = MOST * max(unit, expected.abs().max().item() if restored.facts.task == "values" else 1.0)
    sentence = f"{what} and PyTorch differ by {largest:.2g} at most, over {len(rows.inputs)} {rows.where}"
    if found.shape != expected.shape or not largest <= bound:  # also no number
        raise InputError(f"{sentence}; {bound:.2g} was expected at most: nothing was written")
    return sentence
