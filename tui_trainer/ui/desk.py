"""What one sits at: the form of the next run, or a run that is open. Knows folders and processes, and no widget."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tui_trainer import commands, config_file, launch, runs_folder
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.inside_events import Alerted
from tui_trainer.knobs import KNOBS, changed
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.follower import RunFollower
from tui_trainer.ui.form import Form, spoken
from tui_trainer.ui.steering import Steering
from tui_trainer.ui.view import View

OF_THE_MACHINE = ("data_dir", "device", "threads")  # what another recipe leaves as it is
SECONDS_TO_READ = 2.0
BAD_INPUT = 2  # a worker's exit code


@dataclass(frozen=True)
class Wish:
    """What the command line asked the dashboard for."""

    runs_dir: Path
    config: RunConfig
    stem: str
    name: str | None = None
    run: RunDir | None = None  # to be opened
    resume: Mapping[str, Any] | None = None  # and resumed, with these settings changed
    apply: str = ""  # beginning with this remedy: `divergence-1:2`
    is_readonly: bool = False


class Desk:
    """`view` is what it looks like now; every method that changes something may raise InputError or StorageError."""

    def __init__(self, wish: Wish) -> None:
        self.runs_dir, self.is_readonly = wish.runs_dir, wish.is_readonly
        self._name = wish.name
        self.form = Form(wish.config, wish.stem)
        self.follower: RunFollower | None = None
        self.steering: Steering | None = None
        self._waits_for_worker = False
        self._form_before: tuple[RunConfig, str, str | None] | None = None
        self._problem: str | None = None
        self._seen: frozenset[tuple[str, float]] = frozenset()
        if wish.run:
            self.open(wish.run)

    @property
    def run(self) -> RunDir | None:
        """The run that is open."""
        return self.follower.run if self.follower else None

    def open(self, run: RunDir) -> None:
        """Show a run from its start."""
        self.follower, self.steering = RunFollower(run), Steering(run)
        config = self.follower.config() or RunConfig()
        self.form = Form(config, self.stem_of(run), is_live=True, is_locked=self.is_readonly)
        self._waits_for_worker = False
        self._seen = frozenset()

    @staticmethod
    def stem_of(run: RunDir) -> str:
        """`digits-3`, `digits-3.fold-07` -> `digits`: what a run made from its settings is named after."""
        name = re.sub(r"\.(split|fold)-\d+$", "", run.name)
        stem, _, number = name.rpartition("-")
        return stem if stem and number.isdigit() else name

    def set_up(self, config: RunConfig | None = None, stem: str = "") -> None:
        """Back to the form, filled with these settings, or those of the run that was open."""
        if config is None and self.follower:
            self.follower.read(SECONDS_TO_READ)  # what was changed while it trained counts too
            config, stem = self.follower.config(), self.stem_of(self.follower.run)
        self.follower = self.steering = None
        self.form = Form(config or RunConfig(), stem or "run")
        self.edited()

    def edited(self) -> None:
        """The form changed: what was wrong is looked at anew."""
        self._problem = None

    def fill(self, values: Mapping[str, Any]) -> None:
        """The form with these values changed."""
        self.form = Form(changed(self.form.config(), values), self.form.stem)
        self.edited()

    def put_away(self, alerts: Iterable[Alerted]) -> None:
        """They were looked at: told in a line no more."""
        self._seen |= {(alert.alert, alert.time) for alert in alerts}

    def fill_from_recipe(self, name: str) -> None:
        """The form with a recipe's settings; folders and devices stay as they are."""
        from tui_trainer import recipes

        path = recipes.find(name)
        kept = {key: self.form.values[key] for key in OF_THE_MACHINE if self.form.values[key] != KNOBS[key].default}
        self.set_up(changed(config_file.load(path), kept), path.stem)

    def start(self) -> None:
        """Train what the form says."""
        if problem := self.form.problem():
            raise InputError(problem)
        config = self.form.config()
        before = (config, self.form.stem, self._name)
        run = launch.start(config, self.runs_dir, self._name, self.form.stem)
        self._name = None
        self.open(run)
        self._form_before, self._waits_for_worker = before, True

    def resume(self, changes: Mapping[str, Any], apply: str = "") -> None:
        """Go on with the open run from its last checkpoint, or with a remedy, `divergence-1:2`."""
        if self.follower is None:
            return
        self.read(SECONDS_TO_READ)  # what was said until now is no answer to this
        drafts = self.form.drafts
        self.form.check_drafts()
        launch.launch(self.follower.run, {**drafts, **changes}, apply)
        self.follower.exit = None
        self._waits_for_worker = True

    def send(self, command: commands.Command) -> None:
        """Ask the worker."""
        if self.steering:
            self.steering.send(command)

    def send_values(self, values: Mapping[str, Any]) -> None:
        """Change live hyperparameters of the run."""
        self.form.check_drafts()
        self.send(commands.SetHyperparameters(values=json.loads(json.dumps(dict(values)))))

    def read(self, seconds: float) -> list[str]:
        """Take in what happened; returns what a person has to be told."""
        follower, steering = self.follower, self.steering
        if follower is None or steering is None:
            return []
        follower.read(seconds)
        answers, follower.answers = follower.answers, []
        told = [f"refused: {refused.why}" for refused in steering.hear(answers)]
        kinds = {event.event for event in answers}
        if kinds & {"run_resumed", "run_started"}:
            self._waits_for_worker = False
        if kinds & {"run_resumed", "run_started", "hyperparameters_changed"}:
            self.form.hold(follower.state.changed)
        if follower.is_complete and not follower.is_alive:
            steering.forget()
            told += self._after_death(follower)
        return told

    def _after_death(self, follower: RunFollower) -> list[str]:
        """A worker that we started and that never trained: why. Where it refused the form, back to the form."""
        if not self._waits_for_worker or follower.exit is None:
            return []
        self._waits_for_worker = False
        code, said = follower.exit.code, " ".join(follower.exit.last_words[-1:]).removeprefix("tui-trainer: ")
        if code == BAD_INPUT and follower.state.started is None and self._form_before:
            run, (config, stem, self._name) = follower.run, self._form_before
            self.set_up(config, stem)
            self._problem = said or "the worker refused these settings"  # told in the status line
            run.remove()
            return []
        if code == BAD_INPUT:
            return [said or "the worker refused to go on"]
        is_told = code == 0 or follower.seen_state.status == "lost"  # by the status line
        return [] if is_told else [f"the worker {follower.exit.sentence}: {said}"]

    def problem(self) -> str:
        """Why the form cannot be trained, or ""."""
        if self._problem is None:
            self._problem = self.form.problem()
        return self._problem

    def view(self) -> View:
        """The present moment."""
        follower = self.follower
        if follower is None or self.steering is None:
            return View(problem=self.problem(), plan=plan(self.form), is_readonly=self.is_readonly)
        state = follower.seen_state
        if self._waits_for_worker and follower.is_alive:
            state = replace(state, status="starting")
        return View(
            run=follower.run.name,
            state=state,
            version=follower.history.version + follower.log.version,
            history=follower.history,
            log=follower.log,
            exit=follower.exit if state.status == "lost" else None,
            pending=self.steering.pending,
            is_readonly=self.is_readonly,
            silent_seconds=int(time.monotonic() - follower.heard_at) // 10 * 10 if state.status == "training" else 0,
            is_gone=state.status == "lost" and not follower.run.path.is_dir(),
            seen=self._seen,
        )

    def delete_unbegun(self) -> None:
        """A run that failed before its first step holds nothing: it goes when one leaves it."""
        if self.follower and not self.follower.is_alive and self.follower.state.started is None:
            runs_folder.delete(self.follower.run)


def plan(form: Form) -> str:
    """`digits · hidden 128 · adam 0.001 · batch 64 · 30 epochs`."""
    values = form.values
    hidden = "linear" if values["hidden"] == () else f"hidden {spoken(values['hidden'])}"
    return " · ".join(
        [
            spoken(values["data"], "data"),
            hidden,
            f"{values['optimizer']} {values['lr']:g}",
            f"batch {values['batch_size']}",
            f"{values['epochs']:,} epochs",
            f"on {values['device']}",
        ]
    )
