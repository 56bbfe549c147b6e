"""The dashboard: what the keys do to the form, to the panels, and which screens they open.

Windows and screens that a key opens are imported when it is pressed: the first paint does not wait for them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.text import Text
from textual import on

from tui_trainer.ui.field import OF_YOUR_OWN, asking_for, asking_for_path
from tui_trainer.ui.helm import Helm
from tui_trainer.ui.keybar import PANELS
from tui_trainer.ui.panels.devices import DevicesPanel
from tui_trainer.ui.panels.hyperparameters import HyperparametersPanel

if TYPE_CHECKING:
    from tui_trainer.run_dir import RunDir

THEMES = ("trainer-dark", "trainer-light", "ansi-dark")


class Dashboard(Helm):
    """The stage with all its actions, one a key."""

    def action_change(self) -> None:
        """To the learning rate in the form."""
        if not self.view.run:
            self.go_to_panel("hyperparameters")
            return
        self.desk.form.go_to("lr")
        self.go_to_panel("hyperparameters")
        self.panel("hyperparameters").repaint()

    def action_recipe(self) -> None:
        """Choose one; it fills the form."""
        from tui_trainer import recipes
        from tui_trainer.ui.asking import AskChoice

        if self.view.is_readonly:
            return

        def take(name: str | None) -> None:
            if name and self.attempt(self.desk.fill_from_recipe, name):
                self.show_desk()
                self.go_to_panel("hyperparameters")

        choices = [
            (
                one.name,
                Text.assemble((one.name, "bold"), f"\n  {one.sentence}\n", (f"  expected: {one.expected}", "dim")),
            )
            for one in recipes.all_recipes()
        ]
        self.app.push_screen(AskChoice("Recipes", "Fills the form; nothing starts yet.", choices), take)

    def action_check(self) -> None:
        """What the form's data are like; kinds of columns that are chosen there go into the form."""
        from tui_trainer.ui.check import CheckScreen

        if self.view.run:
            self.notify("This run has begun; n sets up another one, which k checks.", timeout=4)
        elif self.attempt(self.desk.form.config):
            screen = CheckScreen(self.desk.form, self.desk.runs_dir)
            self.app.push_screen(screen, lambda _: self.after_form_screen())

    def action_find(self) -> None:
        """A learning rate or a batch size for what the form says; what is taken there goes into the form."""
        from tui_trainer.ui.finder import FinderScreen

        if self.view.run:
            self.notify("This run has begun; n sets up another one, for which r finds a learning rate.", timeout=4)
        elif self.attempt(self.desk.form.config):
            self.app.push_screen(FinderScreen(self.desk.form), lambda _: self.after_form_screen())

    def after_form_screen(self) -> None:
        """What was chosen on a screen over the form stands in the form."""
        self.form_was_edited()
        self.panel("hyperparameters").repaint()

    def action_runs(self) -> None:
        """The screen of all runs."""
        from tui_trainer.ui.runs import RunsScreen

        self.app.push_screen(RunsScreen(self.desk.runs_dir, is_readonly=self.desk.is_readonly), self.after_runs)

    def after_runs(self, answer: tuple[str, RunDir] | None) -> None:
        """Open, resume or duplicate what was chosen there."""
        if answer is None:
            return
        what, run = answer
        self.desk.open(run)
        if what == "duplicate":
            self.desk.set_up()
        self.show_desk()
        self._when_read = self.action_go if what == "resume" else None
        self.read_on()
        self.go_to_panel("hyperparameters" if what == "duplicate" else "losses")

    def action_next_panel(self) -> None:
        """Round and round."""
        self.go_to_panel(PANELS[(PANELS.index(self._current) + 1) % len(PANELS)])

    def action_previous_panel(self) -> None:
        """The other way."""
        self.go_to_panel(PANELS[PANELS.index(self._current) - 1])

    def action_panel(self, number: int) -> None:
        """One by its number."""
        self.go_to_panel(PANELS[number - 1])

    def action_maximise(self) -> None:
        """The present panel alone, or all of them."""
        self._is_maximised = not self._is_maximised
        self.place_panels()

    def action_theme(self) -> None:
        """The next of three."""
        theme = self.app.theme
        self.app.theme = THEMES[(THEMES.index(theme) + 1) % len(THEMES)] if theme in THEMES else THEMES[0]

    def action_help(self) -> None:
        """All keys."""
        from tui_trainer.ui.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_palette(self) -> None:
        """Textual's command palette."""
        self.app.action_command_palette()

    def action_detach(self) -> None:
        """Leave; the run goes on."""
        self.app.exit()

    @on(HyperparametersPanel.Wanted)
    def ask_value(self, message: HyperparametersPanel.Wanted) -> None:
        """Type or pick a value; of a living run it is sent at once."""
        knob, form = message.knob, self.desk.form

        def take(answer: str | None) -> None:
            if answer is None:
                return
            if answer == OF_YOUR_OWN:
                self.app.push_screen(asking_for_path(knob, form), take)
                return
            form.set_text(knob.name, answer)
            if form.is_live and form.drafts and self.view.state.is_open:
                self.send_live(HyperparametersPanel.Sent(dict(form.drafts)))
            elif not form.is_live:
                self.form_was_edited()
            self.panel("hyperparameters").repaint()

        self.app.push_screen(asking_for(knob, form, self.query_one(DevicesPanel).names), take)

    @on(HyperparametersPanel.Sent)
    def send_live(self, message: HyperparametersPanel.Sent) -> None:
        """To the worker; the form shows them when it has answered. A run that has ended takes them when resumed."""
        if self.view.state.is_open:
            self.attempt(self.desk.send_values, message.values)
        else:
            self.notify("Press space to resume the run with this.", timeout=6)

    @on(DevicesPanel.Taken)
    def take_device(self, message: DevicesPanel.Taken) -> None:
        """For the next run; one that exists keeps its device."""
        if self.view.run:
            self.notify("A run keeps its device; n sets up another run.", timeout=4)
            return
        self.desk.form.set_text("device", message.device)
        self.panel("hyperparameters").repaint()
        self.form_was_edited()
