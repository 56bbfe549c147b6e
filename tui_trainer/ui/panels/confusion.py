"""The confusion matrix of an epoch; for a regression predicted against true, and the residuals."""

from __future__ import annotations

from dataclasses import replace
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType

from tui_trainer.errors import printable
from tui_trainer.ui.charts import Curve, Picture, drawn, nice_ticks
from tui_trainer.ui.follower import RunFollower
from tui_trainer.ui.panels.panel import Panel, bindings

MOST_NAME = 12
Matrix = list[list[int]]
Pairs = list[tuple[float, float]]


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
        """The matrix or the scatter, and a line that reads the cell under the cursor."""
        state = self.view.state
        is_values = state.started is not None and state.started.task == "values"
        self.heading = "Predicted and true" if is_values else "Confusion matrix"  # type: ignore[misc]
        where, matrix, pairs = self._shown()
        if matrix and state.started:
            names = state.started.class_names or [str(n) for n in range(len(matrix))]
            return self._matrix(where, matrix, [printable(name) for name in names], width, height)
        self.retitle(where)
        if pairs:
            return self._scatter(pairs, width, height)
        if self._epoch is not None:
            return [Text("This epoch's details were not kept (a long run keeps its folder small).", "dim")]
        word = "the first evaluation" if self.view.run else "a run"
        return [Text(f"Comes with {word}.", "dim")]

    def _shown(self) -> tuple[str, Matrix | None, Pairs | None]:
        """(title, matrix, pairs) of what is chosen."""
        state = self.view.state
        if self._epoch is not None and self.source:
            epoch = self.source.epoch(self._epoch)
            return f"epoch {self._epoch}", epoch.confusion if epoch else None, epoch.pairs if epoch else None
        if state.ended and state.ended.test_confusion:
            return "test split", state.ended.test_confusion, None
        epoch = self.source.detailed if self.source else None
        if epoch is None:
            return "", None, None
        is_newest = state.epoch is None or state.epoch.epoch == epoch.epoch
        return (
            f"epoch {epoch.epoch}" + ("" if is_newest or self.view.is_training else ", the last kept"),
            epoch.confusion,
            epoch.pairs,
        )

    def _matrix(self, where: str, matrix: Matrix, names: list[str], width: int, height: int) -> list[Text]:
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

    def _scatter(self, pairs: Pairs, width: int, height: int) -> list[Text]:
        """Predicted over true with the diagonal; beside it, where there is room, residual over predicted."""
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
        return [*rows, Text(legend[:width], "dim")]

    def action_matrix_epoch(self, by: int) -> None:
        """An epoch back or on; past the last one it follows the run again."""
        if not self.source or not len(self.source.epochs.epochs):
            return
        epochs = self.source.epochs.epochs
        has_test = bool(self.view.state.ended and self.view.state.ended.test_confusion)
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
