"""What a series of splits says around the events of its runs; on standard output alone, in no run's folder."""

from __future__ import annotations

from typing import Literal

from pydantic import BaseModel, ConfigDict, Field

from tui_trainer.said import Count, Said


class SplitBegan(Said):
    """Of several splits the next one: its run's events follow."""

    event: Literal["split_began"] = "split_began"
    number: Count  # counted from 1
    count: Count
    left: Count  # splits that are not done, this one among them
    run: str
    seconds_left: float | None = None  # for all that are left, once one was timed


class Spread(BaseModel):
    """A figure over several splits."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)
    mean: float | None
    std: float | None  # as numpy has it: the squares are divided by the number of splits
    standard_error: float | None = None  # of the mean: std / sqrt(splits - 1)


class SplitsEnded(Said):
    """Last event of a series of splits, whether all are `done` or not."""

    promised = frozenset({"figures"})
    event: Literal["splits_ended"] = "splits_ended"
    name: str
    count: Count
    done: Count  # completed or stopped early by themselves: the figures are of these
    message: str
    runs: list[str] = Field(default_factory=list)  # all of the series, in order
    figures: dict[str, Spread] = Field(default_factory=dict)  # {"test_rmse": ...}
    seconds: float = 0.0  # spent training and evaluating, as in `run_ended`
    signal: str | None = None
