"""How fast one epoch of the tutorial's network is: the tutorial's program, a plain loop, and this trainer.

One process, alternating rounds, medians: machines are noisy, ratios within a round much less so. Training alone is
timed, as each program does it: no evaluation, nothing written. Each takes the threads it takes by itself.
"""

from __future__ import annotations

import platform
import statistics
import tempfile
import time
from collections.abc import Callable, Generator
from importlib import metadata
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn
from torch.nn import functional as F

from tui_trainer import devices, paths
from tui_trainer.config import RunConfig
from tui_trainer.engine import device as where
from tui_trainer.engine.data import DataSet, idx, load, vision
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.events import EpochEnded
from tui_trainer.knobs import build

BATCH = 64
HIDDEN = 128
Epoch = Callable[[], float]  # trains one epoch, returns its seconds


def measure(config: RunConfig, rounds: int) -> Generator[dict[str, Any], None, None]:
    """Yields `{"progress": text}` while it measures and `{"result": ...}` at the end. Raises InputError."""
    chosen = where.choose(config.hardware)
    vision.datasets()  # the tutorial's program needs it: say so before anything is measured
    with tempfile.TemporaryDirectory() as folder:
        data_dir, origin = paths.folder(config.data.dir, "--data-dir"), "MNIST"
        if idx.missing("mnist", data_dir):
            data_dir, origin = Path(folder), "made-up pictures of MNIST's size (no MNIST in --data-dir)"
            _make_up_mnist(data_dir)
        values = {"data": "mnist", "data_dir": str(data_dir), "normalize": "unit", "validation": 0}
        settings = build({**values, "epochs": rounds + 1, "threads": config.hardware.threads})
        data = load(settings.data, 0).to(chosen)
        programs: dict[str, Epoch] = {
            "tutorial": tutorial(data_dir, chosen),
            "plain loop": plain_loop(data, chosen),
            "tui-trainer": trainer(settings, data, chosen),
        }
        everybodys = config.hardware.threads or torch.get_num_threads()
        threads = dict.fromkeys(programs, everybodys) | {"tui-trainer": where.threads_for(settings, data)}
        seconds: dict[str, list[float]] = {name: [] for name in programs}
        for name in ("plain loop", "tui-trainer"):
            yield {"progress": f"warming up: {name}"}
            torch.set_num_threads(threads[name])
            programs[name]()
        for number in range(1, rounds + 1):
            for name, epoch in programs.items():
                torch.set_num_threads(threads[name])
                seconds[name].append(epoch())
                yield {"progress": f"round {number}/{rounds}  {name:11}  {seconds[name][-1]:.3f} s"}
    yield {"result": _result(seconds, threads, len(data.train), chosen, origin)}


def tutorial(data_dir: Path, chosen: torch.device) -> Epoch:
    """The program people start from: torchvision's MNIST, ToTensor, a DataLoader, one `.item()` a step."""
    from torchvision import datasets, transforms

    pictures = datasets.MNIST(str(data_dir), train=True, transform=transforms.ToTensor())
    loader = torch.utils.data.DataLoader(pictures, batch_size=BATCH, shuffle=True)
    model = nn.Sequential(nn.Flatten(), nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)).to(chosen)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> float:
        began, running = time.perf_counter(), 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images.to(chosen)), labels.to(chosen))
            loss.backward()
            optimizer.step()
            running += loss.item()
        return time.perf_counter() - began

    return epoch


def plain_loop(data: DataSet, chosen: torch.device) -> Epoch:
    """What a careful person writes by hand: tensors on the device, fused Adam, the loss read once an epoch."""
    inputs, targets = data.train.inputs.float() / 255, data.train.targets
    model = nn.Sequential(nn.Linear(784, HIDDEN), nn.ReLU(), nn.Linear(HIDDEN, 10)).to(chosen)
    optimizer = torch.optim.Adam(model.parameters(), lr=1e-3, fused=True)

    def epoch() -> float:
        began, total = time.perf_counter(), torch.zeros((), device=chosen)
        for rows in torch.split(torch.randperm(len(targets), device=chosen), BATCH):
            optimizer.zero_grad(set_to_none=True)
            loss = F.cross_entropy(model(inputs[rows]), targets[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        total.item()
        return time.perf_counter() - began

    return epoch


def trainer(settings: RunConfig, data: DataSet, chosen: torch.device) -> Epoch:
    """This trainer's own loop, reports included, one epoch at a time."""
    events = train(Session(settings, data, chosen), Saver(None))

    def epoch() -> float:
        ended = next(event for event in events if isinstance(event, EpochEnded))
        return len(data.train) / ended.samples_per_second

    return epoch


def _result(
    seconds: dict[str, list[float]], threads: dict[str, int], samples: int, chosen: torch.device, origin: str
) -> dict[str, Any]:
    medians = {name: statistics.median(times) for name, times in seconds.items()}
    versions = {package: metadata.version(package) for package in ("torch", "torchvision", "tui-trainer")}
    spoken = ", ".join(f"{package} {version}" for package, version in versions.items())
    return {
        "title": f"One epoch of {origin}: 784-{HIDDEN}-10, batch {BATCH}, Adam, float32",
        "machine": f"{where.name_of(chosen)} ({chosen}, {devices.usable_cores()} cores), {spoken}, "
        f"Python {platform.python_version()}",
        "device": str(chosen),
        "device_name": where.name_of(chosen),
        "versions": versions,
        "rounds": len(seconds["tutorial"]),
        "programs": [
            {
                "program": name,
                "threads": threads[name],
                "seconds": medians[name],
                "fastest": min(times),
                "slowest": max(times),
                "samples_per_second": samples / medians[name],
                "speedup": medians["tutorial"] / medians[name],
            }
            for name, times in seconds.items()
        ],
    }


def _make_up_mnist(folder: Path) -> None:
    """Noise in MNIST's files: the same bytes to read, the same work per step, nothing to learn."""
    raw = folder / "MNIST" / "raw"
    raw.mkdir(parents=True)
    random = np.random.default_rng(0)
    for part, count in (("train", 60_000), ("t10k", 10_000)):
        images = random.integers(0, 256, (count, 28, 28), dtype=np.uint8)
        labels = random.integers(0, 10, count, dtype=np.uint8)
        for kind, array in (("images-idx3", images), ("labels-idx1", labels)):
            header = bytes([0, 0, 8, array.ndim]) + np.array(array.shape, dtype=">u4").tobytes()
            (raw / f"{part}-{kind}-ubyte").write_bytes(header + array.tobytes())
