"""Events in words: the lines of a pipe and of the log."""

from __future__ import annotations

import math
import shlex
import signal
from collections.abc import Iterable
from contextlib import suppress

from tui_trainer.data_sets import DATA_SETS
from tui_trainer.errors import printable
from tui_trainer.events import (
    CheckpointSaved,
    CommandRejected,
    Continued,
    EpochEnded,
    Evaluated,
    Event,
    HyperparametersChanged,
    Paused,
    PhaseBegan,
    Progress,
    RunEnded,
    RunResumed,
    RunStarted,
    Warned,
)
from tui_trainer.inside_events import Alerted, AlertPassed, NetMeasured, RemedyApplied, WentBack
from tui_trainer.measures import COLUMNS, FIRST, LOSS, R2, RMSE, Measure, headline, kind_of, more
from tui_trainer.scores import Scores
from tui_trainer.split_events import SplitBegan, SplitsEnded, Spread

LEAST_EXPECTED = 5.0  # seconds: what is over sooner needs no forecast


def clock(seconds: float) -> str:
    """`0:42`, `12:05`, `3:10:00`, `2 d 4 h`; `?` for what no clock says."""
    if not math.isfinite(seconds):
        return "?"
    whole = round(seconds)
    if whole >= 86_400:
        return f"{whole // 86_400} d {whole % 86_400 // 3600} h"
    hours, rest = divmod(whole, 3600)
    return f"{hours}:{rest // 60:02}:{rest % 60:02}" if hours else f"{rest // 60}:{rest % 60:02}"


def how_it_ended(exit_code: int) -> str:
    """A process: `ended with exit code 1`, or, of a negative one, `was killed by SIGKILL`."""
    if exit_code >= 0:
        return f"ended with exit code {exit_code}"
    with suppress(ValueError):
        name = signal.Signals(-exit_code).name
        hint = " (the system does this when memory runs out)" if name == "SIGKILL" else ""
        return f"was killed by {name}{hint}"
    return f"was killed by signal {-exit_code}"


def architecture(started: RunStarted) -> str:
    """`784-128-10`."""
    return "-".join(map(str, [started.inputs, *started.hidden, started.outputs]))


def figures(scores: Scores, most: int = 3) -> str:
    """`val_loss 0.0911  val_acc 0.9731`: the loss and what the task is judged by, at most so many of them."""
    parts = [f"val_loss {scores.val_loss:.4f}" if scores.val_loss is not None else ""]
    return "  ".join(filter(None, [*parts, *_measured(scores, FIRST[kind_of(scores)][:most], "val_")]))


def _measured(told: Scores | RunEnded, measures: Iterable[Measure], before: str) -> list[str]:
    """`val_rmse 55.12` of each that was measured."""
    pairs = [(measure, measure.of(told)) for measure in measures]
    return [f"{before}{measure.short} {measure.shown(value)}" for measure, value in pairs if value is not None]


def epoch_line(event: EpochEnded, width: int = 1000) -> str:
    """`Epoch  3/10  loss 0.1071  val_loss 0.1012  val_acc 0.9702  lr 0.001  91,204 samples/s  0.66 s  best`.

    Where that is wider than `width`, the rate goes first, then the learning rate, the seconds, and all figures but two.
    """
    digits = len(f"{event.epochs:,}")
    start = f"Epoch {event.epoch:{digits},}/{event.epochs:,}  loss {event.train_loss:.4f}  "
    seconds = f"{event.seconds:.{2 if event.seconds < 10 else 0}f} s"
    best = ["best"] if event.is_best else []
    lr, rate = f"lr {event.lr:.3g}", f"{event.samples_per_second:,.0f} samples/s"
    choices: tuple[list[str], ...] = ([lr, rate, seconds], [lr, seconds], [seconds], [])
    lines = ["  ".join([start + figures(event), *details, *best]) for details in choices]
    lines += ["  ".join([start + figures(event, most), *best]) for most in (2, 1)]
    return next((line for line in lines if len(line) <= width), lines[-1])


def test_line(event: RunEnded) -> str:
    """The figures of the test split, all of them, the first in the first line; "" where it was not used."""
    if event.test_loss is None:
        return ""
    which = f"of epoch {event.best_epoch:,}, the best" if event.tested_on == "best" else "of the last epoch"
    kind = kind_of(event)
    main = (RMSE, R2) if kind == "values" else FIRST[kind]
    others = [measure for measure in (*COLUMNS[kind], *more(event, kind)) if measure not in (LOSS, *main)]
    first = [f"test_loss {event.test_loss:.4f}", *_measured(event, main, "test_"), f"(weights {which})"]
    return "\n".join(["  ".join(first), *in_lines(_measured(event, others, "test_"), 80, "  ")])


def in_lines(parts: Iterable[str], width: int, between: str) -> list[str]:
    """Parts joined, in as many lines as their width takes."""
    lines: list[str] = []
    for part in parts:
        if lines and len(lines[-1]) + len(between) + len(part) <= width:
            lines[-1] += between + part
        else:
            lines.append(part)
    return lines


def shortened(text: str, width: int) -> str:
    """At most so wide; what is cut ends with `…` behind a whole word."""
    if len(text) <= width:
        return text
    whole, space, _ = text[: max(1, width - 1)].rpartition(" ")
    return f"{whole.rstrip(' ,')} …"[:width] if space else text[: max(0, width - 1)] + "…"


def short(figures: Scores | RunEnded) -> str:
    """The figure people look at first, or the loss, in few columns."""
    loss = LOSS.of(figures)
    return headline(figures) or ("" if loss is None else f"loss {loss:.4g}")


def best_figure(best: EpochEnded | None) -> str:
    """`97.31% (3)`, `RMSE 55.12 (3)`: with the epoch."""
    return f"{short(best)} ({best.epoch:,})" if best else ""


def test_figure(end: RunEnded | None) -> str:
    """`97.31%`, `RMSE 55.12`; "" where the test split was not used."""
    return short(end) if end else ""


def whereabouts(event: RunStarted | RunResumed) -> str:
    """`cuda:0`; of several processes `2 x cpu`, `cuda:0 cuda:1`, or their number on so many hosts."""
    devices = event.devices
    if not devices:
        return printable(event.device)
    if len(set(devices)) == 1:
        return printable(f"{len(devices)} x {devices[0]}")
    hosts = {device.partition(" ")[0] for device in devices if " " in device}
    if hosts or len(devices) > 4:
        return f"{len(devices)} devices" + (f" of {len(hosts)} hosts" if hosts else "")
    return printable(" ".join(devices))


def prediction_command(started: RunStarted | None, end: RunEnded) -> str:
    """What predicts with a run that has ended, where it was trained on somebody's own data; otherwise ""."""
    if started is None or started.data in DATA_SETS or end.reason not in ("completed", "early_stopped", "stopped"):
        return ""
    return f"tui-trainer predict {printable(shlex.quote(end.run_dir))} FILE"


def splits(event: RunStarted) -> str:
    """`54,000 train + 6,000 validation + 10,000 test`, and what the val_ figures mean without a validation split."""
    parts = [f"{event.train_samples:,} train", f"{event.test_samples:,} test"]
    where = f"; {printable(event.placed)}" if event.placed else ""
    if event.seconds_expected and event.seconds_expected >= LEAST_EXPECTED:
        where += f"; about {clock(event.seconds_expected)} for {event.epochs:,} epochs"
    if event.validation_samples:
        return " + ".join([parts[0], f"{event.validation_samples:,} validation", parts[1]]) + where
    return " + ".join(parts) + where + "\nNo validation split: the val_ figures are measured on the test split"


def changes(event: HyperparametersChanged) -> str:
    """`lr 0.001 -> 0.0003, dropout 0 -> 0.2,0.5`: values as their flags take them."""
    return printable(
        ", ".join(f"{name} {typed(event.before.get(name))} -> {typed(now)}" for name, now in event.values.items())
    )


def typed(value: object) -> str:
    """A setting's value as its flag takes it: `50`, `0.2,0.5`."""
    if isinstance(value, tuple | list):
        return ",".join(map(typed, value))
    return f"{value:.15g}" if isinstance(value, float) else str(value)


def spread(figure: Spread) -> tuple[str, str, str]:
    """Mean, standard deviation and standard error as they are shown; "" for what there is not."""
    mean, std, error = figure.mean, figure.std, figure.standard_error
    digits = 4 if mean is None or abs(mean) < 10 else 3 if abs(mean) < 1000 else 1
    return tuple("" if value is None else f"{value:.{digits}f}" for value in (mean, std, error))  # type: ignore[return-value]


def _series_end(event: SplitsEnded) -> str:
    """Every figure a line below what was done."""
    lines = [f"{event.name}: {printable(event.message)}"]
    if event.figures:
        lines.append("Mean ± standard deviation (divided by their number, as numpy's), standard error of the mean:")
    column = max(map(len, event.figures), default=0)
    for name, figure in event.figures.items():
        mean, std, error = spread(figure)
        lines.append(f"  {name:{column}}  {mean} ± {std}" + (f"  ({error})" if error else ""))
    return "\n".join(lines)


def describe(event: Event) -> str:
    """One event as a line of plain text; "" for progress."""
    match event:
        case PhaseBegan():
            return f"{printable(event.what[:1].upper() + event.what[1:])} ..."
        case RunStarted():
            net = f"{event.data}, {architecture(event)}, {event.parameters:,} parameters"
            threads = "1 thread" if event.threads == 1 else f"{event.threads} threads"
            threads += " each" if event.devices else ""
            threads += f", {event.engine} steps" if event.engine else ""
            return f"{event.run}: {net}, on {whereabouts(event)} ({event.device_name}, {threads})\n{splits(event)}"
        case RunResumed():
            start = (
                f"from {event.checkpoint}, step {event.step:,}"
                if event.checkpoint
                else "from the start, no good checkpoint is there"
            )
            return f"Resumed {start}: epoch {event.epochs_done + 1:,} of {event.epochs:,}, on {whereabouts(event)}"
        case Progress():
            return ""
        case EpochEnded():
            return epoch_line(event)
        case Evaluated():
            return f"Evaluated at step {event.step:,}: {figures(event)}"
        case CheckpointSaved():
            return f"Saved {event.kind} checkpoint of step {event.step:,} ({event.bytes / 1e6:.1f} MB)"
        case Paused():
            return f"Paused at step {event.step:,}"
        case Continued():
            return f"Continued at step {event.step:,}"
        case HyperparametersChanged():
            return f"Changed at step {event.step:,}: {changes(event)}"
        case CommandRejected():
            return f"Command rejected: {printable(event.why)}"
        case Warned():
            return f"{'Note' if event.is_note else 'Warning'}: {printable(event.message)}"
        case SplitBegan():
            left = "" if event.seconds_left is None else f", {clock(event.seconds_left)} left"
            return f"Split {event.number} of {event.count}{left}: {printable(event.run)}"
        case SplitsEnded():
            return _series_end(event)
        case RunEnded():
            lines = [f"{event.reason.replace('_', ' ').capitalize()}: {event.message}", test_line(event)]
            return "\n".join([*filter(None, lines), f"{event.run_dir}  ({clock(event.seconds)})"])
        case _:
            return _of_the_inside(event)


def _of_the_inside(event: NetMeasured | Alerted | AlertPassed | RemedyApplied | WentBack) -> str:
    """The net's figures are for panels: a line would say too little of them."""
    match event:
        case NetMeasured():
            return ""
        case Alerted():
            return f"Alert: {printable(event.cause)} ({printable(event.evidence)})"
        case AlertPassed():
            return f"No longer: {printable(event.alert.rpartition('-')[0].replace('_', ' '))}"
        case RemedyApplied():
            return f"Applied at step {event.step:,}: {printable(event.sentence)}"
        case WentBack():
            where = f"step {event.step:,}" if event.step else "the beginning"
            return f"Went back to {where}: epoch {event.epochs_done + 1:,} of {event.epochs:,}"
