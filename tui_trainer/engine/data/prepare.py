"""From a data set's name to three splits and their scaling. Every statistic comes from the training split alone."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import Data, is_path
from tui_trainer.engine.data import embedded, encodings, idx, own, vision
from tui_trainer.engine.data.dataset import DataSet, Samples, Scaling, Source
from tui_trainer.engine.data.scaling import input_scaling
from tui_trainer.engine.data.shares import TEST_SPLIT_SEED, fold_off, share_off
from tui_trainer.engine.data.targets import for_loss, target_scaling
from tui_trainer.errors import InputError
from tui_trainer.paths import folder
from tui_trainer.split_files import ask_for_one


def load(whole: RunConfig, *, describes: bool = False) -> DataSet:
    """Read, split and measure; describe a table's columns. Downloads what is not there. Raises InputError."""
    config, seed = whole.data, whole.training.seed
    if is_path(config.name):
        return own.load(whole, describes=describes)
    source = read_source(config.name, folder(config.dir, "--data-dir"))
    train, test = source.train, source.test
    if test is None and whole.split.folds:
        train, test = _fold_off(train, source.task, whole)
    elif test is None:
        train, test = split_off(train, source.task, config.test_share, TEST_SPLIT_SEED, "--test-share")
    validation = None
    if config.validation:
        train, validation = split_off(train, source.task, config.validation, seed, "--validation")
    scaling = measure(config, source, train)
    encoding = encodings.of_known(config.name, source)
    data = DataSet(
        config.name, source.task, train, validation, test, source.class_names, scaling,
        pictures=encodings.pictures_of(encoding), encoding=encoding,
    )  # fmt: skip
    return for_loss(data, whole)


def read_source(name: str, data_dir: Path) -> Source:
    """A data set by its name, fetched first if it is not in the folder."""
    if name in embedded.NAMES:
        return embedded.read(name)
    missing, read = (idx.missing, idx.read) if name in idx.NAMES else (vision.missing, vision.read)
    try:
        if missing(name, data_dir):
            vision.download(name, data_dir)
        return read(name, data_dir)
    except (OSError, ValueError) as error:  # a name no file system takes, a folder without rights
        raise InputError(
            f"--data-dir {ascii(str(data_dir))[1:-1][:100]}: {name} cannot be read there: {error}"
        ) from None


def split_off(samples: Samples, task: str, share: float, seed: int, flag: str) -> tuple[Samples, Samples]:
    """(what stays, what was split off): seeded, and stratified where there are classes."""
    strata = samples.targets.numpy() if task == "classes" else None
    stays, goes = share_off(np.arange(len(samples)), share, seed, flag, strata)
    return samples.pick(torch.from_numpy(stays)), samples.pick(torch.from_numpy(goes))


def _fold_off(samples: Samples, task: str, config: RunConfig) -> tuple[Samples, Samples]:
    folds, number = config.split.folds, config.split.number
    if not number:
        raise InputError(f"--folds: {ask_for_one(range(1, folds + 1))}")
    strata = samples.targets.numpy() if task == "classes" else None
    stays, goes = fold_off(np.arange(len(samples)), folds, number, strata)
    return samples.pick(torch.from_numpy(stays)), samples.pick(torch.from_numpy(goes))


def measure(config: Data, source: Source, train: Samples) -> Scaling:
    """The scaling that `normalize` and `target_scaling` ask for, from the training split."""
    shift, spread = input_scaling(config.normalize, train.inputs, source.full_scale, source.channels)
    return Scaling(shift, spread, *target_scaling(config, source.task, train.targets))
