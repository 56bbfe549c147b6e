"""Where `bench --ui` works: a temporary folder, programs on terminals, and runs, all of which end with it."""

from __future__ import annotations

import os
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from pathlib import Path
from types import FrameType

import psutil

from tui_trainer import events, launch, runs_folder
from tui_trainer.commands import Command
from tui_trainer.errors import InputError
from tui_trainer.events import EpochEnded, Event, Progress, RunEnded, RunStarted
from tui_trainer.knobs import build
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.terminal_probe import Probe, watch

BATCH = 64
BUSY = {"data": "digits", "hidden": "1024,1024", "batch_size": BATCH, "epochs": 1_000_000}  # some 10 ms a step
LAST_WORDS = "QZXJ"  # unlike anything that may stand in these cells before, so that it is written in one piece
CLASSES, STEPS_PER_EPOCH, PROGRESS_PER_EPOCH = 10, 100, 10
TAIL = 1 << 16  # bytes
MOST_SECONDS = 60.0


class Room:
    """Leaving it kills what it started and removes the folder; SIGTERM and SIGHUP leave it as Ctrl-C does."""

    def __init__(self) -> None:
        self.probes: list[Probe] = []
        self._signals = (signal.SIGTERM, signal.SIGHUP)

    def __enter__(self) -> Room:
        self.folder = Path(tempfile.mkdtemp(prefix="tui-trainer-bench-")).resolve()
        self._before = {number: signal.signal(number, _leave) for number in self._signals}
        return self

    def __exit__(self, *_: object) -> None:
        impatience = signal.signal(signal.SIGINT, signal.SIG_IGN)  # a second Ctrl-C must not leave a run behind
        for number in self._signals:
            signal.signal(number, signal.SIG_IGN)
        for probe in self.probes:
            probe.close()
        self._kill_runs()
        shutil.rmtree(self.folder, ignore_errors=True)
        for number, handler in {**self._before, signal.SIGINT: impatience}.items():
            signal.signal(number, handler)

    def bare(self) -> Probe:
        """The bare app on a terminal of its own."""
        return self._open("-m", "tui_trainer.ui.bare")

    def dashboard(self, run: RunDir | None = None) -> Probe:
        """The dashboard as people start it, or attached to a run."""
        attached = ["attach", run.name] if run else []
        return self._open("-m", "tui_trainer", *attached, "--runs-dir", str(self.folder))

    def _open(self, *arguments: str) -> Probe:
        self.probes = [probe for probe in self.probes if probe.master >= 0]
        self.probes.append(Probe([sys.executable, *arguments]))
        return self.probes[-1]

    def watch(self, seconds: float) -> None:
        """Let so much time pass; nobody's terminal stays unread."""
        watch(self.probes, seconds)

    def train(self, threads: int) -> RunDir:
        """A run that keeps so many cores busy until the room is left; returns once it trains."""
        run = launch.start(build({**BUSY, "threads": threads}), self.folder, None, "busy")
        self._wait_for(run, "progress")
        return run

    def ask(self, run: RunDir, command: Command, *, until: str) -> None:
        """Send a command and wait for the event that answers it."""
        run.send(command)
        self._wait_for(run, until)

    def _wait_for(self, run: RunDir, event: str) -> None:
        end = time.monotonic() + MOST_SECONDS
        while not _last(run, event):
            self.watch(0.05)
            if time.monotonic() > end:
                said = run.log.read_text(errors="replace").strip()[-300:] if run.log.exists() else ""
                raise InputError(f"the training run did not get to {event!r} within {MOST_SECONDS:g} s: {said}")

    def progress(self, run: RunDir) -> tuple[int, float]:
        """(step, Unix seconds) of the run's last word."""
        said = _last(run, "progress")
        if not isinstance(said, Progress):
            raise InputError(f"the training run says nothing more: {run.path}")
        return said.step, said.time

    def long_run(self, epochs: int) -> RunDir:
        """A finished run of so many epochs, ten `progress` each, that was never trained."""
        run = runs_folder.create(self.folder, None, "long")
        runs_folder.lay_out(run, build({"data": "digits", "epochs": epochs}))
        with run.events.open("w") as file:
            file.write(_started(run, epochs).to_line())
            for epoch in range(1, epochs + 1):
                file.writelines(event.to_line() for event in _epoch(epoch, epochs))
            steps = epochs * STEPS_PER_EPOCH
            ended = RunEnded(reason="completed", message=LAST_WORDS, run=run.name, step=steps, epochs_done=epochs)
            file.write(ended.to_line())
        return run

    def _kill_runs(self) -> None:
        ours = []
        for process in psutil.Process().children(recursive=True):
            with suppress(psutil.Error):
                if any(str(self.folder) in word for word in process.cmdline()):
                    ours.append(process)
                    process.kill()
        psutil.wait_procs(ours, timeout=5)


def _leave(number: int, _frame: FrameType | None) -> None:
    raise SystemExit(128 + number)


def _last(run: RunDir, event: str) -> Event | None:
    """The newest event of a kind, if it is near the file's end."""
    with suppress(OSError), run.events.open("rb") as file:
        file.seek(max(0, file.seek(0, os.SEEK_END) - TAIL))
        whole = file.read().rpartition(b"\n")[0].splitlines()
        for line in reversed(whole):
            if line.startswith(f'{{"event":"{event}"'.encode()):
                return events.parse(line)
    return None


def _started(run: RunDir, epochs: int) -> RunStarted:
    return RunStarted(
        run=run.name, run_dir=str(run.path), data="digits", task="classes", inputs=64, outputs=CLASSES, hidden=[128],
        class_names=[str(number) for number in range(CLASSES)], parameters=9610, train_samples=BATCH * STEPS_PER_EPOCH,
        validation_samples=1000, test_samples=1000, evaluated_on="validation", monitor="val_loss", epochs=epochs,
        steps_per_epoch=STEPS_PER_EPOCH, seed=0, device="cpu", device_name="", threads=1, precision="float32", pid=0,
        host="",
    )  # fmt: skip


def _epoch(epoch: int, epochs: int) -> list[Event]:
    """What one epoch of a second says: a loss that falls and trembles."""
    first, began = (epoch - 1) * STEPS_PER_EPOCH, 1_700_000_000.0 + epoch
    loss = 2.3 / epoch**0.3 + 0.01 * (epoch % 7)
    shares = [round(0.9 + 0.001 * ((epoch + number) % 90), 4) for number in range(CLASSES)]
    told: list[Event] = [
        Progress(
            time=began + part / PROGRESS_PER_EPOCH, epoch=epoch, epochs=epochs, loss=loss + 0.02 * (part % 3),
            step=first + part * STEPS_PER_EPOCH // PROGRESS_PER_EPOCH, epoch_fraction=part / PROGRESS_PER_EPOCH,
            accuracy=0.9, lr=0.001, samples_per_second=6400.0 + part, seconds_left=float(epochs - epoch),
        )
        for part in range(1, PROGRESS_PER_EPOCH + 1)
    ]  # fmt: skip
    told.append(
        EpochEnded(
            time=began + 1, epoch=epoch, epochs=epochs, step=first + STEPS_PER_EPOCH, train_loss=loss,
            train_accuracy=0.9, lr=0.001, samples_per_second=6400.0, seconds=1.0, is_best=epoch % 50 == 1,
            val_loss=1.1 * loss, val_accuracy=0.9, macro_precision=0.9, macro_recall=0.9, macro_f1=0.9,
            precision=shares, recall=shares, f1=shares, support=[100] * CLASSES,
            confusion=[[91 if row == column else 1 for column in range(CLASSES)] for row in range(CLASSES)],
        )
    )  # fmt: skip
    return told
