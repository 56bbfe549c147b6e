"""The learning rate at any moment of a run."""

from __future__ import annotations

import math

from tui_trainer.sections import Schedule


def lr_factor(config: Schedule, epochs_done: float, epochs: int) -> float:
    """What the schedule multiplies `lr` by, after `epochs_done` (a fraction inside an epoch) of `epochs`.

    A pure function of the moment, so that a resume, another batch size or more epochs need no schedule state.
    """
    share = min(1.0, epochs_done / epochs)
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


def _cosine(start: float, end: float, share: float) -> float:
    return end + (start - end) * (1 + math.cos(math.pi * share)) / 2
