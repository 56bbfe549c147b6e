"""What the dashboard costs, beside the smallest Textual app on the same machine at the same time.

Machines are noisy, ratios much less so: what is compared takes turns, and a figure is a median. Nothing is asserted
here; each figure carries the limit that it should hold. A viewer is taken off a run by SIGSTOP and put back by
SIGCONT, so that one living run serves all comparisons and no start-up is counted.
"""

from __future__ import annotations

import math
import platform
import random
import statistics
import time
from collections.abc import Generator, Iterator
from importlib import metadata
from signal import SIGCONT, SIGSTOP
from typing import Any

import psutil

from tui_trainer import devices
from tui_trainer.commands import Pause, Stop
from tui_trainer.figures import Figure, Limit, at_least, at_most
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.bench_room import BATCH, LAST_WORDS, Room
from tui_trainer.ui.terminal_probe import COLUMNS, ROWS, Probe

KEYS = 100
SECONDS_OF_CHANGE, SECONDS_OF_RATE = 0.3, 1.5  # of training with so many viewers, before it is the next one's turn
SECONDS_OF_BYTES = 10.0
SECONDS_SETTLING, SECONDS_OF_QUIET = 3.0, 20.0
QUIET = 0.1  # after the last byte: the frame is complete
QUIET_OF_A_TICK = 0.3  # longer than the dashboard's clock, which paints what the first look left out
EPOCHS_OF_100_000_EVENTS, EPOCHS_OF_AN_HOUR = 9_091, 3_600  # at 11 events an epoch
QUIET_OF_A_STREAM = 0.02  # between two looks at a run that trains
MB = 1 << 20


Step = str | Figure  # what to tell while it measures, or what came out


def measure(rounds: int) -> Generator[dict[str, Any], None, None]:
    """Yields `{"progress": text}` while it measures and `{"result": ...}` at the end.

    Closing the generator, Ctrl-C, SIGTERM and SIGHUP end every process that it started and remove its folder. Raises
    InputError where a program does not come up.
    """
    figures: list[Figure] = []
    with Room() as room:
        for step in _steps(room, rounds):
            if isinstance(step, Figure):
                figures.append(step)
            else:
                yield {"progress": step}
    versions = {package: metadata.version(package) for package in ("textual", "torch", "tui-trainer")}
    spoken = ", ".join(f"{package} {version}" for package, version in versions.items())
    cpu = f"{devices.cpu_name() or platform.machine()}, {devices.usable_cores()} cores"
    yield {
        "result": {
            "title": f"The dashboard on a terminal of {COLUMNS} x {ROWS}",
            "machine": f"{cpu}, {spoken}, Python {platform.python_version()}",
            "columns": COLUMNS,
            "rows": ROWS,
            "versions": versions,
            "rounds": rounds,
            "figures": [figure.as_dict() for figure in figures],
        }
    }


def _steps(room: Room, rounds: int) -> Iterator[Step]:
    bare_paint = 0.0
    for step in first_paint(room, rounds):
        if isinstance(step, Figure):
            bare_paint = step.baseline or 0.0
        yield step
    yield from long_history(room, rounds, bare_paint)
    yield from memory(room)
    yield "starting a run on all cores, and one that leaves a core free"
    everything = room.train(devices.usable_cores())
    yield from key_to_screen(room, everything)
    viewer = room.dashboard(everything)
    viewer.wait_for("samples/s", quiet=QUIET_OF_A_STREAM)
    room.watch(SECONDS_SETTLING)
    yield f"training watched for {SECONDS_OF_BYTES:g} s"
    yield from bytes_a_second(room, {"while training": viewer}, SECONDS_OF_BYTES, 6000)
    yield from training_speed(room, everything, viewer, rounds, "all threads", 0.93)
    room.ask(everything, Pause(), until="paused")
    spare = room.train(max(1, devices.usable_cores() - 1))
    other = room.dashboard(spare)
    yield from training_speed(room, spare, other, rounds, "one thread left free", 0.97)
    room.ask(spare, Stop(), until="run_ended")
    yield f"a paused run and a finished one watched for {SECONDS_SETTLING + SECONDS_OF_QUIET:g} s"
    room.watch(SECONDS_SETTLING)
    yield from bytes_a_second(room, {"when paused": viewer, "when finished": other}, SECONDS_OF_QUIET, 20)


def first_paint(room: Room, rounds: int) -> Iterator[Step]:
    """From the spawn to the last byte of the first whole screen."""
    bare, full = [], []
    for number in range(1, 3 * rounds + 1):
        with room.bare() as probe:
            bare.append(probe.wait_for("change", "leave", quiet=QUIET))
        with room.dashboard() as probe:
            full.append(probe.wait_for("to train it", "leave", quiet=QUIET))
        yield f"first paint {number}/{3 * rounds}  bare {bare[-1]:.3f} s  dashboard {full[-1]:.3f} s"
    yield compared(
        "first paint", "s", statistics.median(full), statistics.median(bare), "bare app", at_most("ratio", 2)
    )


def long_history(room: Room, rounds: int, bare_paint: float) -> Iterator[Step]:
    """From the spawn to the whole screen, plot included, of a run of 100,000 events."""
    yield "writing a run of 100,000 events"
    run, times = room.long_run(EPOCHS_OF_100_000_EVENTS), []
    for number in range(1, rounds + 1):
        with room.dashboard(run) as probe:
            times.append(probe.wait_for(LAST_WORDS, quiet=QUIET_OF_A_TICK))
        yield f"attach {number}/{rounds}  {times[-1]:.3f} s"
    name = "attach to 100,000 events"
    yield compared(name, "s", statistics.median(times), bare_paint, "bare first paint", at_most("ratio", 4))


def memory(room: Room) -> Iterator[Step]:
    """Resident memory of the viewer's process after an hour of a run."""
    yield "memory after an hour's events"
    with room.dashboard(room.long_run(EPOCHS_OF_AN_HOUR)) as probe, room.bare() as bare:
        probe.wait_for(LAST_WORDS, quiet=QUIET_OF_A_TICK)
        bare.wait_for("change", "leave", quiet=QUIET)
        used, least = (psutil.Process(one.pid).memory_info().rss / MB for one in (probe, bare))
    yield compared("memory after an hour", "MB", used, least, "bare app", at_most("value", 70))


def key_to_screen(room: Room, run: RunDir) -> Iterator[Step]:
    """From a key to the first byte that follows, while the run keeps every core busy."""
    seconds: dict[str, list[float]] = {"bare": [], "dashboard": []}
    with room.bare() as bare, room.dashboard(run) as full:
        bare.wait_for("change", "leave", quiet=QUIET)
        full.wait_for("samples/s", quiet=QUIET_OF_A_STREAM)
        for number in range(1, KEYS + 1):
            for name, probe, key in (("bare", bare, b"d"), ("dashboard", full, b"\t")):
                room.watch(random.uniform(0.05, 0.1))  # noqa: S311  # out of step with the clock
                seconds[name].append(probe.seconds_to_answer(key))
            if number % 50 == 0:
                yield f"keys {number}/{KEYS}"
    for word, share in (("median", 0.5), ("99 %", 0.99)):
        answers, least = (1000 * quantile(seconds[name], share) for name in ("dashboard", "bare"))
        limits = at_most("value", 60), at_most("ratio", 3)
        yield compared(f"key to screen, {word}", "ms", answers, least, "bare app", *limits)


def training_speed(room: Room, run: RunDir, viewer: Probe, rounds: int, threads: str, least: float) -> Iterator[Step]:
    """The run's own rate without a viewer, with one and, on all threads, with three."""
    viewers = [viewer]
    counts = [0, 1] if least > 0.95 else [0, 1, 3]
    viewers += [room.dashboard(run) for _ in range(max(counts) - 1)]
    for probe in viewers:
        probe.wait_for("samples/s", quiet=QUIET_OF_A_STREAM)
    rates: dict[int, list[float]] = {count: [] for count in counts}
    for number in range(3 * rounds):
        for count in counts if number % 2 else counts[::-1]:
            for place, probe in enumerate(viewers):
                probe.send_signal(SIGCONT if place < count else SIGSTOP)
            room.watch(SECONDS_OF_CHANGE)
            steps, began = room.progress(run)
            room.watch(SECONDS_OF_RATE)
            last, ended = room.progress(run)
            rates[count].append((last - steps) / (ended - began) * BATCH)
        told = "  ".join(f"{count}: {rates[count][-1]:,.0f}" for count in counts)
        yield f"samples/s by viewers, {threads}, {number + 1}/{3 * rounds}  {told}"
    for probe in viewers:
        probe.send_signal(SIGCONT)
    for probe in viewers[1:]:
        probe.close()
    yield slowed(f"training speed, 1 viewer, {threads}", rates[1], rates[0], "no viewer", least)
    if 3 in rates:
        yield slowed(f"training speed, 3 viewers, {threads}", rates[3], rates[1], "1 viewer", 0.95)


def bytes_a_second(room: Room, probes: dict[str, Probe], seconds: float, most: float) -> Iterator[Figure]:
    """What each wrote while so much time passed."""
    before, began = {name: probe.total for name, probe in probes.items()}, time.perf_counter()
    room.watch(seconds)
    passed = time.perf_counter() - began
    for name, probe in probes.items():
        rate = (probe.total - before[name]) / passed
        yield Figure(f"written {name}", "B/s", rate, None, "", None, (at_most("value", most),))


def compared(name: str, unit: str, value: float, baseline: float, baseline_is: str, *limits: Limit) -> Figure:
    """A figure beside its baseline."""
    return Figure(name, unit, value, baseline, baseline_is, value / max(1e-9, baseline), limits)


def slowed(name: str, rates: list[float], baseline: list[float], baseline_is: str, least: float) -> Figure:
    """The ratio is the median of neighbours in time, which share what else the machine did."""
    ratio = statistics.median(rate / base for rate, base in zip(rates, baseline, strict=True))
    value, base = statistics.median(rates), statistics.median(baseline)
    return Figure(name, "samples/s", value, base, baseline_is, ratio, (at_least("ratio", least),))


def quantile(values: list[float], share: float) -> float:
    """The smallest value that so large a share of them does not exceed."""
    return sorted(values)[math.ceil(share * len(values)) - 1]
