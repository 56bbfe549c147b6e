"""The dashboard in each of its states, over run folders that real runs have left (`recorded/`)."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path

from tests.ui.looks_inside import BLOWN_UP, OVERFITTING, STARVED, layer, measured, with_these
from tui_trainer.config import RunConfig
from tui_trainer.devices import GB, Cpu, Gpu, GpuProcess
from tui_trainer.events import Event, Paused, PhaseBegan, RunEnded, parse
from tui_trainer.knobs import build
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.desk import Desk, Wish

RECORDED = Path(__file__).parent / "recorded"
CPU = Cpu("AMD EPYC", 2, 0.54, 3_200_000_000, 25_300_000_000)
GPUS = [
    Gpu(0, "NVIDIA H100 80GB HBM3", 2 * GB, 85 * GB, 0.31, 41, 187.0, ()),
    Gpu(1, "NVIDIA H100 80GB HBM3", 71 * GB, 85 * GB, 0.98, 86, 640.0,
        (GpuProcess(811, "grace", "python", 40 * GB), GpuProcess(977, "alan", "python", 31 * GB))),
]  # fmt: skip
"""A reading of a machine that two others share."""


def recorded(name: str = "simplenet-1") -> list[Event]:
    """What a real run said: simplenet, whose learning rate was changed in its sixth epoch, or diabetes."""
    return [event for line in (RECORDED / name / "events.jsonl").open("rb") if (event := parse(line))]


def run_with(runs_dir: Path, events: list[Event], name: str = "simplenet-1") -> RunDir:
    """A run's folder with these events in it."""
    path = runs_dir / name
    path.mkdir(parents=True)
    shutil.copy(RECORDED / name / "config.toml", path)
    run = RunDir(path)
    run.events.write_text("".join(event.to_line() for event in events))
    run.commands.touch()
    return run


def until_epoch(events: list[Event], epoch: float) -> list[Event]:
    """Up to the first progress past a place in the run, in epochs."""
    for number, event in enumerate(events):
        if event.event == "progress" and event.epoch - 1 + event.epoch_fraction > epoch:
            return events[: number + 1]
    return events


def ended(events: list[Event], **said: object) -> list[Event]:
    """A run that came as far as these events, and ended."""
    done = {"time": events[-1].time + 0.1, "epochs_done": 6, "step": 6000, "seconds": 4.1, "best_epoch": 6, **said}
    return [*events, RunEnded.model_validate({"reason": "failed", "message": "", **done})]


FULL_DISK = (
    "runs/simplenet-1/checkpoints: cannot be written: No space left on device; the checkpoint of step 5,628 is intact. "
    "To go on: tui-trainer resume simplenet-1"
)
NO_NUMBER = (
    "loss became nan at step 6,002 (epoch 7). The checkpoint of epoch 6 is intact. Try --lr 0.0001 (it was 0.001)."
)


def _open(make: Callable[[], list[Event]], *, alive: bool, **wish: object) -> Callable[[Path, ExitStack], Desk]:
    def scene(runs_dir: Path, held: ExitStack) -> Desk:
        events = make()
        name = "diabetes-1" if any(getattr(event, "data", "") == "diabetes" for event in events) else "simplenet-1"
        run = run_with(runs_dir, events, name)
        if alive:
            held.enter_context(run.take_lock())
        return Desk(Wish(runs_dir, RunConfig(), "digits", run=run, **wish))  # type: ignore[arg-type]

    return scene


def _ready(runs_dir: Path, _held: ExitStack) -> Desk:
    return Desk(Wish(runs_dir, RunConfig(), "digits"))


def _contradictory(runs_dir: Path, _held: ExitStack) -> Desk:
    desk = _ready(runs_dir, _held)
    desk.form.values.update(build({"batch_size": "1"}).training.model_dump())
    desk.form.set_text("normalization", "batch")
    return desk


def _lost(runs_dir: Path, held: ExitStack) -> Desk:
    desk = _open(lambda: until_epoch(recorded(), 6.3), alive=False)(runs_dir, held)
    assert desk.run
    desk.run.exit.write_text(json.dumps({"exit": -9, "pid": 4711, "log_start": 0}))
    desk.run.lock.write_text("process 4711 on gpu-box\n")
    desk.run.log.write_text("the worker's last words\n")
    return desk


SCENES: dict[str, Callable[[Path, ExitStack], Desk]] = {
    "ready": _ready,
    "contradictory": _contradictory,
    "starting": _open(lambda: [PhaseBegan(time=0.0, what="reading mnist")], alive=True),
    "training": _open(lambda: until_epoch(recorded(), 6.3), alive=True),
    "measured": _open(
        lambda: with_these(until_epoch(recorded(), 6.3), measured(layer("linear1"), layer("linear2", dead=0.62))),
        alive=True,
    ),
    "alert": _open(lambda: with_these(until_epoch(recorded(), 6.3), measured(), STARVED, OVERFITTING), alive=True),
    "readonly": _open(lambda: until_epoch(recorded(), 6.3), alive=True, is_readonly=True),
    "paused": _open(lambda: [*until_epoch(recorded(), 6.3), Paused(time=recorded()[40].time, step=5_900)], alive=True),
    "completed": _open(recorded, alive=False),
    "values": _open(lambda: recorded("diabetes-1"), alive=False),
    "failed": _open(lambda: ended(until_epoch(recorded(), 6.3), message=FULL_DISK), alive=False),
    "diverged": _open(lambda: ended(until_epoch(recorded(), 6.3), reason="diverged", message=NO_NUMBER), alive=False),
    "blown_up": _open(
        lambda: [*ended(until_epoch(recorded(), 6.3), reason="diverged", message=NO_NUMBER), BLOWN_UP], alive=False
    ),
    "lost": _lost,
}


@contextmanager
def scene(name: str, runs_dir: Path) -> Iterator[Desk]:
    """A desk in a state by its name; the lock of a living run is held meanwhile."""
    with ExitStack() as held:
        yield SCENES[name](runs_dir, held)
