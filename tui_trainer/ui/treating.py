"""Applying a remedy: to the run that trains, to the one that has ended by resuming it, or to the form of another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tui_trainer.commands import Apply
from tui_trainer.errors import printable
from tui_trainer.ui.form import told

if TYPE_CHECKING:
    from tui_trainer.inside_events import Alerted, Remedy
    from tui_trainer.ui.helm import Helm


def treat(helm: Helm, alert: Alerted, number: int) -> None:
    """Do what the remedy of this number says (from 1), in the way that the run's state allows."""
    remedy, state = alert.remedies[number - 1], helm.view.state
    if remedy.where == "new_run":
        helm.set_up_new(remedy.values)
    elif remedy.where == "advice":  # to look for a learning rate, which has a key
        helm.set_up_new({})
        helm.call_later(helm.run_action, "find")
    elif state.is_open:
        helm.ask_worker(Apply(alert=alert.alert, remedy=number))
    elif state.status in ("completed", "early_stopped") and not leads_back(alert, remedy, state.step):
        # nothing is left to do but more epochs
        values = told(remedy.values)
        helm.ask_more_epochs(remedy.values, printable(remedy.sentence) + (f" ({values})" if values else ""))
    elif helm.attempt(helm.desk.resume, {}, f"{alert.alert}:{number}"):
        helm.notify(f"Resumes with: {printable(remedy.sentence)}", timeout=6, markup=False)


def leads_back(alert: Alerted, remedy: Remedy, step: int) -> bool:
    """Whether it goes back to a step before this one."""
    return remedy.goes_back and alert.good_until is not None and alert.good_until < step
