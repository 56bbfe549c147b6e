"""The form: every hyperparameter in its group, with its sentence below; live ones can be changed while it trains."""

from __future__ import annotations

import textwrap
from typing import Any, ClassVar

from rich.text import Text
from textual import events
from textual.binding import BindingType
from textual.message import Message

from tui_trainer.config import RunConfig
from tui_trainer.knobs import Knob
from tui_trainer.ui.form import Form, Row, label, spoken
from tui_trainer.ui.panels.panel import Panel, bindings
from tui_trainer.words import shortened

LABEL_COLUMNS = 20
VALUE_COLUMNS = 20
WITH_SENTENCE = 70  # columns from which each row has its sentence beside it
SENTENCE_LINES = 3


class HyperparametersPanel(Panel):
    """Draws a `Form` and hands it the keys. What has to be typed, picked or sent is asked for by messages."""

    heading = "Hyperparameters"
    BINDINGS: ClassVar[list[BindingType]] = bindings("hyperparameters")

    class Edited(Message):
        """A value of the next run's settings changed."""

    class Wanted(Message):
        """A value is to be typed or picked."""

        def __init__(self, knob: Knob) -> None:
            super().__init__()
            self.knob = knob

    class Sent(Message):
        """Live values to be sent to the worker."""

        def __init__(self, values: dict[str, Any]) -> None:
            super().__init__()
            self.values = values

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.form = Form(RunConfig(), "digits")
        self._top = 0

    def show_form(self, form: Form) -> None:
        """Another form."""
        self.form = form
        self._top = 0
        self.repaint()

    def lines(self, width: int, height: int) -> list[Text]:
        """The fields that fit, and below a rule what is to be known of the one under the cursor."""
        form = self.form
        is_live = form.is_live
        self.retitle("live fields" if is_live else "", f"find: {form.filter}_" if form.is_filtering else form.filter)
        below = self._explained(width)
        room = max(1, height - len(below))
        rows = form.rows()
        form.cursor = min(max(0, form.cursor), max(0, len(rows) - 1))
        self._top = min(max(self._top, form.cursor - room + 1), max(0, form.cursor - 1), max(0, len(rows) - room))
        shown = [
            self._row(row, width, is_current=self._top + n == form.cursor)
            for n, row in enumerate(rows[self._top :][:room])
        ]
        if not rows:
            shown = [Text(f"No field has {form.filter!r} in it. esc ends the search.", "dim")]
        return [*shown, *[Text("")] * (room - len(shown)), *below]

    def _row(self, row: Row, width: int, *, is_current: bool) -> Text:
        cursor = "reverse" if is_current and self.has_focus else "underline" if is_current else ""
        if row.knob is None:
            is_folded = row.section in self.form.folded and not self.form.filter
            title = (RunConfig.model_fields[row.section].annotation.__doc__ or "").strip()
            return Text.assemble((f"{'▸' if is_folded else '▾'} {title}", f"bold {cursor}"))
        knob, form = row.knob, self.form
        value = spoken(form.value(knob), knob.name)
        is_draft = knob.name in form.drafts
        if is_draft:
            value = f"{spoken(form.values[knob.name], knob.name)} → {value}"
        elif knob.choices and form.can_change(knob):
            value += " ▾"
        can_change = form.can_change(knob)
        style = self.palette.warn if is_draft else self.palette.accent if form.values[knob.name] != knob.default else ""
        line = Text.assemble(
            (f"  {label(knob):{LABEL_COLUMNS - 2}}"[: LABEL_COLUMNS - 1] + " ", "" if can_change else "dim")
        )
        line.append(value, f"{style if can_change else 'dim'} {cursor}")
        tag = "live" if knob.is_live else ""
        if tag and line.cell_len + len(tag) + 1 <= width:
            room = VALUE_COLUMNS + LABEL_COLUMNS if width >= WITH_SENTENCE else width
            line.append(" " * max(1, room - line.cell_len - len(tag)))
            line.append(tag, self.palette.good if form.is_live and can_change else "dim")
        if width >= WITH_SENTENCE:
            line.append(" " * max(2, VALUE_COLUMNS + LABEL_COLUMNS + 2 - line.cell_len))
            line.append(knob.sentence, "dim")
        line.truncate(width, overflow="ellipsis")
        return line

    def _explained(self, width: int) -> list[Text]:
        """The sentence of the field under the cursor, what it takes, or what is wrong with it."""
        knob = self.form.current.knob
        if knob is None:
            texts = [("← folds the group, → opens it", "dim")]
        elif self.form.drafts:
            count = len(self.form.drafts)
            key = "enter sends" if self.view.state.is_open else "space resumes with"
            words = f"{key} it, esc drops it" if count == 1 else f"{key} all {count} changes, esc drops them"
            texts = [(f"{knob.sentence}", ""), (words, self.palette.warn)]
        elif self.form.is_live and not knob.is_live:
            texts = [(knob.sentence, ""), ("cannot change while the run exists", "dim")]
        else:
            texts = [(knob.sentence, ""), (knob.expected if not knob.is_switch else "on or off", "dim")]
        rows = [Text(part, style) for text, style in texts for part in textwrap.wrap(text, max(10, width))]
        if len(rows) > SENTENCE_LINES:
            rows = rows[:SENTENCE_LINES]
            rows[-1].plain = shortened(f"{rows[-1].plain} …", width)
        rows += [Text("")] * (SENTENCE_LINES - len(rows))
        return [Text("─" * width, "dim"), *rows]

    def action_form_move(self, by: int) -> None:
        """The cursor."""
        self.form.move(by)
        self.repaint()

    def action_form_step(self, direction: int) -> None:
        """A step up or down."""
        changed = self.form.step(direction)
        self.repaint()
        if changed and not self.form.is_live:
            self.post_message(self.Edited())

    def action_form_enter(self) -> None:
        """Send what waits; otherwise open the field, or fold the group."""
        form, row = self.form, self.form.current
        if form.is_filtering:
            form.is_filtering = False
        elif form.drafts:
            self.post_message(self.Sent(dict(form.drafts)))
        elif row.knob is None:
            form.fold(row.section)
        elif not form.can_change(row.knob):
            self.app.bell()
        elif row.knob.is_switch:
            self.action_form_step(1)
        else:
            self.post_message(self.Wanted(row.knob))
        self.repaint()

    def action_form_filter(self) -> None:
        """Begin to type a search."""
        self.form.is_filtering, self.form.filter, self.form.cursor = True, "", 0
        self.repaint()

    def action_form_default(self) -> None:
        """Back to the default."""
        self.form.to_default()
        self.repaint()
        if not self.form.is_live:
            self.post_message(self.Edited())

    def action_form_back(self) -> None:
        """Drop drafts, or end the search."""
        self.form.drafts.clear()
        self.form.is_filtering, self.form.filter = False, ""
        self.repaint()

    async def _on_key(self, event: events.Key) -> None:
        """While a search is typed, letters are text."""
        form = self.form
        if not form.is_filtering:
            return
        if event.key == "backspace":
            form.filter = form.filter[:-1]
        elif event.character and event.is_printable:
            form.filter += event.character
        else:
            return
        event.stop()
        event.prevent_default()
        form.cursor = 1
        self.repaint()

    def on_click(self, event: events.Click) -> None:
        """The cursor to the row; a second click opens it."""
        offset = event.get_content_offset(self)
        if offset is None or self._top + offset.y >= len(self.form.rows()):
            return
        if self.form.cursor == self._top + offset.y:
            self.action_form_enter()
        self.form.cursor = self._top + offset.y
        self.repaint()

    def on_mouse_move(self, event: events.MouseMove) -> None:
        """The field under the pointer says what it is."""
        offset = event.get_content_offset(self)
        rows = self.form.rows()
        knob = rows[self._top + offset.y].knob if offset and self._top + offset.y < len(rows) else None
        self.tooltip = Text(f"{knob.sentence}\n{knob.expected}") if knob else None

    def on_mouse_scroll_up(self) -> None:
        """As the key."""
        self.action_form_move(-3)

    def on_mouse_scroll_down(self) -> None:
        """As the key."""
        self.action_form_move(3)

    def on_focus(self) -> None:
        """The cursor shows."""
        self.repaint()

    def on_blur(self) -> None:
        """And goes."""
        self.repaint()
