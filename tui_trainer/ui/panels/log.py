"""Events in words and what the worker printed, newest below."""

from __future__ import annotations

import textwrap
import time
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType

from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.panels.panel import Panel, bindings
from tui_trainer.ui.view import LogLine
from tui_trainer.words import shortened

TIME_COLUMNS = 9


class LogPanel(Panel):
    """Follows the newest line until one scrolls back."""

    heading = "Log"
    seconds_between = 1.0
    BINDINGS: ClassVar[list[BindingType]] = bindings("log")

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._back = 0  # lines between the newest and the last one shown

    def lines(self, width: int, height: int) -> list[Text]:
        """The last lines that fit, long ones wrapped."""
        if not self.view.log.lines:
            return [Text("What happens is told here.", "dim")]
        rows: list[Text] = []
        for line in reversed(self.view.log.lines):
            rows[:0] = self._wrapped(line, width)
            if len(rows) >= height + self._back:
                break
        self._back = min(self._back, max(0, len(rows) - height))
        end = len(rows) - self._back
        self.retitle(f"{self._back} lines back" if self._back else "")
        return rows[max(0, end - height) : end]

    def _wrapped(self, line: LogLine, width: int) -> list[Text]:
        stamp = time.strftime("%H:%M:%S ", time.localtime(line.time)) if line.time else "   worker "[-TIME_COLUMNS:]
        room = max(10, width - TIME_COLUMNS)
        text = f"{ALERT_SIGN} {line.text}" if line.kind == "alert" else line.text
        parts = [shortened(text, room)] if line.kind == "epoch_ended" else textwrap.wrap(text, room) or [""]
        style = self._style(line)
        return [
            Text.assemble((stamp if number == 0 else " " * TIME_COLUMNS, "dim"), (part, style))
            for number, part in enumerate(parts)
        ]

    def _style(self, line: LogLine) -> str:
        match line.kind:
            case "epoch_ended":
                return "bold" if line.is_best else ""
            case "alert":
                return f"bold {self.palette.warn}"
            case "warned" | "command_rejected" | "paused":
                return self.palette.warn
            case "hyperparameters_changed" | "continued" | "evaluated" | "run_started" | "run_resumed":
                return self.palette.accent
            case "remedy_applied" | "went_back":
                return self.palette.accent
            case "alert_passed":
                return self.palette.good
            case "output":
                return "dim"
            case "run_ended":
                return self.palette.bad if self.view.status in ("failed", "diverged") else self.palette.good
        return ""

    def action_log_scroll(self, by: int) -> None:
        """Back (-) or on (+) by so many lines."""
        self._back = max(0, self._back - by)
        self.repaint()

    def action_log_end(self) -> None:
        """The newest line, and the ones that come."""
        self._back = 0
        self.repaint()

    def on_mouse_scroll_up(self) -> None:
        """As the key."""
        self.action_log_scroll(-3)

    def on_mouse_scroll_down(self) -> None:
        """As the key."""
        self.action_log_scroll(3)
