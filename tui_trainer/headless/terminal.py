"""A run on a terminal: two live lines, a line per epoch above them, and at the end its results in colour."""

from __future__ import annotations

import math

from rich.console import Console, Group, RenderableType
from rich.live import Live
from rich.progress_bar import ProgressBar
from rich.table import Table
from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.events import EpochEnded, Event, Paused, Progress, RunEnded, Warned
from tui_trainer.headless.alerts import alert_block, way_on, when_paused
from tui_trainer.headless.confusion import confusion_view
from tui_trainer.inside_events import Alerted
from tui_trainer.measures import COLUMNS, FIRST, kind_of, more
from tui_trainer.run_state import RunState, advance
from tui_trainer.words import clock, describe, epoch_line, in_lines, prediction_command

LINES_OF_EPOCHS = 30  # of a long run every n-th epoch gets a line
MOST_LABELS = 30  # rows
QUIET = ("checkpoint_saved", "progress", "phase_began", "net_measured")


class TerminalPrinter:
    """Redraws on events alone, at most ten times a second: no thread, no work when nothing happens."""

    def __init__(self, console: Console | None = None) -> None:
        self._console = console or Console(highlight=False)
        self._state = RunState()
        self._alerts: list[Alerted] = []  # all that were said
        self._live = Live(console=self._console, auto_refresh=False, transient=True)
        self._live.start()

    def show(self, event: Event) -> None:
        """One event."""
        self._state = advance(self._state, event)
        match event:
            case RunEnded():
                self._live.stop()
                self._print_end(event)
                return
            case EpochEnded():
                if self._is_worth_a_line(event):
                    line = epoch_line(event, self._console.width)
                    self._console.print(Text(line, style="bold" if event.is_best else ""))
            case Alerted():
                self._alerts.append(event)
                self._console.print(alert_block(event, self._state, self._console.width))
            case Paused():
                self._console.print(Text(f"{describe(event)}\n{when_paused(self._state)}", style="yellow"))
            case _ if event.event not in QUIET:
                style = "yellow" if event.event in ("warned", "command_rejected") else ""
                style = "dim" if isinstance(event, Warned) and event.is_note else style
                self._console.print(Text(describe(event), style=style))
            case _:
                pass
        self._live.update(self._status(), refresh=True)

    def close(self) -> None:
        """Take the live lines away."""
        self._live.stop()

    def _is_worth_a_line(self, event: EpochEnded) -> bool:
        every = max(1, math.ceil(event.epochs / LINES_OF_EPOCHS))
        return event.epoch % every == 0 or event.epoch in (1, event.epochs)

    def _status(self) -> RenderableType:
        state, progress = self._state, self._state.progress
        if state.status == "paused":
            return Text("Paused. Ctrl-C stops and saves.")
        if state.phase or progress is None:
            return Text(f"{state.phase or 'First steps'}…")
        share = min(1.0, (progress.epoch - 1 + progress.epoch_fraction) / max(1, progress.epochs))
        row = Table.grid(padding=(0, 2))
        row.add_row(
            f"epoch {progress.epoch}/{progress.epochs}",
            ProgressBar(total=1.0, completed=share, width=max(10, min(40, self._console.width - 60))),
            f"{share:4.0%}",
            f"{progress.samples_per_second:,.0f} samples/s",
            f"{clock(progress.seconds_left)} left",
        )
        return Group(row, self._figures(progress))

    def _figures(self, progress: Progress) -> Text:
        parts = [f"loss {progress.loss:.4f}"]
        best = self._state.best
        first = FIRST[kind_of(best)][0]
        if best and (value := first.of(best)) is not None:
            parts.append(f"best val_{first.short} {first.shown(value)} (epoch {best.epoch})")
        if self._state.saved:
            parts.append(f"saved step {self._state.saved.step:,}")
        return Text("  ".join(parts), style="dim", overflow="ellipsis", no_wrap=True)

    def _print_end(self, event: RunEnded) -> None:
        colour = {"completed": "green", "early_stopped": "green", "stopped": "yellow"}.get(event.reason, "red")
        title = event.reason.replace("_", " ").capitalize()
        self._console.print(Text.assemble((title, f"bold {colour}"), f"  {event.message}  ({clock(event.seconds)})"))
        if command := way_on(event, self._alerts, self._state.alerts):
            self._console.print(Text(command))
        if event.test_loss is not None:
            self._console.print(results_table(event, self._state))
            for line in other_results(event, self._console.width):
                self._console.print(Text(line))
        if event.test_confusion and event.class_names:
            which = f"epoch {event.best_epoch}" if event.tested_on == "best" else "the last epoch"
            title = f"Confusion, test split, weights of {which} (rows true, columns predicted)"
            self._console.print(Text("\n" + title))
            self._console.print(confusion_view(event.test_confusion, event.class_names, self._console.width))
        if event.test_support and event.class_names:
            count = len(event.class_names)
            which = f"the {MOST_LABELS} lowest F1 of {count:,} labels" if count > MOST_LABELS else "each label"
            self._console.print(Text(f"\nTest split, {which}"))
            self._console.print(labels_table(event, event.class_names))
        self._console.print(Text(f"\n{event.run_dir}", style="dim"))
        if command := prediction_command(self._state.started, event):
            self._console.print(Text(f"To predict with it: {command}", style="dim"))


def results_table(event: RunEnded, state: RunState) -> Table:
    """Validation and test figures of the task, best beside last."""
    table = Table(box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    columns = COLUMNS[kind_of(event)]
    for name in ("", *(measure.word for measure in columns)):
        table.add_column(name, justify="left" if not name else "right")
    split = state.started.evaluated_on if state.started else "validation"
    if split == "validation" and state.best:
        best = state.best
        table.add_row(f"validation, epoch {best.epoch} (best)", *(_figure(measure.of(best)) for measure in columns))
    where = f"test, epoch {event.best_epoch} (best)" if event.tested_on == "best" else "test, last epoch"
    table.add_row(where, *(_figure(measure.of(event)) for measure in columns), style="bold")
    if event.tested_on == "best":
        last = (getattr(event, f"last_test_{measure.name}", None) for measure in columns)
        table.add_row("test, last epoch", *map(_figure, last))
    return table


def other_results(event: RunEnded, width: int) -> list[str]:
    """What was measured on the test split beside the table."""
    return in_lines((f"test {measure.in_words(event)}" for measure in more(event, kind_of(event))), width, "   ")


def labels_table(event: RunEnded, names: list[str]) -> Table:
    """Precision, recall, F1 and support of each label; of many, the worst."""
    table = Table("label", box=None, pad_edge=False, padding=(0, 3, 0, 0), header_style="dim")
    for name in ("precision", "recall", "F1", "support"):
        table.add_column(name, justify="right")
    lists = (event.test_precision or [], event.test_recall or [], event.test_f1 or [], event.test_support or [])
    rows = list(zip(names, *lists, strict=False))
    if len(rows) > MOST_LABELS:
        rows = sorted(rows, key=lambda row: row[3])[:MOST_LABELS]
    for name, precision, recall, f1, support in rows:
        shown = Text(printable(name), overflow="ellipsis", no_wrap=True)
        table.add_row(shown, f"{precision:.4f}", f"{recall:.4f}", f"{f1:.4f}", f"{support:,}")
    return table


def _figure(value: float | None) -> str:
    return "" if value is None else f"{value:.4f}" if abs(value) < 10 else f"{value:.2f}"
