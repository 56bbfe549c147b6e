"""What looks wrong with the training, in one line that is there only then; `a` opens what may help."""

from __future__ import annotations

from rich.style import Style
from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.inside_events import Alerted
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.palette import Palette
from tui_trainer.ui.panels.panel import Panel

GRAVE = ("non_finite_loss", "divergence")


def style_of(kind: str, palette: Palette) -> str:
    """Of an alert's kind."""
    return palette.bad if kind in GRAVE else palette.warn


def headline_of(alert: Alerted) -> str:
    """Its cause, with a capital."""
    cause = printable(alert.cause)
    return cause[:1].upper() + cause[1:]


class AlertPanel(Panel, can_focus=False):
    """The newest alert that nobody has looked at."""

    heading = "Alert"

    def lines(self, width: int, height: int) -> list[Text]:
        """Cause, numbers, how many more, and the key."""
        alerts = self.view.unseen
        if not alerts:
            return []
        alert = alerts[0]
        style = f"{style_of(alert.kind, self.palette)} reverse"
        more = f"  and {len(alerts) - 1} more" if len(alerts) > 1 else ""
        right = f"{more}  a {'shows' if self.view.is_readonly else 'remedies'} "
        left = Text(f" {ALERT_SIGN} {headline_of(alert)}", "bold")
        left = Text.assemble(left, f"  {printable(alert.evidence)}")
        left.truncate(max(1, width - len(right)), overflow="ellipsis", pad=True)
        line = Text.assemble(left, (right, "bold"))
        line.stylize_before(style)
        line.stylize(Style.from_meta({"@click": "screen.press('remedies', ())"}))
        return [line]
