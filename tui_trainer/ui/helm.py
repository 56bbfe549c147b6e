"""The helm: the keys that steer the run, or set up another one with its settings.

Windows that a key opens are imported when it is pressed: the first paint does not wait for them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from tui_trainer.commands import Command, Evaluate, Pause, Resume, Save, Stop
from tui_trainer.errors import InputError
from tui_trainer.knobs import read_value
from tui_trainer.ui.attempt import attempt
from tui_trainer.ui.form import told
from tui_trainer.ui.stage import Stage


class Helm(Stage):
    """The stage with the actions that append a command, or start a worker."""

    def attempt(self, wish: Callable[..., object], *arguments: object) -> bool:
        """Do something that may be refused, and look at what came of it."""
        if not attempt(self, wish, *arguments):
            return False
        self.set_timer(0.15, self.look)  # the answer, before the clock's next tick
        self.look()
        return True

    def ask_worker(self, command: Command) -> None:
        """Append a command, unless there is nobody to read it."""
        if self.view.status not in ("starting", "training", "paused"):
            self.notify("No run is training here.", timeout=4)
        elif self.desk.steering and self.desk.steering.is_waiting(command.command):
            self.notify("That was asked already; the run has not answered yet.", timeout=4)
        else:
            self.attempt(self.desk.send, command)

    def action_go(self) -> None:
        """Start, pause, go on, resume: what the state calls for."""
        match self.view.status:
            case "ready":
                if self.attempt(self.desk.start):
                    self.show_desk()
                    self.go_to_panel("losses")
            case "training":
                self.ask_worker(Pause())
            case "paused":
                self.ask_worker(Resume())
            case "starting":
                self.notify("The run is loading; s stops it as soon as it listens.", timeout=4)
            case "completed" | "early_stopped":
                self.action_more_epochs()
            case _ if self.view.state.started is None:
                self.action_new()
            case _:
                self.attempt(self.desk.resume, {})

    def action_save(self) -> None:
        """A checkpoint now."""
        self.ask_worker(Save())

    def action_evaluate(self) -> None:
        """An evaluation now."""
        self.ask_worker(Evaluate())

    def action_stop(self) -> None:
        """Save, test, end."""
        self.ask_worker(Stop())

    def action_more_epochs(self) -> None:
        """Ask how many in all; a run that has ended is resumed with them."""
        self.ask_more_epochs({})

    def ask_more_epochs(self, values: Mapping[str, Any], because: str = "") -> None:
        """More epochs, with other live values besides where the run has ended, for a reason that is told."""
        state = self.view.state
        if not self.view.run or state.started is None:
            self.notify("Open or start a run first.", timeout=4)
            return
        done = min(state.epochs_done + 1, state.epochs) if state.is_open else state.epochs_done

        def check(text: str) -> int:
            epochs = int(read_value("epochs", text))
            if epochs <= done:
                raise InputError(f"{done:,} {'have begun' if state.is_open else 'are done'} already; give it more")
            return epochs

        def take(answer: str | None) -> None:
            if answer is None:
                return
            if state.is_open:
                self.attempt(self.desk.send_values, {"epochs": check(answer)})
            else:
                patience = {"patience": 0} if state.status == "early_stopped" else {}
                self.attempt(self.desk.resume, {**patience, **values, "epochs": check(answer)})

        sentence = f"{state.epochs_done:,} of {state.epochs:,} are done. How many shall it be in all?"
        if because:
            sentence = f"{because}: this takes more epochs. {sentence}"
        if state.status == "early_stopped":
            sentence += " Early stopping is switched off."
        from tui_trainer.ui.asking import AskText

        self.app.push_screen(AskText("More epochs", sentence, str(state.epochs + max(1, state.epochs)), check), take)

    def action_new(self) -> None:
        """The form, with the settings of the run that was open; the run is left alone."""
        if self.view.is_readonly:
            self.notify("Opened read-only: `tui-trainer` in another terminal sets up a run.", timeout=6)
        if not self.view.is_readonly and self.view.run:
            self.set_up_new({})

    def set_up_new(self, values: Mapping[str, Any]) -> None:
        """The form, with the settings of the run that was open and these values changed, which are told."""
        name, goes_on = self.view.run, self.view.state.is_open and self.desk.follower and self.desk.follower.is_alive
        self.attempt(self.desk.delete_unbegun)
        self.desk.set_up()
        filled = self.attempt(self.desk.fill, values) and told(values)
        self.show_desk()
        self.go_to_panel("hyperparameters")
        if filled:
            self.notify(f"Filled in: {filled}. space trains it.", timeout=6, markup=False)
        if goes_on:
            self.notify(f"{name} goes on; o opens it again.", timeout=6, markup=False)

    def action_remedies(self) -> None:
        """What looks or looked wrong, and what may help; whoever has looked is told of it in a line no more."""
        from tui_trainer.ui.first_aid import Choice, FirstAid
        from tui_trainer.ui.treating import treat

        if not self.view.alerts and not self.view.passed:
            self.notify("Nothing looks wrong with the training." if self.view.run else "No run is open.", timeout=4)
            return

        def take(chosen: Choice | None) -> None:
            self.desk.put_away(window.told)
            if chosen:
                treat(self, *chosen)
            self.look()

        window = FirstAid(self.view)
        self.app.push_screen(window, take)
