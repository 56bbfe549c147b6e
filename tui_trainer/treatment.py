"""A remedy of an alert by its name and number: for `apply` while a run trains, and for `resume --apply` after it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from tui_trainer.errors import InputError
from tui_trainer.inside_events import Alerted, Remedy
from tui_trainer.knobs import shown
from tui_trainer.run_dir import RunDir
from tui_trainer.run_state import folded


class Treatment(NamedTuple):
    """What is done about what."""

    alert: Alerted
    remedy: Remedy


def treatment(alerts: Iterable[Alerted], name: str, number: int) -> Treatment:
    """The remedy of this number, from 1, of an alert that is open.

    Raises InputError for what cannot be applied, saying what could.
    """
    alerts = list(alerts)
    alert = next((alert for alert in alerts if alert.alert == name), None)
    if alert is None:
        names = ", ".join(alert.alert for alert in alerts)
        raise InputError(f"no alert {shown(name)} is open" + (f"; these are: {names}" if names else ""))
    if not 1 <= number <= len(alert.remedies):
        raise InputError(f"{alert.alert} has {len(alert.remedies)} remedies, and {number} is none of them")
    remedy = alert.remedies[number - 1]
    if remedy.where == "new_run":
        raise InputError(f"only a new run can have this: {remedy.sentence}")
    if remedy.where == "advice":
        raise InputError(f"that is for you to do: {remedy.sentence}")
    return Treatment(alert, remedy)


def treatment_of(run: RunDir, asked_for: str) -> Treatment:
    """`divergence-1` (its first remedy that a run can have) or `divergence-1:2`, of a run that has ended.

    Raises InputError for what cannot be applied, saying what could.
    """
    name, colon, text = asked_for.partition(":")
    alerts = folded(run).alerts
    alert = next((alert for alert in alerts if alert.alert == name), None)
    if not colon:
        number = (first_for_a_resume(alert) or 1) if alert else 1
    elif text.isdecimal() and len(text) < 4:
        number = int(text)
    else:
        raise InputError(f"--apply {asked_for[:60]}: expected an alert's name and a number, as in divergence-1:2")
    try:
        found = treatment(alerts, name, number)
    except InputError as error:
        raise InputError(f"run {run.name!r}: {error}") from None
    if found.remedy.stops:
        raise InputError(f"run {run.name!r} has ended; {name}:{number} would only stop it")
    return found


def first_for_a_resume(alert: Alerted) -> int:
    """The number of the first remedy that a run which has ended can be resumed with, or 0."""
    return next((n for n, remedy in enumerate(alert.remedies, 1) if remedy.where == "here" and not remedy.stops), 0)
