"""Readings of the machine. No GPU is here: a library that answers as NVML does stands in for the driver."""

from __future__ import annotations

import os
import sys
from types import SimpleNamespace
from typing import Any

import psutil
import pytest

from tui_trainer import devices


class NvmlError(Exception):
    """What pynvml raises."""


class Nvml:
    """Three GPUs; the second does not tell its power and temperature, as some do not."""

    NVMLError = NvmlError
    NVML_TEMPERATURE_GPU = 0

    def nvmlInit(self) -> None: ...  # noqa: N802

    def nvmlShutdown(self) -> None: ...  # noqa: N802

    def nvmlDeviceGetCount(self) -> int:  # noqa: N802
        return 3

    def nvmlDeviceGetHandleByIndex(self, index: int) -> int:  # noqa: N802
        return index

    def nvmlDeviceGetUUID(self, handle: int) -> str:  # noqa: N802
        return f"GPU-{handle}{handle}{handle}"

    def nvmlDeviceGetName(self, handle: int) -> bytes:  # noqa: N802
        return f"Number {handle}".encode()

    def nvmlDeviceGetMemoryInfo(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(used=(10, 70, 30)[handle] * 10**9, total=80 * 10**9)

    def nvmlDeviceGetUtilizationRates(self, handle: int) -> Any:  # noqa: N802
        return SimpleNamespace(gpu=10 * handle)

    def nvmlDeviceGetTemperature(self, handle: int, _sensor: int) -> int:  # noqa: N802
        if handle == 1:
            raise NvmlError
        return 40 + handle

    def nvmlDeviceGetPowerUsage(self, handle: int) -> int:  # noqa: N802
        if handle == 1:
            raise NvmlError
        return 123_456

    def nvmlDeviceGetComputeRunningProcesses(self, handle: int) -> list[Any]:  # noqa: N802
        mine = SimpleNamespace(pid=os.getpid(), usedGpuMemory=5 * 10**9)
        gone = SimpleNamespace(pid=2**30, usedGpuMemory=None)
        return [mine, gone] if handle == 1 else []


@pytest.fixture
def nvml(monkeypatch: pytest.MonkeyPatch) -> None:
    """The stand-in, and no restriction of what is visible."""
    monkeypatch.setitem(sys.modules, "pynvml", Nvml())
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)


@pytest.mark.usefixtures("nvml")
def test_every_gpu_is_read_and_what_it_does_not_tell_is_none() -> None:
    first, second, third = devices.gpus()
    assert (first.name, first.memory_used, first.load, first.temperature, first.watts) == (
        "Number 0", 10 * 10**9, 0.0, 40, 123.456,
    )  # fmt: skip
    assert (second.temperature, second.watts, second.load) == (None, None, 0.1)
    assert third.index == 2


@pytest.mark.usefixtures("nvml")
def test_who_else_computes_there_is_named() -> None:
    mine, gone = devices.gpus()[1].processes
    assert (mine.user, mine.memory) == (psutil.Process().username(), 5 * 10**9)
    assert (gone.user, gone.name, gone.memory) == ("", "", 0)


@pytest.mark.usefixtures("nvml")
@pytest.mark.parametrize(
    ("visible", "names"),
    [("2,0", ["Number 2", "Number 0"]), ("GPU-111", ["Number 1"]), ("", []), ("1,7,0", ["Number 1"])],
)
def test_gpus_are_numbered_as_cuda_numbers_them(
    visible: str, names: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", visible)
    seen = devices.gpus()
    assert [gpu.name for gpu in seen] == names
    assert [gpu.index for gpu in seen] == list(range(len(names)))


@pytest.mark.usefixtures("nvml")
def test_the_freest_gpu_is_the_one_with_most_free_memory() -> None:
    assert devices.freest_gpu() == 0


def test_without_a_driver_there_are_none(monkeypatch: pytest.MonkeyPatch) -> None:
    class Absent(Nvml):
        def nvmlInit(self) -> None:  # noqa: N802
            raise NvmlError

    monkeypatch.setitem(sys.modules, "pynvml", Absent())
    assert devices.gpus() == []
    assert devices.freest_gpu() is None


def test_the_cpu_says_its_name_cores_and_memory() -> None:
    reading = devices.cpu(0)
    assert 1 <= reading.cores <= (os.cpu_count() or 1)
    assert 0 <= reading.load <= 1
    assert 0 < reading.memory_used < reading.memory_total
