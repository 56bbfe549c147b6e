"""The learning rate and the momentum at any moment of a run."""

from __future__ import annotations

import math

from tui_trainer.sections import Optimizer, Schedule


def lr_factor(config: Schedule, epochs_done: float, epochs: int) -> float:
    """What the schedule multiplies `lr` by, after `epochs_done` (a fraction inside an epoch) of a run of `epochs`.

    A pure function of the moment, so that a resume, another batch size or more epochs need no schedule state. A
    schedule that moves once an epoch has the first epoch's factor at 0, and its last one after the last epoch.
    """
    moved = math.floor(epochs_done) if config.every == "epoch" else epochs_done
    share = min(1.0, moved / (config.epochs or epochs))
    match config.name:
        case "step":
            factor = config.step_factor ** (int(epochs_done) // config.step_epochs)
        case "exponential":
            factor = config.epoch_factor ** int(epochs_done)
        case "linear":
            factor = 1 + (config.final_factor - 1) * share
        case "cosine":
            factor = _cosine(1, config.final_factor, share)
        case "one_cycle":  # Smith & Topin 2018; start 1/25 and end 1e-4/25 as in torch's OneCycleLR
            rising = share < config.peak_at
            position = share / config.peak_at if rising else (share - config.peak_at) / (1 - config.peak_at)
            factor = _cosine(1 / 25, 1, position) if rising else _cosine(1, 1e-4 / 25, position)
        case _:
            factor = 1.0
    return factor * min(1.0, epochs_done / config.warmup) if config.warmup else factor


def momentum_at(config: Optimizer, epochs_done: int) -> float:
    """The momentum of the epoch after so many: on a line from `momentum` to `final_momentum`, then there.

    A pure function of the moment too: a live change of one of the line's ends moves the line, for the running epoch.
    """
    if not config.momentum_epochs:
        return config.momentum
    share = min(1.0, epochs_done / config.momentum_epochs)
    return config.momentum * (1 - share) + config.final_momentum * share


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
