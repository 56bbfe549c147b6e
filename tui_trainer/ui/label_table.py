"""Labels, one a line: precision, recall, F1 and how often each occurs."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.events import EpochEnded, RunEnded
from tui_trainer.ui.palette import Palette

WIDTHS = {"precision": 10, "recall": 8, "F1": 6, "support": 9}  # of columns, by their heads
LEAST_NAME, MOST_NAME = 6, 30


@dataclass(frozen=True)
class LabelTable:
    """What is known of the labels, and how it is laid out."""

    names: tuple[str, ...]
    shares: tuple[tuple[float, float, float], ...]  # precision, recall, F1
    support: tuple[int, ...]

    @classmethod
    def of(cls, figures: EpochEnded | RunEnded, names: Sequence[str]) -> LabelTable | None:
        """Of an evaluation; None where it has no such figures, or other ones than a run's names."""
        before = "test_" if isinstance(figures, RunEnded) else ""
        *shares, support = (getattr(figures, f"{before}{name}") for name in ("precision", "recall", "f1", "support"))
        if not support or any(not share or len(share) != len(support) for share in shares):
            return None
        named = (
            [printable(name) for name in names] if len(names) == len(support) else list(map(str, range(len(support))))
        )
        return cls(tuple(named), tuple(zip(*shares, strict=True)), tuple(support))

    def lines(self, palette: Palette, width: int, rows: range, chosen: int | None) -> list[Text]:
        """The head and these rows. Columns that find no room go, the last first."""
        heads = list(WIDTHS)
        while len(heads) > 1 and sum(WIDTHS[head] for head in heads) + LEAST_NAME > width:
            heads.pop()
        most = max(LEAST_NAME, min(MOST_NAME, width - sum(WIDTHS[head] for head in heads)))
        label = min(most, max(map(len, self.names)))
        lines = [Text(" " * label + "".join(f"{head:>{WIDTHS[head]}}" for head in heads), "dim")]
        for number in rows:
            line = Text.assemble((f"{self.names[number][:label]:{label}}", "reverse bold" if number == chosen else ""))
            for head, share in zip(heads, self.shares[number], strict=False):
                line.append(" " * (WIDTHS[head] - 5))
                line.append(f"{share:5.2f}", palette.heat(share, is_hit=True))
            if len(heads) == len(WIDTHS):
                line.append(f"{self.support[number]:>{WIDTHS[heads[-1]]},}", "dim")
            lines.append(line)
        return lines

    def told(self, number: int) -> Text:
        """A label in words."""
        precision, recall, f1 = self.shares[number]
        words = f"precision {precision:.1%}, recall {recall:.1%}, F1 {f1:.4f}, of {self.support[number]:,}"
        return Text.assemble((f"{self.names[number]}: ", "bold"), words)
