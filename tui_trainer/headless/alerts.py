"""What first aid has found, and what somebody without the dashboard can do about it."""

from __future__ import annotations

import shlex
from collections.abc import Sequence

from rich.text import Text

from tui_trainer.commands import Apply, to_line
from tui_trainer.errors import printable
from tui_trainer.events import RunEnded
from tui_trainer.inside_events import Alerted
from tui_trainer.run_state import RunState
from tui_trainer.treatment import first_for_a_resume
from tui_trainer.words import in_lines


def alert_block(alert: Alerted, state: RunState, width: int) -> Text:
    """Cause, evidence, numbered remedies, and the command that applies one."""
    text = Text()
    _add(text, "! ", printable(alert.cause), width, "bold yellow")
    _add(text, "  ", printable(alert.evidence), width, "yellow")
    here = [number for number, remedy in enumerate(alert.remedies, 1) if remedy.where == "here"]
    for number, remedy in enumerate(alert.remedies, 1):
        _add(text, f"  {number}. ", printable(remedy.sentence), width, "")
    if here and state.status == "training":
        command = to_line(Apply(alert=alert.alert, remedy=here[0])).strip()
        line = f"To apply one: echo {shlex.quote(command)} >> {_commands(state)}"
        text.append(f"  {line}\n", style="dim")  # in one piece, to be copied
    text.rstrip()
    return text


def _add(text: Text, start: str, words: str, width: int, style: str) -> None:
    lines = in_lines(words.split(" "), max(20, width - len(start)), " ")
    for number, line in enumerate(lines):
        text.append(f"{start if number == 0 else ' ' * len(start)}{line}\n", style=style)


def _commands(state: RunState) -> str:
    """The file that takes commands, as a shell reads it."""
    return shlex.quote(printable(f"{state.started.run_dir}/commands.jsonl")) if state.started else "commands.jsonl"


def when_paused(state: RunState) -> str:
    """How a run goes on that waits."""
    if not state.started:
        return 'To go on: append {"command": "resume"} to the run\'s commands.jsonl, or attach to it'
    name = shlex.quote(printable(state.started.run))
    apply = ""
    if alert := next((alert for alert in reversed(state.alerts) if _first_here(alert)), None):
        command = to_line(Apply(alert=alert.alert, remedy=_first_here(alert))).strip()
        apply = f"; with the first remedy: {command}"
    resume = f'append {{"command": "resume"}} to {_commands(state)}'
    return f"To go on: tui-trainer attach {name}, or {resume}{apply}"


def _first_here(alert: Alerted) -> int:
    return next((number for number, remedy in enumerate(alert.remedies, 1) if remedy.where == "here"), 0)


def way_on(end: RunEnded, alerts: Sequence[Alerted], still_open: Sequence[Alerted] = ()) -> str:
    """The command that goes on with what an alert advises, where one of those said ended the run, or where it ended as
    diverged as one that is `still_open` says; of other ones that are open, which, and what shows them; otherwise "".
    """
    start, ending = "To go on", None
    if end.reason == "diverged" or end.alert:
        ending = next((alert for alert in reversed(alerts) if end.alert in (None, alert.alert)), None)
    else:
        ending = next((alert for alert in reversed(still_open) if alert.kind == "divergence"), None)
        if ending is None:
            return _still_open(end, still_open)
        start = "To go on from before it diverged"
    words = ["tui-trainer", "resume", end.run or "RUN"]
    if ending and (number := first_for_a_resume(ending)):
        words += ["--apply", ending.alert if number == 1 else f"{ending.alert}:{number}"]
    return f"{start}: {printable(shlex.join([*words, '--no-ui']))}"


def _still_open(end: RunEnded, still_open: Sequence[Alerted]) -> str:
    """That a run ended, as it was to, with alerts that nobody answered; "" without any."""
    if not still_open:
        return ""
    run = printable(shlex.quote(end.run or "RUN"))
    line = f"Alerts still open: {', '.join(alert.alert for alert in still_open)}."
    line += f" To look at them: tui-trainer attach {run}, key a"
    treatable = (alert for alert in still_open if first_for_a_resume(alert))
    if alert := next(treatable, None):
        remedy = alert.remedies[first_for_a_resume(alert) - 1]
        epochs = "" if remedy.goes_back else " --epochs MORE"
        line += f"; to go on: tui-trainer resume {run} --apply {alert.alert}{epochs} --no-ui"
    return line
