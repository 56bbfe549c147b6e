"""The window of the alerts: what looks wrong, the numbers that say so, remedies by their numbers, and what is over."""

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
from tui_trainer.ui.form import told
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.palette import palette_of
from tui_trainer.ui.panels.alert import sentence, style_of
from tui_trainer.ui.stage import stage_of
from tui_trainer.ui.view import View
from tui_trainer.words import in_lines

Choice = tuple[Alerted, int]
"""An alert, and which of its remedies, from 1."""
NUMBERS = "123456789"
COLUMNS = 72  # of the window: an alert that is not chosen is told in one line
LOW = 24  # rows of a terminal below which only the chosen alert is told
SECONDS_BETWEEN_LOOKS = 0.25


def names_finder(remedy: Remedy) -> bool:
    """Whether it is the advice to look for a learning rate, for which there is a key."""
    return remedy.where == "advice" and "lr-find" in remedy.sentence


def consequence(remedy: Remedy, view: View) -> str:
    """What applying it does to the run as it is now."""
    values = told(remedy.values)
    if names_finder(remedy):
        return "n, then r, does it here; this does both: the form of a new run, and the search"
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
    """Newest first, then what is over. Follows the run; answers with what is to be applied, or None."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,a,q", "dismiss(None)", "back", show=False),
        Binding("right,tab", "other_alert(1)", "next alert", show=False),
        Binding("left,shift+tab", "other_alert(-1)", "alert before", show=False),
        *(Binding(number, f"choose({number})", show=False) for number in NUMBERS),
    ]

    CSS = """
    FirstAid #story { max-height: 36vh; }
    FirstAid .box OptionList { max-height: 40vh; margin: 1 0; }
    FirstAid.-low .box { max-height: 100%; }
    FirstAid.-low .box OptionList { max-height: 36vh; margin: 0; }
    """

    def __init__(self, view: View) -> None:
        super().__init__()
        self._view = view
        self._alerts = [*view.alerts, *view.passed]
        self._current = 0
        self._shown: Alerted | None = None  # whose remedies are listed

    def compose(self) -> ComposeResult:
        """Story, remedies, keys."""
        with Vertical(classes="box"):
            yield Static(id="story")
            yield OptionList()
            yield Static(id="keys-of-it")

    def on_mount(self) -> None:
        """The newest."""
        self.set_interval(SECONDS_BETWEEN_LOOKS, self.follow)
        self.show_alert()

    def on_resize(self) -> None:
        """Sentences are wrapped to the window."""
        self.show_alert()

    def follow(self) -> None:
        """The run goes on meanwhile: alerts come, pass, or are answered from another screen."""
        stage = stage_of(self.app)
        view = stage.view if stage else self._view
        before, self._view = self._view, view
        news = (view.run, view.status, view.alerts, view.passed)
        if news == (before.run, before.status, before.alerts, before.passed):
            return
        current = self._alerts[self._current]
        listed = [*view.alerts, *view.passed]
        gone = [one for one in self._alerts if one not in listed]  # the run went back to before them
        self._alerts = [*listed, *gone]
        self._current = self._alerts.index(current)
        self.show_alert()

    @property
    def told(self) -> list[Alerted]:
        """All that it has shown."""
        return list(self._alerts)

    def is_over(self, alert: Alerted) -> bool:
        """Whether it passed, was answered, or lies behind where the run went back to."""
        return alert not in self._view.alerts

    def show_alert(self) -> None:
        """The one chosen, and its remedies while it is open."""
        self.set_class(self.app.size.height < LOW, "-low")
        alert = self._alerts[self._current]
        self.query_one("#story", Static).update(self._story(alert))
        self.query_one("#keys-of-it", Static).update(self._keys())
        remedies = self.query_one(OptionList)
        kept = remedies.highlighted if self._shown is alert else None
        self._shown = alert
        remedies.clear_options()
        for number, remedy in enumerate(alert.remedies, 1):
            what = Text.assemble((f"{number}  ", "bold"), self._indented(printable(remedy.sentence)))
            then = self._indented(consequence(remedy, self._view))
            remedies.add_option(Option(Text.assemble(what, (f"\n   {then}", "dim"))))
        can_choose = bool(alert.remedies) and not self.is_over(alert)
        remedies.display = can_choose
        remedies.highlighted = (kept or 0) if can_choose else None
        self.set_focus(remedies if can_choose else None)

    @property
    def _columns(self) -> int:
        """Of the window's text."""
        return max(20, min(COLUMNS, self.app.size.width * 96 // 100 - 6))

    def _indented(self, words: str) -> str:
        """In lines that stand below one another, behind a number."""
        return "\n   ".join(in_lines(words.split(" "), self._columns - 5, " "))

    def _story(self, alert: Alerted) -> Text:
        palette, count = palette_of(self.app), len(self._alerts)
        story = Text.assemble(("First aid", "bold"))
        is_low = self.app.size.height < LOW
        which = f"{self._current + 1} of {count} alerts" if is_low else f"{count} alerts, the newest first"
        story.append(f"   {which}" if count > 1 else "", "dim")
        between = "\n" if is_low else "\n\n"
        for number, one in enumerate(self._alerts):
            is_current, is_over = number == self._current, self.is_over(one)
            if is_low and not is_current:
                continue
            style = "dim" if is_over else f"bold {style_of(one.kind, palette)}" if is_current else ""
            sign = "▸ " if is_current and count > 1 else "  " if count > 1 else ""
            end = f"  epoch {one.epoch:,}" if is_current else ""
            end += ", over" if is_over and is_current else "  over" if is_over else ""
            line = Text(f"{sign}{ALERT_SIGN} {sentence(one.cause)}", style)
            if not is_current:
                line.truncate(self._columns - len(end), overflow="ellipsis")
            story.append(between if number == 0 or is_low else "\n").append_text(line).append(end, "dim")
        story.append(f"{between}{printable(alert.evidence)}")
        if self.is_over(alert):
            story.append(f"{between}Over: it passed by itself, or a remedy was applied; the log says which.", "dim")
        return story

    def _keys(self) -> Text:
        keys = [("esc", "puts it away (a: again)")]
        if len(self._alerts) > 1:
            keys.insert(0, ("← →", "other"))
        if self._view.is_readonly:
            return Text.assemble(*_spelt(keys), ("   read-only: nothing is applied", palette_of(self.app).warn))
        if self.is_over(self._alerts[self._current]):
            return Text.assemble(*_spelt(keys))
        return Text.assemble(*_spelt([("enter", "or number applies"), *keys]))

    def action_other_alert(self, by: int) -> None:
        """Round and round."""
        self._current = (self._current + by) % len(self._alerts)
        self.show_alert()

    def action_choose(self, number: int) -> None:
        """A remedy by its number."""
        self.follow()
        alert = self._alerts[self._current]
        if self.is_over(alert):
            self.notify("Nothing to apply: it passed, or somebody has applied a remedy.", timeout=4)
            return
        if not 1 <= number <= len(alert.remedies):
            self.app.bell()
            return
        remedy = alert.remedies[number - 1]
        if self._view.is_readonly:
            self.notify("Opened read-only: this would steer the run.", timeout=4)
        elif names_finder(remedy):
            self.dismiss((alert, number))
        elif remedy.where == "advice" or (remedy.where == "here" and remedy.stops and not self._view.state.is_open):
            self.notify(f"Nothing to apply: {consequence(remedy, self._view)}.", timeout=4)
        else:
            self.dismiss((alert, number))

    @on(OptionList.OptionSelected)
    def take(self, event: OptionList.OptionSelected) -> None:
        """The remedy under the cursor."""
        self.action_choose(event.option_index + 1)


def _spelt(keys: list[tuple[str, str]]) -> list[tuple[str, str]]:
    return [part for key, words in keys for part in ((key, "bold"), (f" {words}   ", "dim"))]
