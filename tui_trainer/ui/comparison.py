"""What a comparison knows of its runs: read in a thread, handed over whole."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from typing import Any

from tui_trainer import config_file
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, values_of
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import RunState
from tui_trainer.ui.follower import RunFollower
from tui_trainer.ui.form import spoken

FIGURES = {
    "val_loss": "validation loss",
    "val_accuracy": "validation accuracy",
    "val_rmse": "validation RMSE",
    "val_mae": "validation MAE",
    "val_roc_auc": "validation ROC-AUC",
    "macro_f1": "validation macro F1",
    "train_loss": "training loss",
}
Points = tuple[tuple[float, float], ...]  # (epoch, value)
LARGEST = 1e30  # a plot cannot take the ends of what a float can hold
SECONDS_AT_ONCE = 0.02  # of reading, between two looks at whether anyone still wants it


@dataclass(frozen=True)
class Compared:
    """One run as the comparison shows it; equal ones look the same."""

    state: RunState = field(default_factory=RunState)
    points: dict[str, Points] = field(default_factory=dict)  # by figure
    settings: dict[str, Any] = field(default_factory=dict)  # by knob, as config.toml has them
    problem: str = ""


class Source:
    """Reads one run, and reads on."""

    def __init__(self, run: RunDir) -> None:
        self.run = run
        self._follower = RunFollower(run)

    def read(self) -> Iterator[Compared | None]:
        """None after each slice of work, and at the end what is to be seen. Made for a thread."""
        self._follower.read(SECONDS_AT_ONCE)
        while not self._follower.is_complete:
            yield None
            self._follower.read(SECONDS_AT_ONCE)
        self._follower.answers.clear()  # nobody here asked anything
        try:
            settings = values_of(config_file.load(self.run.config))
        except InputError as error:
            yield self._seen({}, str(error))
        else:
            yield self._seen(settings, "")

    def _seen(self, settings: dict[str, Any], problem: str) -> Compared:
        points = {
            name: tuple(
                (point.at, point.value)
                for point in self._follower.history.by_epoch[name].whole()
                if abs(point.at) < LARGEST and abs(point.value) < LARGEST  # false for what is not a number, too
            )
            for name in FIGURES
        }
        return Compared(self._follower.seen_state, points, settings, problem)


def differing(many: Sequence[Compared]) -> Iterator[tuple[str, list[str]]]:
    """(knob, its value in each run) where they are not the same; changed in training, it is told as `1e-3 → 3e-4`."""
    for name in KNOBS:
        asked = [one.settings[name] for one in many]
        held = [in_force(one, name) for one in many]
        pairs = list(zip(asked, held, strict=True))
        if all(pair == pairs[0] for pair in pairs):
            continue
        for words in (partial(spoken, name=name), str):  # the form's six digits may be too few to tell them apart
            texts = [words(before) + (f" → {words(now)}" if now != before else "") for before, now in pairs]
            if len(set(texts)) > 1:
                break
        yield name, texts


def in_force(one: Compared, name: str) -> Any:
    """A knob's value at the end, or now."""
    value = one.state.changed.get(name, one.settings[name])
    return tuple(value) if isinstance(value, list) else value
