"""What this machine can train on, read through psutil and NVML: no torch, no CUDA context, nothing reserved.

GPUs are numbered as CUDA numbers them in this process: CUDA_VISIBLE_DEVICES is honoured, in PCI bus order.
"""

from __future__ import annotations

import os
import platform
from contextlib import suppress
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

GB = 1_000_000_000


@dataclass(frozen=True)
class Cpu:
    """Load and memory of the machine's processors."""

    name: str
    cores: int  # that this process may use
    load: float  # share of all cores busy, 0..1, since the last reading
    memory_used: int  # bytes
    memory_total: int


@dataclass(frozen=True)
class GpuProcess:
    """Somebody who computes on a GPU."""

    pid: int
    user: str  # "" where the system does not tell
    name: str
    memory: int  # bytes; 0 where the driver does not tell


@dataclass(frozen=True)
class Gpu:
    """One NVIDIA GPU; a reading the driver does not give is None."""

    index: int  # N of `--device cuda:N`
    name: str
    memory_used: int  # bytes
    memory_total: int
    load: float | None  # 0..1
    temperature: int | None  # degrees Celsius
    watts: float | None
    processes: tuple[GpuProcess, ...]  # that compute there


def usable_cores() -> int:
    """Cores this process may use: its affinity, cut by a container's quota."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    with suppress(OSError, ValueError):
        quota, period = Path("/sys/fs/cgroup/cpu.max").read_text().split()
        if quota != "max":
            cores = min(cores, max(1, round(int(quota) / int(period))))
    return cores


def idle_cores(seconds: float = 0.1) -> int:
    """How many of the usable cores nobody keeps busy, at least 1; measured over so many seconds."""
    import psutil  # 9 ms that the first paint of the dashboard need not wait for

    usable = usable_cores()
    cores: list[float] = psutil.cpu_percent(seconds, percpu=True)
    mine = os.sched_getaffinity(0) if hasattr(os, "sched_getaffinity") else range(len(cores))
    idle = sum(1 - load / 100 for core, load in enumerate(cores) if core in mine)
    return max(1, min(usable, round(idle)))


@cache
def cpu_name() -> str:
    """The processor's own name, or "" where the system does not say."""
    with suppress(OSError):
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor()


def cpu(seconds: float = 0.1) -> Cpu:
    """A reading of the CPU; its load is measured over so many seconds (0: since the last call)."""
    import psutil

    memory = psutil.virtual_memory()
    load = psutil.cpu_percent(seconds or None) / 100
    return Cpu(cpu_name(), usable_cores(), load, memory.total - memory.available, memory.total)


def gpus() -> list[Gpu]:
    """A reading of every GPU visible to this process; empty where no NVIDIA driver answers."""
    try:
        import pynvml

        pynvml.nvmlInit()
    except Exception:  # no library, no driver, no rights: all mean "none here"
        return []
    try:
        handles = [pynvml.nvmlDeviceGetHandleByIndex(n) for n in range(pynvml.nvmlDeviceGetCount())]
        return [_reading(pynvml, index, handle) for index, handle in enumerate(_visible(pynvml, handles))]
    except pynvml.NVMLError:
        return []
    finally:
        with suppress(pynvml.NVMLError):
            pynvml.nvmlShutdown()


def freest_gpu() -> int | None:
    """N of the GPU with most free memory, or None."""
    there = gpus()
    return max(there, key=lambda gpu: gpu.memory_total - gpu.memory_used).index if there else None


def _visible(pynvml: Any, handles: list[Any]) -> list[Any]:
    wanted = os.environ.get("CUDA_VISIBLE_DEVICES")
    if wanted is None:
        return handles
    chosen = []
    for word in filter(None, (part.strip() for part in wanted.split(","))):
        if word.isdigit() and int(word) < len(handles):
            chosen.append(handles[int(word)])
        elif named := [handle for handle in handles if _text(pynvml.nvmlDeviceGetUUID(handle)).startswith(word)]:
            chosen.append(named[0])
        else:
            break  # CUDA stops at the first entry it does not know
    return chosen


def _reading(pynvml: Any, index: int, handle: Any) -> Gpu:
    def asked(call: str, *arguments: Any) -> Any:
        with suppress(pynvml.NVMLError):
            return getattr(pynvml, call)(handle, *arguments)
        return None

    memory, load = asked("nvmlDeviceGetMemoryInfo"), asked("nvmlDeviceGetUtilizationRates")
    milliwatts = asked("nvmlDeviceGetPowerUsage")
    return Gpu(
        index=index,
        name=_text(asked("nvmlDeviceGetName") or "NVIDIA GPU"),
        memory_used=int(memory.used) if memory else 0,
        memory_total=int(memory.total) if memory else 0,
        load=load.gpu / 100 if load else None,
        temperature=asked("nvmlDeviceGetTemperature", pynvml.NVML_TEMPERATURE_GPU),
        watts=milliwatts / 1000 if milliwatts is not None else None,
        processes=tuple(_process(told) for told in asked("nvmlDeviceGetComputeRunningProcesses") or ()),
    )


def _process(told: Any) -> GpuProcess:
    import psutil

    user = name = ""
    with suppress(psutil.Error, KeyError):
        process = psutil.Process(told.pid)
        name, user = process.name(), process.username()
    return GpuProcess(told.pid, user, name, int(getattr(told, "usedGpuMemory", None) or 0))


def _text(name: str | bytes) -> str:
    return name.decode() if isinstance(name, bytes) else name
