"""What a person may ask of a running run: one JSON object a line, appended to `commands.jsonl` by anybody.

    {"command": "pause"}            {"command": "resume"}           {"command": "stop"}
    {"command": "save"}             {"command": "evaluate"}
    {"command": "set", "lr": 0.0003, "dropout": 0.2}
    {"command": "apply", "alert": "overfitting-1", "remedy": 1}

`set` takes the live hyperparameters by their flags' names, `apply` a remedy of an alert by its number, from 1. An
optional `"id"` comes back in the event that answers.
"""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from tui_trainer.errors import nearest

NAMES = ("pause", "resume", "stop", "save", "evaluate", "set", "apply")


class Asked(BaseModel):
    """Common to all commands."""

    model_config = ConfigDict(frozen=True, extra="forbid", defer_build=True)
    id: Annotated[str, Field(max_length=100)] | None = None


class Pause(Asked):
    """Save, then wait."""

    command: Literal["pause"] = "pause"


class Resume(Asked):
    """Go on after a pause."""

    command: Literal["resume"] = "resume"


class Stop(Asked):
    """Save and end; `signal` or `alert` is set where one asked, and only inside the worker."""

    command: Literal["stop"] = "stop"
    signal: Annotated[str, Field(max_length=20)] | None = None
    alert: Annotated[str, Field(max_length=100)] | None = None


class Save(Asked):
    """Save a checkpoint now."""

    command: Literal["save"] = "save"


class Evaluate(Asked):
    """Evaluate now, without waiting for the end of the epoch."""

    command: Literal["evaluate"] = "evaluate"


class SetHyperparameters(Asked):
    """Change live hyperparameters; the worker checks names and ranges."""

    command: Literal["set"] = "set"
    values: dict[str, Any]

    @model_validator(mode="before")
    @classmethod
    def _gather(cls, raw: Any) -> Any:
        """`{"command": "set", "batch-size": 32}` -> values {"batch_size": 32}."""
        if not isinstance(raw, dict) or "values" in raw:
            return raw
        own = {key: raw[key] for key in ("command", "id") if key in raw}
        return {**own, "values": {key.replace("-", "_"): value for key, value in raw.items() if key not in own}}


class Apply(Asked):
    """Do what a remedy of an alert says; the worker checks that there is one."""

    command: Literal["apply"] = "apply"
    alert: Annotated[str, Field(max_length=100)]
    remedy: Annotated[int, Field(ge=1, le=100)] = 1


Command = Pause | Resume | Stop | Save | Evaluate | SetHyperparameters | Apply
_adapter: TypeAdapter[Command] = TypeAdapter(
    Annotated[Command, Field(discriminator="command")], config=ConfigDict(defer_build=True)
)


class MalformedCommandError(ValueError):
    """A line that is no command; its text says why."""


def parse(line: str) -> Command:
    """The command on a line. Raises MalformedCommandError with one sentence."""
    try:
        raw = json.loads(line)
    except (ValueError, RecursionError):
        raise MalformedCommandError('not JSON; expected for example {"command": "pause"}') from None
    if not isinstance(raw, dict) or not isinstance(raw.get("command"), str):
        raise MalformedCommandError('no command named; expected for example {"command": "pause"}')
    name = raw["command"]
    if name not in NAMES:
        raise MalformedCommandError(f"unknown command {name[:40]!r}{nearest(name, NAMES)} (known: {', '.join(NAMES)})")
    if name == "set" and not set(raw) - {"command", "id"}:
        raise MalformedCommandError('nothing to set; expected for example {"command": "set", "lr": 0.0003}')
    if name == "stop" and (own := next((key for key in ("signal", "alert") if key in raw), "")):
        raise MalformedCommandError(f"{own} is set by the worker alone; leave it out")
    try:
        return _adapter.validate_python(raw)
    except ValidationError as error:
        first = error.errors(include_url=False, include_input=False)[0]
        place = ".".join(str(part) for part in first["loc"][1:])
        raise MalformedCommandError(f"{place}: {first['msg']}") from None


def to_line(command: Command) -> str:
    """The command as one line of JSON, newline included."""
    if isinstance(command, SetHyperparameters):
        own = {"id": command.id} if command.id else {}
        return json.dumps({"command": "set", **own, **command.values}) + "\n"
    return command.model_dump_json(exclude_none=True) + "\n"
