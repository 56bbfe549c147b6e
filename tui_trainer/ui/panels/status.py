"""Run, state, progress, rate, time left, best so far, last checkpoint; and what to do next."""

from __future__ import annotations

import time

from rich.text import Text

from tui_trainer.errors import printable
from tui_trainer.events import EpochEnded, RunEnded
from tui_trainer.measures import FIRST, headline, kind_of
from tui_trainer.ui.charts import bar
from tui_trainer.ui.keys import ALERT_SIGN
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.words import architecture, clock, prediction_command, whereabouts

SIGNS = {
    "ready": "○", "starting": "◌", "training": "●", "paused": "‖", "completed": "✔", "early_stopped": "✔",
    "stopped": "■", "diverged": "✗", "failed": "✗", "lost": "✗",
}  # fmt: skip

MOST_ROWS = 7
RIGHT_COLUMNS = 55  # kept for rate, best and last checkpoint: bars that jump cost a slow line dearly


class StatusPanel(Panel, can_focus=False):
    """Three lines that are always there."""

    heading = "Status"
    seconds_between = 0.5

    def lines(self, width: int, height: int) -> list[Text]:
        """Header; two bars or what happened; what to do."""
        match self.view.status:
            case "ready":
                rest = self._ready()
            case "starting":
                rest = self._starting()
            case "training" | "paused":
                return [self._header(width), *self._training(width)]
            case "lost":
                rest = self._lost()
            case _:
                rest = self._ended()
        return [self._header(width), *(line for text in rest for line in self._wrapped(text, width))]

    def rows_needed(self, width: int) -> int:
        """Three, or more where a sentence is longer than a line."""
        return max(3, min(MOST_ROWS, len(self.lines(width, MOST_ROWS))))

    def _wrapped(self, text: Text, width: int) -> list[Text]:
        lines = text.wrap(self.app.console, max(20, width - 2))
        return [Text.assemble(" ", line) for line in lines]

    def _style(self) -> str:
        return self.palette.of_status(self.view.status)

    def _header(self, width: int) -> Text:
        view, started = self.view, self.view.state.started
        left = Text.assemble((" " + (printable(view.run) or "tui-trainer"), "bold"))
        if view.run and started:
            facts = f"  {started.data} · {architecture(started)} · {started.parameters:,} parameters"
            left.append(facts, "dim")
        sign = SIGNS[view.status]
        silent = [f"silent for {clock(view.silent_seconds)}"] if view.silent_seconds else []
        words = ", ".join([view.status.replace("_", " "), *silent, *view.pending])
        where = f"  {whereabouts(started)}" if view.run and started else ""
        right = Text.assemble((f"{sign} {words}", self._style()), (where, "dim"))
        if count := len(view.alerts):
            right.append(f"  {ALERT_SIGN} {count} alert{'s' if count > 1 else ''}", self.palette.warn)
        if view.is_readonly:
            right.append("  read-only", self.palette.warn)
        right.append(" ")
        left.truncate(max(10, width - right.cell_len - 1), overflow="ellipsis")
        return Text.assemble(left, " " * max(1, width - left.cell_len - right.cell_len), right)

    def _ready(self) -> list[Text]:
        if self.view.problem:
            return [Text(self.view.problem, self.palette.bad), Text("Change a field and it can start.", "dim")]
        return [
            Text.assemble(("Next run: ", "dim"), self.view.plan),
            Text.assemble(("Press ", "dim"), ("space", "bold"), (" to train it, or change a field first.", "dim")),
        ]

    def _starting(self) -> list[Text]:
        what = self.view.state.phase or "starting PyTorch"
        return [
            Text(f"{what[0].upper()}{what[1:]}…"),
            Text("The run has a process of its own: leave with q at any time, it goes on.", "dim"),
        ]

    def _training(self, width: int) -> list[Text]:
        state, progress = self.view.state, self.view.state.progress
        running = min(state.epochs_done + 1, max(1, state.epochs))
        within = progress.epoch_fraction if progress and progress.epoch == running else 0.0
        share = (running - 1 + within) / max(1, state.epochs)
        lefts = [f" {share:4.0%}  epoch {running:,}/{state.epochs:,}   ", f" {within:4.0%}  step {state.step:,}   "]
        column = -(-max(map(len, lefts)) // 4) * 4  # what stands to its right should seldom move
        rights = [self._rate(), self._best()]
        size = min(60, max(6, width - 7 - column - max(RIGHT_COLUMNS, *(right.cell_len for right in rights))))
        lines = []
        for name, done, left, right in zip(("run", "epoch"), (share, within), lefts, rights, strict=True):
            line = Text.assemble((f" {name:6}", "dim"), bar(done, size, self._style()), f"{left:{column}}", right)
            if line.cell_len > width:  # the room on its left is worth more than that it keeps still
                line = Text.assemble((f" {name:6}", "dim"), bar(done, size, self._style()), left, right)
            line.truncate(width, overflow="ellipsis")
            lines.append(line)
        return lines

    def _rate(self) -> Text:
        progress = self.view.state.progress
        if self.view.status == "paused":
            alert = next(iter(self.view.alerts), None)
            if alert and alert.step >= self.view.state.step:  # it waits since then
                kind = alert.kind.replace("_", " ")
                return Text(f"paused by {ALERT_SIGN} {kind}; space goes on", self.palette.warn)
            return Text("paused and saved; space goes on", self.palette.warn)
        if progress is None:
            return Text("first steps", "dim")
        return Text(f"{progress.samples_per_second:>9,.0f} samples/s   {clock(progress.seconds_left):>7} left")

    def _best(self) -> Text:
        state, text = self.view.state, Text()
        if state.best:
            text.append(f"best {best(state.best)}   ")
        if state.saved:
            text.append(f"saved {time.strftime('%H:%M:%S', time.localtime(state.saved.time))}", "dim")
        return text

    def _ended(self) -> list[Text]:
        end = self.view.state.ended
        if end is None:
            return []
        first = Text.assemble((end.reason.replace("_", " ").capitalize(), self._style()), f": {printable(end.message)}")
        if command := prediction_command(self.view.state.started, end):
            first.append(f"   {command}", "dim")
        tested = results(end)
        return [first, Text.assemble(tested + "   " if tested else "", (self._next(end), "dim"))]

    def _next(self, end: RunEnded) -> str:
        if self.view.is_readonly:
            return "q leaves"
        begun = self.view.state.started is not None
        if end.reason == "failed" and not begun:
            return "n goes back to the form"
        if end.reason in ("completed", "early_stopped"):
            return "+ more epochs, n new run, o runs"
        if self.view.alerts and end.reason in ("diverged", "stopped"):
            return "a remedies, space resumes, n new run"
        if end.reason == "diverged":
            return "e, then ← or enter, changes the learning rate; space resumes with it"
        return "space resumes, n new run, o runs"

    def _lost(self) -> list[Text]:
        if self.view.is_gone:
            return [Text("The run's folder was moved or deleted.", self.palette.bad), Text("n goes back to the form.")]
        how = self.view.exit
        what = f"The worker {how.sentence}" if how else "The worker is gone without a word"
        said = f": {printable(how.last_words[-1])}" if how and how.last_words else ""
        saved = self.view.state.saved
        if self.view.state.started is None:
            offer = "It had not begun to train; n goes back to the form."
        elif saved is None:
            offer = "Nothing had been saved; space starts the run over."
        else:
            offer = f"The checkpoint of step {saved.step:,} is intact; space resumes from it."
        return [Text.assemble((what, self.palette.bad), said), Text(offer)]


def figure(epoch: EpochEnded) -> str:
    """The figure people look at first."""
    words = FIRST[kind_of(epoch)][0].in_words(epoch)
    return words or (f"loss {epoch.val_loss:.4f}" if epoch.val_loss is not None else "")


def best(epoch: EpochEnded) -> str:
    """The best epoch by the figure that decides it, with what people look at beside it."""
    if epoch.val_loss is None:
        return f"{figure(epoch)} (epoch {epoch.epoch:,})"
    beside = headline(epoch)
    return f"loss {epoch.val_loss:.4f} (epoch {epoch.epoch:,}{f', {beside}' if beside else ''})"


def results(end: RunEnded) -> str:
    """`test accuracy 97.31%, loss 0.0911 (epoch 3, the best)`, or "" where the test split was not used."""
    if end.test_loss is None:
        return ""
    which = f"epoch {end.best_epoch:,}, the best" if end.tested_on == "best" else "the last epoch"
    parts = [measure.in_words(end) for measure in FIRST[kind_of(end)]]
    return f"test {', '.join(filter(None, [*parts, f'loss {end.test_loss:.4f}']))} ({which})"
