"""How much memory a program takes at its peak: of the process, or of the GPU where it trains there."""

from __future__ import annotations

import contextlib
import ctypes
import gc
from pathlib import Path

import psutil
import torch

STATUS, RESET = Path("/proc/self/status"), Path("/proc/self/clear_refs")
MEANING = {
    "cpu": "peak growth of the process (resident), a program's own libraries and copies of the pictures included",
    "cuda": "torch.cuda.max_memory_allocated above what the data take; no figure for JAX, which allocates by itself",
}


class Peak:
    """Begun when it is made; `bytes()` is the peak since then above the level at that moment."""

    def __init__(self, device: torch.device, *, collects: bool = True) -> None:
        self._device = device
        if collects:  # what other people's trainers leave behind; half a second
            gc.collect()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
            torch.cuda.reset_peak_memory_stats(device)
            self._before = torch.cuda.memory_allocated(device)
            return
        _hand_back()
        with contextlib.suppress(OSError):
            RESET.write_text("5")  # Linux: the high-water mark falls to the present level
        self._before = psutil.Process().memory_info().rss

    def bytes(self) -> int:
        """Never below 0."""
        if self._device.type == "cuda":
            return max(0, torch.cuda.max_memory_allocated(self._device) - self._before)
        return max(0, _high_water() - self._before)


def _hand_back() -> None:
    """Free memory that the allocator holds goes back to the system, or the next program would take it unseen."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).malloc_trim(0)


def _high_water() -> int:
    with contextlib.suppress(OSError, StopIteration, ValueError):
        line = next(line for line in STATUS.read_text().splitlines() if line.startswith("VmHWM:"))
        return int(line.split()[1]) * 1024
    return int(psutil.Process().memory_info().rss)
