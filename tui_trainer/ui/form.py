"""The form behind the hyperparameters panel: values, groups, search, steps. Knows the declarations and no widget."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import is_path
from tui_trainer.data_sets import DATA_SETS
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, Knob, build, changed_live, read_value, shown, values_of
from tui_trainer.paths import NAMING_FILES, anchored, found, stem_of
from tui_trainer.split_files import ask_for_one, numbers_of
from tui_trainer.ui.stepping import stepped

UNFOLDED = ("data", "model", "optimizer", "training")
FOR_OWN_FILES = (
    "test_data", "target", "task", "columns", "derived", "label_pattern", "quantile_noise",
    *(knob.name for knob in KNOBS.values() if knob.section in ("split", "table", "text", "images", "speech")),
)  # fmt: skip
FOLDS = ("folds", "split_number")  # of which known data have a use too, where they have no test samples

LONG_PATH = 18  # characters from which a path is shown by its last part


@dataclass(frozen=True)
class Row:
    """A line of the form: a group's heading (no knob) or a field."""

    section: str
    knob: Knob | None = None


class Form:
    """While `is_live`, it shows a run's settings: only live fields can be changed, and steps wait to be sent."""

    def __init__(self, config: RunConfig, stem: str, *, is_live: bool = False, is_locked: bool = False) -> None:
        self.values = values_of(config)
        self.stem = stem  # what the next run is named after
        self.is_live, self.is_locked = is_live, is_locked
        self.drafts: dict[str, Any] = {}  # stepped or typed in a live form, not sent
        self.folded = {section for section in RunConfig.model_fields if section not in UNFOLDED}
        self.filter = ""
        self.is_filtering = False
        self.cursor = 1

    def rows(self) -> list[Row]:
        """What is to be seen: with a search every field that matches, otherwise what is not folded away."""
        return list(self._rows())

    def _rows(self) -> Iterator[Row]:
        for section in RunConfig.model_fields:
            fields = [knob for knob in KNOBS.values() if knob.section == section and self._is_shown(knob)]
            if fields:
                yield Row(section)
            if self.filter or section not in self.folded:
                yield from (Row(section, knob) for knob in fields)

    def _is_shown(self, knob: Knob) -> bool:
        if self.filter:
            words = f"{knob.name.replace('_', ' ')} {knob.name} {knob.sentence} {knob.title}".lower()
            return self.filter.lower() in words
        return self.has_effect(knob)

    def has_effect(self, knob: Knob) -> bool:
        """Whether the other choices leave the field a meaning: no momentum under adam, no target of known data."""
        values = self.values
        if knob.name in FOR_OWN_FILES and not is_path(values["data"]):
            known = DATA_SETS.get(values["data"])
            if knob.name not in FOLDS or known is None or known.files:
                return False
        if knob.name == "quantile_noise" and values["normalize"] != "quantile":
            return False
        if knob.name == "final_momentum" and not values["momentum_epochs"]:
            return False
        if knob.name == "ema_warmup" and not values["ema"]:
            return False
        if knob.name == "split_number" and not (values["folds"] or values["test_rows"]):
            return False
        return knob.only_with is None or self.values[knob.only_with[0]] in knob.only_with[1]

    @property
    def current(self) -> Row:
        """The row under the cursor."""
        rows = self.rows()
        if not rows:
            return Row("data")
        self.cursor = min(max(0, self.cursor), len(rows) - 1)
        return rows[self.cursor]

    def value(self, knob: Knob) -> Any:
        """What the field shows: a draft before what holds."""
        return self.drafts.get(knob.name, self.values[knob.name])

    def can_change(self, knob: Knob) -> bool:
        """Whether keys may change the field now."""
        return not self.is_locked and (knob.is_live or not self.is_live)

    def move(self, by: int) -> None:
        """The cursor, within the rows there are."""
        self.cursor = min(max(0, self.cursor + by), max(0, len(self.rows()) - 1))

    def go_to(self, name: str) -> None:
        """The cursor to a field, unfolding its group."""
        self.filter, self.is_filtering = "", False
        self.folded.discard(KNOBS[name].section)
        found = [number for number, row in enumerate(self.rows()) if row.knob and row.knob.name == name]
        self.cursor = found[0] if found else self.cursor

    def fold(self, section: str, *, away: bool | None = None) -> None:
        """Fold a group away or open it; turn it round where nothing is said."""
        away = section not in self.folded if away is None else away
        (self.folded.add if away else self.folded.discard)(section)

    def step(self, direction: int) -> bool:
        """A step key on the row under the cursor. Returns whether a value changed."""
        row = self.current
        if row.knob is None:
            self.fold(row.section, away=direction < 0)
            return False
        if not self.can_change(row.knob):
            return False
        return self._set(row.knob, stepped(row.knob, self.value(row.knob), direction))

    def set_text(self, name: str, text: str) -> None:
        """A typed value. Raises InputError saying what is expected."""
        self._set(KNOBS[name], anchored({name: read_value(name, text)})[name])

    def to_default(self) -> None:
        """The field under the cursor back to its default."""
        knob = self.current.knob
        if knob and self.can_change(knob):
            self._set(knob, knob.default)

    def _set(self, knob: Knob, value: Any) -> bool:
        if value == self.value(knob):
            return False
        if self.is_live:
            self.drafts[knob.name] = value
            if value == self.values[knob.name]:
                del self.drafts[knob.name]
        else:
            if knob.name == "data" and self.stem == stem_of(self.values["data"]):
                self.stem = stem_of(value)
            self.values[knob.name] = value
        return True

    def hold(self, live: Mapping[str, Any]) -> None:
        """What a run's worker says is in force; a draft that came true is one no more."""
        for name, value in live.items():
            if name in KNOBS:
                self.values[name] = tuple(value) if isinstance(value, list) else value
                if self.drafts.get(name) == self.values[name]:
                    del self.drafts[name]

    def config(self) -> RunConfig:
        """The settings as a config; what has no effect takes its default. Raises InputError."""
        values = {name: value for name, value in self.values.items() if self.has_effect(KNOBS[name])}
        return build({name: value for name, value in values.items() if value != KNOBS[name].default})

    def problem(self) -> str:
        """Why this cannot be trained, or ""."""
        try:
            config = self.config()
            numbers = numbers_of(config)
            if is_path(config.data.name):
                found(config.data.name, config.data.dir, "--data")
        except InputError as error:
            return str(error)
        return ask_for_one(numbers) if numbers and not config.split.number else ""

    def check_drafts(self) -> None:
        """Raises InputError where the drafts cannot hold together with the rest."""
        changed_live(self.config(), self.drafts)


def spoken(value: Any, name: str = "") -> str:
    """A knob's value as the form shows it: `on`, `512,256`, `3e-4`, `…/people.csv`."""
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, float):
        return f"{value:g}"
    if value in ((), {}):
        return "linear" if name == "hidden" else "none"
    if name in NAMING_FILES and len(value) > LONG_PATH and "/" in value:
        return shown("…/" + value.rstrip("/").rpartition("/")[2])
    return shown(value)


def typed(value: Any) -> str:
    """A value as it is typed, uncut: `set_text` reads the same back."""
    if isinstance(value, Mapping):
        return ",".join(f"{name}={word}" for name, word in value.items())
    if isinstance(value, tuple):
        return ",".join(map(str, value))
    return value if isinstance(value, str) else spoken(value)


def label(knob: Knob) -> str:
    """`learning rate` for `lr`, otherwise the flag's name with spaces."""
    return {"lr": "learning rate", "eps": "epsilon"}.get(knob.name, knob.name.replace("_", " "))


def told(values: Mapping[str, Any]) -> str:
    """`learning rate 0.0005, dropout 0.2`; the values may be as JSON has them."""
    parts = []
    for name, value in values.items():
        value = tuple(value) if isinstance(value, list) else value
        parts.append(f"{label(KNOBS[name]) if name in KNOBS else shown(name)} {shown(spoken(value, name))}")
    return ", ".join(parts)
