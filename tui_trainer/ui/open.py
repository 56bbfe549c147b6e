"""Opens the dashboard and, when one leaves it, says what goes on and how to come back."""

from __future__ import annotations

import os
import shlex

from tui_trainer.plain_text import is_asked_for_by_locale
from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.desk import Desk, Wish


def open_dashboard(wish: Wish, *, refresh: float, is_ascii: bool) -> int:
    """Run it in this terminal to its end. Raises InputError before anything is drawn; returns the exit code."""
    desk = Desk(wish)
    if wish.resume is not None:
        desk.resume(wish.resume, wish.apply)
    app = TrainerApp(desk, refresh=refresh, is_ascii=is_ascii or is_asked_for_by_locale())
    app.run()
    if words := farewell(desk):
        print(words)
    return app.return_code or 0


def farewell(desk: Desk) -> str:
    """Where the run is and how to come back; "" where there is none."""
    if desk.follower is None:
        return ""
    desk.read(1.0)
    run, state = desk.follower.run, desk.follower.seen_state
    where = "" if str(desk.runs_dir) == os.environ.get("TUI_TRAINER_RUNS", "runs") else f" --runs-dir {desk.runs_dir}"
    name = shlex.quote(run.name)
    if state.is_open:
        how_far = f"epoch {state.epochs_done + 1} of {state.epochs}" if state.started else "it is loading"
        if state.status == "paused":
            how_far += ", paused"
        return f"{run.name} goes on ({how_far}). Come back: tui-trainer attach {name}{where}"
    if state.status in ("completed", "early_stopped"):
        return f"{run.name}: {state.status.replace('_', ' ')}. See it again: tui-trainer attach {name}{where}"
    return f"{run.name}: {state.status}. Go on with it: tui-trainer resume {name}{where}"
