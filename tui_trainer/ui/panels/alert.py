"""What looks wrong with the training, in one line that is there only then; `a` opens what may help."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.palette import Palette
from tui_trainer.ui.panels.panel import Panel

GRAVE = ("non_finite_loss", "divergence")


def style_of(kind: str, palette: Palette) -> str:
    """Of an alert's kind."""
    return palette.bad if kind in GRAVE else palette.warn


def sentence(words: str) -> str:
    """A cause as a run says it, with a capital."""
    shown = printable(words)
    return shown[:1].upper() + shown[1:]


class AlertPanel(Panel, can_focus=False):
    """The newest alert that nobody has looked at."""

    heading = "Alert"

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self._shown: list[Text] = []

    def on_hide(self) -> None:
        """The first frame when it comes again is of the alert that brings it."""
        self._strips = []

    def lines(self, width: int, height: int) -> list[Text]:
        """Cause, numbers, how many more, and the key; the last ones until the line itself is gone."""
        alerts = self.view.unseen
        if not alerts:
            return self._shown
        alert = alerts[0]
        style = f"{style_of(alert.kind, self.palette)} reverse"
        more = f"  and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        right = f"{more}  a {'shows' if self.view.is_readonly else 'remedies'} "
        left = Text(f" {ALERT_SIGN} {sentence(alert.cause)}", "bold")
        left = Text.assemble(left, f"  {printable(alert.evidence)}")
        left.truncate(max(1, width - len(right)), overflow="ellipsis", pad=True)
        line = Text.assemble(left, (right, "bold"))
        line.stylize_before(style)
        line.stylize(Style.from_meta({"@click": "screen.press('remedies', ())"}))
        self._shown = [line]
        return self._shown
