"""The window of the alerts: what looks wrong, the numbers that say so, and remedies by their numbers."""

from __future__ import annotations

from typing import ClassVar

from rich.text import Text
from textual import on
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Vertical
from textual.screen import ModalScreen
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from tui_trainer.errors import printable
from tui_trainer.inside_events import Alerted, Remedy
from tui_trainer.knobs import KNOBS
from tui_trainer.ui.form import label, spoken
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.palette import palette_of
from tui_trainer.ui.panels.alert import sentence, style_of
from tui_trainer.ui.view import View
from tui_trainer.words import in_lines

Choice = tuple[Alerted, int]
"""An alert, and which of its remedies, from 1."""
NUMBERS = "123456789"
COLUMNS = 72  # of the window: an alert that is not chosen is told in one line


def settings(remedy: Remedy) -> str:
    """`learning rate 0.0005, dropout 0.2`."""
    parts = []
    for name, value in remedy.values.items():
        value = tuple(value) if isinstance(value, list) else value
        parts.append(f"{label(KNOBS[name]) if name in KNOBS else printable(name)} {printable(spoken(value, name))}")
    return ", ".join(parts)


def consequence(remedy: Remedy, view: View) -> str:
    """What applying it does to the run as it is now."""
    values = settings(remedy)
    if remedy.where == "advice":
        return "advice: no setting does it"
    if remedy.where == "new_run":
        return "fills the form of a new run" + (f": {values}" if values else "")
    if not view.state.is_open:
        if remedy.stops:
            return "the run has ended"
        where = "the last good checkpoint" if remedy.goes_back else "the last checkpoint"
        return f"resumes from {where}" + (f" with {values}" if values else "")
    steps = [f"sets {values}"] if values else []
    steps += ["from the last good checkpoint on"] if remedy.goes_back else []
    steps += ["saves and stops the run"] if remedy.stops else []
    return ", ".join(steps) or "is done by the run as it trains"


class FirstAid(ModalScreen[Choice | None]):
    """Newest first. Answers with what is to be applied, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,a,q", "dismiss(None)", "back", show=False),
        Binding("right,tab", "other_alert(1)", "next alert", show=False),
        Binding("left,shift+tab", "other_alert(-1)", "alert before", show=False),
        *(Binding(number, f"choose({number})", show=False) for number in NUMBERS),
    ]

    DEFAULT_CSS = """
    FirstAid #story { max-height: 36vh; }
    FirstAid .box OptionList { max-height: 40vh; margin: 1 0 0 0; }
    """

    def __init__(self, alerts: list[Alerted], view: View) -> None:
        super().__init__()
        self._alerts, self._view = alerts, view
        self._current = 0

    def compose(self) -> ComposeResult:
        """Story, remedies, keys."""
        with Vertical(classes="box"):
            yield Static(id="story")
            yield OptionList()
            yield Static(self._keys())

    def on_mount(self) -> None:
        """The newest."""
        self.show_alert()

    def show_alert(self) -> None:
        """The one chosen, and its remedies."""
        alert = self._alerts[self._current]
        self.query_one("#story", Static).update(self._story(alert))
        remedies = self.query_one(OptionList)
        remedies.clear_options()
        for number, remedy in enumerate(alert.remedies, 1):
            what = Text.assemble((f"{number}  ", "bold"), _indented(printable(remedy.sentence)))
            then = _indented(consequence(remedy, self._view))
            remedies.add_option(Option(Text.assemble(what, (f"\n   {then}", "dim"))))
        remedies.display = bool(alert.remedies)
        remedies.highlighted = 0 if alert.remedies else None
        self.set_focus(remedies if alert.remedies else None)

    def _story(self, alert: Alerted) -> Text:
        palette, count = palette_of(self.app), len(self._alerts)
        story = Text.assemble(("First aid", "bold"))
        story.append(f"   {count} alerts, the newest first\n" if count > 1 else "\n", "dim")
        for number, one in enumerate(self._alerts):
            style = style_of(one.kind, palette)
            is_current = number == self._current
            sign = "▸ " if is_current and count > 1 else "  " if count > 1 else ""
            line = Text(f"{sign}{ALERT_SIGN} {sentence(one.cause)}", f"bold {style}" if is_current else "")
            if not is_current:
                line.truncate(COLUMNS, overflow="ellipsis")
            story.append("\n").append_text(line)
            if is_current:
                story.append(f"  epoch {one.epoch:,}", "dim")
        story.append(f"\n\n{printable(alert.evidence)}")
        return story

    def _keys(self) -> Text:
        keys = [("esc", "puts it away (a: again)")]
        if len(self._alerts) > 1:
            keys.insert(0, ("← →", "other"))
        if self._view.is_readonly:
            return Text.assemble(*_spelt(keys), ("   read-only: nothing is applied", palette_of(self.app).warn))
        return Text.assemble(*_spelt([("enter", "or number applies"), *keys]))

    def action_other_alert(self, by: int) -> None:
        """Round and round."""
        self._current = (self._current + by) % len(self._alerts)
        self.show_alert()

    def action_choose(self, number: int) -> None:
        """A remedy by its number."""
        alert = self._alerts[self._current]
        if not 1 <= number <= len(alert.remedies):
            self.app.bell()
            return
        remedy = alert.remedies[number - 1]
        if self._view.is_readonly:
            self.notify("Opened read-only: this would steer the run.", timeout=4)
        elif remedy.where == "advice" or (remedy.where == "here" and remedy.stops and not self._view.state.is_open):
            self.notify(f"Nothing to apply: {consequence(remedy, self._view)}.", timeout=4)
        else:
            self.dismiss((alert, number))

    @on(OptionList.OptionSelected)
    def take(self, event: OptionList.OptionSelected) -> None:
        """The remedy under the cursor."""
        self.action_choose(event.option_index + 1)


def _indented(words: str) -> str:
    """In lines that stand below one another, behind a number."""
    return "\n   ".join(in_lines(words.split(" "), COLUMNS - 5, " "))


def _spelt(keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [part for key, words in keys for part in ((key, "bold"), (f" {words}   ", "dim"))]
