"""Reads the declarations of `config.py` out: what each hyperparameter is called, takes and means, and builds configs.

A knob's `name` is its flag with underscores (`lr`, `batch_size`): the name that `set` commands and the form use too.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Literal, cast, get_args, get_origin

import annotated_types
from pydantic import ValidationError
from pydantic.fields import FieldInfo

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import TABLE_OF
from tui_trainer.errors import InputError, nearest
from tui_trainer.sections import Section


@dataclass(frozen=True)
class Knob:
    """One hyperparameter as a person meets it."""

    name: str
    section: str
    key: str
    title: str  # the section's heading
    sentence: str
    default: Any
    expected: str  # its range or choices, in words
    choices: tuple[str, ...]
    is_switch: bool
    is_live: bool
    only_with: tuple[str, tuple[str, ...]] | None  # (other knob's name, its values)
    low: float | None  # of a number; whether it is allowed itself, `read_value` knows
    high: float | None

    @property
    def flag(self) -> str:
        """`--batch-size`."""
        return "--" + self.name.replace("_", "-")

    @property
    def path(self) -> str:
        """Where it stands in TOML: `training.batch_size`, `data.split.folds`."""
        return f"{self.table}.{self.key}"

    @property
    def table(self) -> str:
        """The TOML table: the section's name, or below another one's."""
        return TABLE_OF.get(self.section, self.section)

    def of(self, config: RunConfig) -> Any:
        """Its value in a config."""
        return getattr(getattr(config, self.section), self.key)


def _rules(field: FieldInfo) -> list[Any]:
    """The bounds of a number; of a number per layer, those of the one that may stand for all."""
    return [*field.metadata, *getattr(next(iter(get_args(field.annotation)), None), "__metadata__", ())]


def _number_range(field: FieldInfo) -> str:
    low = high = ""
    for rule in _rules(field):
        match rule:
            case annotated_types.Gt(gt=bound):
                low = f"above {bound:,}"
            case annotated_types.Ge(ge=bound):
                low = f"at least {bound:,}"
            case annotated_types.Lt(lt=bound):
                high = f" and below {bound:,}"
            case annotated_types.Le(le=int(bound) | float(bound)) if bound < 2**62:
                high = f" and at most {int(bound):,}" if bound >= 1 else f" and at most {bound}"
    noun = "a whole number" if field.annotation is int else "a number"
    return f"{noun} {low}{high}"


def _bound(field: FieldInfo, *kinds: type) -> float | None:
    for rule in _rules(field):
        if isinstance(rule, kinds):
            return float(getattr(rule, type(rule).__name__.lower()))
    return None


def _expected(field: FieldInfo, extra: Mapping[str, Any], choices: tuple[str, ...]) -> str:
    if extra["expected"]:
        return str(extra["expected"])
    if choices:
        return "one of " + ", ".join(choices)
    if field.annotation is bool:
        return "true or false"
    if extra["per_layer"]:
        return f"{_number_range(field)}; or {extra['per_layer']}"
    return "text" if field.annotation is str else _number_range(field)


def _read(section: str, key: str, field: FieldInfo, title: str) -> Knob:
    extra: Any = field.json_schema_extra
    choices = extra["choices"] or (get_args(field.annotation) if get_origin(field.annotation) is Literal else ())
    other, _, values = extra["only_with"].partition("=")
    return Knob(
        name=extra["flag"] or key,
        section=section,
        key=key,
        title=title,
        sentence=field.description or "",
        default=field.default,
        expected=_expected(field, extra, choices),
        choices=choices,
        is_switch=field.annotation is bool,
        is_live=extra["live"],
        only_with=(other, tuple(values.split(","))) if other else None,
        low=_bound(field, annotated_types.Ge, annotated_types.Gt),
        high=_bound(field, annotated_types.Le, annotated_types.Lt),
    )


def _sections() -> Iterable[tuple[str, type[Section]]]:
    for name, field in RunConfig.model_fields.items():
        yield name, cast(type[Section], field.annotation)


KNOBS: dict[str, Knob] = {
    knob.name: knob
    for section, declared in _sections()
    for knob in (_read(section, key, field, declared.__doc__ or "") for key, field in declared.model_fields.items())
}
BY_PATH: dict[tuple[str, str], Knob] = {(knob.section, knob.key): knob for knob in KNOBS.values()}
"""By section and key."""


MOVABLE = ("data_dir", *(name for name, knob in KNOBS.items() if knob.section in ("hardware", "output")))
"""Where a run trains and what it writes: may be other when it goes on."""


def build(values: Mapping[str, Any], where: Callable[[str], str] = lambda name: KNOBS[name].flag) -> RunConfig:
    """A config from {knob name: value}; what is absent takes its default.

    `where(name)` names the place a value came from, for the error. Raises InputError.
    """
    nested: dict[str, dict[str, Any]] = {}
    for name, value in values.items():
        knob = KNOBS[name]
        nested.setdefault(knob.section, {})[knob.key] = value
    try:
        config = RunConfig.model_validate(nested)
    except ValidationError as error:
        raise InputError(_sentence(error, values, where)) from None
    for name in values:
        if stray := stray_value(name, config):
            raise InputError(f"{where(name)}: {stray}")
    return config


def read_value(name: str, value: Any) -> Any:
    """One knob's value as its type, from what was typed. Raises InputError; how values fit together is not asked."""
    knob = KNOBS[name]
    section = cast(type[Section], RunConfig.model_fields[knob.section].annotation)
    try:
        return getattr(section.model_validate({knob.key: value}), knob.key)
    except ValidationError as error:
        raise InputError(_sentence(error, {name: value}, lambda name: name, knob)) from None


def _sentence(
    error: ValidationError, values: Mapping[str, Any], where: Callable[[str], str], knob: Knob | None = None
) -> str:
    first = error.errors(include_url=False, include_input=False)[0]
    section, key = (*map(str, first["loc"][:2]), "", "")[:2]
    knob = knob or BY_PATH.get((section, key))
    own_words = str(first.get("ctx", {}).get("error", ""))
    if knob is None:
        return own_words or first["msg"]
    if first["type"] == "value_error" and knob.name == "data":
        return f"{where(knob.name)}: {own_words}"
    return f"{where(knob.name)}: {shown(values[knob.name])} is not allowed; expected {knob.expected}"


def shown(value: Any) -> str:
    """A value as TOML shows it, cut to a length that fits an error."""
    text = str(value)
    if isinstance(value, tuple):
        text = ",".join(map(str, value))
    if isinstance(value, Mapping):
        text = ",".join(f"{name}={word}" for name, word in value.items())
    text = text.lower() if isinstance(value, bool) else text
    text = "".join(mark if mark.isprintable() else "?" for mark in text)
    return (text if len(text) <= 60 else text[:57] + "...") or '""'


def stray_value(name: str, config: RunConfig) -> str | None:
    """Why a value that differs from its default has no effect beside the other choices, or None."""
    knob = KNOBS[name]
    if knob.only_with is None or knob.of(config) == knob.default:
        return None
    other, values = KNOBS[knob.only_with[0]], knob.only_with[1]
    chosen = other.of(config)
    if chosen in values:
        return None
    return f"{knob.name} has an effect with {other.name} {' or '.join(values)} only, and {other.name} is {chosen}"


def values_of(config: RunConfig) -> dict[str, Any]:
    """{knob name: value} of every knob."""
    return {name: knob.of(config) for name, knob in KNOBS.items()}


def changed(
    config: RunConfig, changes: Mapping[str, Any], where: Callable[[str], str] = lambda name: KNOBS[name].flag
) -> RunConfig:
    """The config with these knobs changed. Raises InputError for a value or combination that is not allowed."""
    merged = {name: value for name, value in values_of(config).items() if value != KNOBS[name].default}
    return build({**merged, **changes}, where)


def changed_live(config: RunConfig, changes: Mapping[str, Any]) -> RunConfig:
    """Like `changed`, for what may change while a run trains; anything else is refused."""
    for name in changes:
        if name not in KNOBS:
            raise InputError(f"unknown hyperparameter {shown(name)!r}{nearest(name, live_names())}")
        if not KNOBS[name].is_live:
            raise InputError(f"{name} cannot change while a run trains; these can: {', '.join(live_names())}")
    return changed(config, changes, where=lambda name: name)


def live_names() -> list[str]:
    """Names of the knobs that may change while a run trains."""
    return [name for name, knob in KNOBS.items() if knob.is_live]
