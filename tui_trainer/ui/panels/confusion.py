"""The confusion matrix of an epoch; of labels a table of them; of values predicted against true, and the residuals."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType

from tui_trainer.errors import printable
from tui_trainer.events import EpochEnded, RunEnded
from tui_trainer.measures import ALL_RIGHT, AREAS, MACRO_F1, MAE, MICRO_F1, R2, RMSE, Kind, Measure, kind_of
from tui_trainer.ui.charts import Curve, Picture, drawn, nice_ticks
from tui_trainer.ui.follower import RunFollower
from tui_trainer.ui.label_table import LabelTable
from tui_trainer.ui.panels.panel import Panel, bindings
from tui_trainer.words import in_lines

MOST_NAME = 12
Matrix = list[list[int]]
Pairs = list[tuple[float, float]]
HEADINGS: dict[Kind, str] = {"values": "Predicted and true", "labels": "Labels"}
BESIDE: dict[Kind, tuple[Measure, ...]] = {
    "values": (RMSE, MAE, R2), "labels": (MACRO_F1, MICRO_F1, ALL_RIGHT, *AREAS),
}  # fmt: skip


def matrix_of(figures: EpochEnded | RunEnded) -> Matrix | None:
    """The confusion matrix of an evaluation."""
    return figures.test_confusion if isinstance(figures, RunEnded) else figures.confusion


def has_details(end: RunEnded) -> bool:
    """Whether the test split was used, and has more than its figures."""
    return bool(end.test_confusion or end.test_support)


class ConfusionPanel(Panel):
    """Follows the newest epoch, then the test split, until one goes back through the epochs."""

    heading = "Confusion matrix"
    seconds_between = 2.0
    BINDINGS: ClassVar[list[BindingType]] = bindings("confusion")

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.source: RunFollower | None = None
        self._wants_share: bool | None = None  # None: counts where they fit
        self.is_share = False
        self._epoch: int | None = None  # None follows the newest
        self._cell: tuple[int, int] | None = None  # (true, predicted)
        self._corner = (0, 0)

    def follow(self, source: RunFollower | None) -> None:
        """Another run."""
        self.source, self._epoch, self._cell, self._corner = source, None, None, (0, 0)

    def lines(self, width: int, height: int) -> list[Text]:
        """The matrix, the labels or the scatter, and a line that reads what is under the cursor."""
        started = self.view.state.started
        kind = kind_of(started)
        self.heading = HEADINGS.get(kind, "Confusion matrix")  # type: ignore[misc]
        where, figures = self._shown()
        names = [printable(name) for name in started.class_names] if started else []
        if figures and (matrix := matrix_of(figures)) and started:
            names = names or [str(n) for n in range(len(matrix))]
            return self._matrix(where, matrix, names, self._figures(figures, kind, width), width, height)
        self.retitle(where)
        if figures and kind == "labels" and (table := LabelTable.of(figures, names)):
            return self._labels(table, self._figures(figures, kind, width), width, height)
        if isinstance(figures, EpochEnded) and figures.pairs:
            return self._scatter(figures.pairs, self._figures(figures, kind, width), width, height)
        if self._epoch is not None:
            return [Text("This epoch's details were not kept (a long run keeps its folder small).", "dim")]
        word = "the first evaluation" if self.view.run else "a run"
        return [Text(f"Comes with {word}.", "dim")]

    def _shown(self) -> tuple[str, EpochEnded | RunEnded | None]:
        """(title, what is chosen)."""
        state = self.view.state
        if self._epoch is not None and self.source:
            return f"epoch {self._epoch}", self.source.epoch(self._epoch)
        if state.ended and has_details(state.ended):
            return "test split", state.ended
        epoch = self.source.detailed if self.source else None
        if epoch is None:
            return "", None
        is_newest = state.epoch is None or state.epoch.epoch == epoch.epoch
        return f"epoch {epoch.epoch}" + ("" if is_newest or self.view.is_training else ", the last kept"), epoch

    def _figures(self, figures: EpochEnded | RunEnded, kind: Kind, width: int) -> list[Text]:
        """What the task is judged by beside the matrix, in as many lines as it takes."""
        parts = filter(None, (measure.in_words(figures) for measure in BESIDE.get(kind, AREAS)))
        return [Text(line[:width], "dim") for line in in_lines(parts, width, "   ")]

    def _labels(self, table: LabelTable, figures: list[Text], width: int, height: int) -> list[Text]:
        """One a line; the cursor scrolls."""
        count = len(table.names)
        figures = figures[: height // 4]
        down = max(1, min(count, height - 1 - len(figures)))
        top = min(self._corner[0], count - down)
        chosen = None
        if self._cell:
            chosen = min(self._cell[0], count - 1)
            self._cell = (chosen, 0)
            top = min(max(top, chosen - down + 1), chosen)
        self._corner = (top, 0)
        lines = table.lines(self.palette, width, range(top, top + down), chosen if self.has_focus else None)
        last = figures
        if chosen is not None:
            last = [*figures[:-1], table.told(chosen)]
        elif down < count and figures:
            last = [*figures[:-1], Text(f"labels {top + 1}-{top + down} of {count:,}", "dim")]
        for line in last:
            line.truncate(width, overflow="ellipsis")
        return [*lines, *[Text("")] * (height - len(lines) - len(last)), *last]

    def _matrix(
        self, where: str, matrix: Matrix, names: list[str], figures: list[Text], width: int, height: int
    ) -> list[Text]:
        count = len(matrix)
        label = min(MOST_NAME, max(map(len, names)))
        largest = max((value for row in matrix for value in row), default=0)
        needed = label + 1 + max(3, len(str(largest)) + 1) * count
        self.is_share = needed > width if self._wants_share is None else self._wants_share
        self.retitle(where, "% of row" if self.is_share else "")
        cell = (4 if self.is_share else max(3, len(str(largest)) + 1)) + (1 if width > 60 else 0)
        if self.is_share and label + 1 + cell * count > width:
            cell = 3
        across = max(1, min(count, (width - label - 1) // cell))
        down = max(1, min(count, height - 2))
        if self._cell:
            row, column = (min(place, count - 1) for place in self._cell)
            self._cell = (row, column)
            top, left = self._corner
            self._corner = (min(max(top, row - down + 1), row), min(max(left, column - across + 1), column))
        top, left = min(self._corner[0], count - down), min(self._corner[1], count - across)
        heads = "".join(f"{names[n][: cell - 1]:>{cell}}" for n in range(left, left + across))
        rows = [Text(" " * (label + 1) + heads, "dim")]
        rows += [
            self._line(matrix, n, names[n], label, cell, range(left, left + across)) for n in range(top, top + down)
        ]
        if len(rows) + 2 + len(figures) <= height:
            rows += [Text(""), *figures]
        return [
            *rows,
            *[Text("")] * (height - len(rows) - 1),
            self._told(matrix, names, (top, left, down, across), width),
        ]

    def _line(self, matrix: Matrix, number: int, name: str, label: int, cell: int, columns: range) -> Text:
        row, total = matrix[number], sum(matrix[number])
        line = Text.assemble((f"{name[:label]:>{label}} ", "dim"))
        for column in columns:
            share = row[column] / total if total else 0.0
            percent = "<1" if 0 < share < 0.005 else f"{share:.0%}".rstrip("%")
            text = percent if self.is_share else str(row[column])
            style = self.palette.heat(share, is_hit=number == column)
            if self._cell == (number, column) and self.has_focus:
                style = style + self.app.console.get_style("reverse bold")
            line.append(f"{text if row[column] else '·':>{cell}}", style)
        return line

    def _told(self, matrix: Matrix, names: list[str], window: tuple[int, int, int, int], width: int) -> Text:
        """The cell under the cursor in words; without one the share of hits and which part is in view."""
        total = sum(map(sum, matrix))
        if self._cell:
            row, column = self._cell
            count, of = matrix[row][column], sum(matrix[row])
            share = f"{count / of:.1%}" if of else "none"
            verb = "right" if row == column else f"taken for {names[column]}"
            line = Text.assemble((f"{names[row]}: ", "bold"), f"{count:,} of {of:,} {verb} ({share})")
        else:
            hits = sum(row[n] for n, row in enumerate(matrix))
            line = Text(f"{hits / total:.2%} of {total:,} right   rows: true" if total else "", "dim")
            top, left, down, across = window
            if down < len(matrix) or across < len(matrix):
                line = Text(f"{hits / max(1, total):.1%} right; of {len(matrix)} ", "dim")
                parts = [f"rows {top + 1}-{top + down}"] if down < len(matrix) else []
                parts += [f"columns {left + 1}-{left + across}"] if across < len(matrix) else []
                line.append(", ".join(parts))
        line.truncate(width, overflow="ellipsis")
        return line

    def _scatter(self, pairs: Pairs, figures: list[Text], width: int, height: int) -> list[Text]:
        """Predicted over true with the diagonal; beside it, where there is room, residual over predicted."""
        figures = figures[: max(0, height - 8)]
        height -= len(figures)
        is_plain = self.palette.ground is None or self.trainer.is_ascii
        low, high = (bound(value for pair in pairs for value in pair) for bound in (min, max))
        high = high if high > low else low + 1
        diagonal = Curve(((low, low), (high, high)), self.palette.mark, "-")
        left = width if width < 60 else width // 2
        points = Curve(tuple(pairs), self.palette.val, "o", is_scatter=True)
        ticks = tuple(nice_ticks(low, high, max(2, left // 14)))
        frame = Picture((diagonal, points), is_plain=is_plain, is_ascii=self.trainer.is_ascii, x_ticks=ticks)
        rows = drawn(frame, left, height - 1)
        if left < width:
            residuals = Curve(tuple((b, b - a) for a, b in pairs), self.palette.train, "x", is_scatter=True)
            zero = Curve(((low, 0.0), (high, 0.0)), self.palette.mark, "-")
            other = drawn(replace(frame, curves=(zero, residuals)), width - left, height - 1)
            rows = [Text.assemble(one, two) for one, two in zip(rows, other, strict=False)]
        legend = f"{'predicted over true':{left}}" + ("error over predicted" if left < width else "")
        return [*rows, Text(legend[:width], "dim"), *figures]

    def action_matrix_epoch(self, by: int) -> None:
        """An epoch back or on; past the last one it follows the run again."""
        if not self.source or not len(self.source.epochs.epochs):
            return
        epochs = self.source.epochs.epochs
        has_test = bool(self.view.state.ended and has_details(self.view.state.ended))
        last = len(epochs) - (0 if has_test else 1)
        here = (
            last if self._epoch is None else min(range(len(epochs)), key=lambda n: abs(epochs[n] - (self._epoch or 0)))
        )
        there = min(last, max(0, here + by))
        self._epoch = None if there >= last else epochs[there]
        self.repaint()

    def action_matrix_kind(self) -> None:
        """Counts or shares."""
        self._wants_share = not self.is_share
        self.repaint()

    def action_matrix_cursor(self, down: int, right: int) -> None:
        """The cursor that reads cells."""
        row, column = self._cell or (0, 0)
        self._cell = (max(0, row + down), max(0, column + right)) if self._cell else (0, 0)
        self.repaint()
