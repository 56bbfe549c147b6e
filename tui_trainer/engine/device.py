"""Where to compute: the device that was asked for, its name, its threads, and whether a net fits."""

from __future__ import annotations

import math
import os
import platform

import psutil
import torch

from tui_trainer import devices
from tui_trainer.config import RunConfig
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.model import parameter_count
from tui_trainer.errors import InputError
from tui_trainer.placement import Place
from tui_trainer.sections import Hardware

FLOP_WORTH_A_THREAD = 5e6  # of one step: 50 microseconds of work, some ten times what waking a thread costs
BYTES_PER_PARAMETER = 16  # weight, gradient, two averages of the optimizer, in float32


def choose(hardware: Hardware, place: Place | None = None) -> torch.device:
    """The device for `--device`, with determinism set; of several processes, this one's.

    Raises InputError where it is not there.
    """
    if hardware.deterministic:
        os.environ.setdefault("CUBLAS_WORKSPACE_CONFIG", ":4096:8")  # what cuBLAS asks for, before its first use
    if hardware.deterministic != torch.are_deterministic_algorithms_enabled():  # the call alone imports the compiler
        torch.use_deterministic_algorithms(hardware.deterministic)
    chosen = named(_asked_of(hardware, place) if place else hardware.device)
    if chosen.type == "cuda":
        torch.backends.cuda.matmul.fp32_precision = "tf32" if hardware.precision == "tf32" else "ieee"
    return chosen


def named(asked: str) -> torch.device:
    """The device of a name: auto, cpu, cuda, cuda:N. Raises InputError where it is not there."""
    if asked == "cpu":
        return torch.device("cpu")
    if not torch.cuda.is_available():
        if asked == "auto":
            return torch.device("cpu")
        raise InputError(f"--device {asked}: {_why_no_cuda()}; use --device cpu or --device auto")
    if ":" not in asked:
        return torch.device("cuda", devices.freest_gpu() or 0)
    number, count = int(asked.split(":")[1]), torch.cuda.device_count()
    if number >= count:
        there = ", ".join(f"cuda:{n}" for n in range(count))
        raise InputError(f"--device {asked}: there is no such GPU here; there are {there}")
    return torch.device("cuda", number)


def _asked_of(hardware: Hardware, place: Place) -> str:
    """What this process of several takes. Started from outside, each takes the GPU of its number on its host."""
    if place.devices:
        return place.devices[place.local_rank]
    given = [part.strip() for part in hardware.device.split(",")]
    if len(given) > 1:
        if len(given) != place.local_size:
            raise InputError(
                f"--device {hardware.device} names {len(given)} GPUs, but {place.starter} started {place.local_size} "
                "processes on this host; start as many, or leave --device out"
            )
        return given[place.local_rank]
    if hardware.processes not in (1, place.size):
        raise InputError(
            f"--processes {hardware.processes}: {place.starter} has started {place.size} processes; leave it out"
        )
    if ":" in hardware.device and place.local_size > 1:
        raise InputError(
            f"--device {hardware.device}: {place.starter} started {place.local_size} processes on this host, which "
            "cannot share one GPU; leave --device out, or name as many"
        )
    if hardware.device in ("auto", "cuda") and place.size > 1 and torch.cuda.is_available():
        # A queue that gives each process a GPU of its own shows it nothing but that one.
        return f"cuda:{place.local_rank if torch.cuda.device_count() > 1 else 0}"
    return hardware.device


def threads_for(config: RunConfig, data: DataSet, processes: int = 1) -> int:
    """The CPU threads that were asked for, or the most that are worth trying (`rehearsal.fastest_threads` tries them).

    In deterministic mode the load of the machine decides nothing. Several processes of a run on one machine divide its
    cores among them.
    """
    if config.hardware.threads:
        return config.hardware.threads
    if processes > 1:
        return max(1, devices.usable_cores() // processes)
    size = config.training.batch_size
    batch = len(data.train) if size == "full" else min(size, len(data.train))
    flop = (
        6 * batch * parameter_count(data.inputs, config.model.hidden, data.outputs, data.embedded)
    )  # forward 2, backward 4
    useful = math.ceil(flop / FLOP_WORTH_A_THREAD)
    return max(1, min(devices.usable_cores(), useful))


def _why_no_cuda() -> str:
    if torch.version.cuda is None:
        return f"this PyTorch ({torch.__version__}) is built without CUDA"
    if not devices.gpus():
        return "no NVIDIA driver or GPU answers on this machine"
    return f"PyTorch {torch.__version__} (CUDA {torch.version.cuda}) cannot use the GPU; its driver may be too old"


def name_of(device: torch.device) -> str:
    """`AMD EPYC 9354` or `NVIDIA H100`."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return devices.cpu_name() or platform.machine()


def bytes_of_net(config: RunConfig, data: DataSet) -> int:
    """What weights, gradients, the optimizer's state and an average take on the device."""
    count = parameter_count(data.inputs, config.model.hidden, data.outputs, data.embedded)
    return count * (BYTES_PER_PARAMETER + (4 if config.training.ema else 0))


def check_memory(config: RunConfig, data: DataSet, device: torch.device) -> None:
    """Raises InputError where the net and its optimizer alone would not fit the device."""
    parameters = parameter_count(data.inputs, config.model.hidden, data.outputs, data.embedded)
    needed = bytes_of_net(config, data)
    free = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else psutil.virtual_memory().available
    if needed > free:
        raise InputError(
            f"--hidden {','.join(map(str, config.model.hidden))} makes {parameters:,} parameters, which need about "
            f"{needed / 1e9:,.1f} GB to train; {device} has {free / 1e9:,.1f} GB free; choose smaller layers"
        )
