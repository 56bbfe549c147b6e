"""Samples in a file instead of memory: written once, mapped, and gone with the process whatever ends it."""

from __future__ import annotations

import mmap
import os
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import IO, Any

import numpy as np
import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.data.staging import gather
from tui_trainer.errors import InputError
from tui_trainer.sizes import size_text

PAGE = mmap.PAGESIZE
_WILL_NEED = getattr(os, "POSIX_FADV_WILLNEED", 0)  # Linux has it, macOS has not
SECONDS_A_PAGE = 2e-6  # gathering that takes longer waits for the disk: from memory a page takes 0.2 µs, from it 50


@dataclass(frozen=True)
class Spilled(Samples):
    """Samples whose memory is a file's."""

    file: IO[bytes]  # of the inputs; without a name


def spill(samples: Samples, *, is_shuffled: bool) -> Spilled:
    """The same samples in mapped files without a name. Raises InputError where there is no room for them.

    The pages are the system's to drop and read again. `is_shuffled`: rows are read in no order, so that reading
    ahead of them would read what nobody asked for.
    """
    folder = spill_folder()
    try:
        inputs, file = _mapped(samples.inputs, folder, is_shuffled)
        targets, file_of_targets = _mapped(samples.targets, folder, is_shuffled)
        file_of_targets.close()  # the mapping keeps it
    except OSError as error:
        raise InputError(
            f"{folder}: {size_text(samples.nbytes)} of samples that exceed --host-memory cannot be written there "
            f"({error.strerror or error}); free some space, set TMPDIR to a folder with room, or raise --host-memory"
        ) from None
    return Spilled(inputs, targets, file)


def spill_folder() -> Path:
    """TMPDIR, or /var/tmp: on many systems /tmp is memory, which would defeat the purpose."""
    if folder := os.environ.get("TMPDIR"):
        return Path(folder)
    disk = Path("/var/tmp")  # noqa: S108  # the file gets no name there
    return disk if os.access(disk, os.W_OK) else Path(tempfile.gettempdir())


class FileRows:
    """Gathers rows of a file. While the system has to read them from the disk, it is asked for all of a block first.

    It then reads many pages at a time instead of one after the other: 46,000 pictures of 784 bytes a second instead
    of 12,000 on a virtual disk. Asking takes 3 µs a row, which rows in the page cache (0.2 µs) need not pay.
    """

    def __init__(self, samples: Spilled) -> None:
        self._samples = samples
        self._row_bytes = samples.inputs.nbytes // len(samples)
        self.is_cold = False

    def __call__(self, rows: np.ndarray[Any, Any], out: Samples) -> None:
        """These rows into the first of `out`."""
        if self.is_cold and hasattr(os, "posix_fadvise"):
            for start, stop in page_runs(rows, self._row_bytes).tolist():
                os.posix_fadvise(self._samples.file.fileno(), start * PAGE, (stop - start) * PAGE, _WILL_NEED)
        began = time.perf_counter()
        gather(self._samples.inputs, rows, out.inputs)
        pages = len(rows) * (1 + self._row_bytes // PAGE)
        self.is_cold = time.perf_counter() - began > pages * SECONDS_A_PAGE
        gather(self._samples.targets, rows, out.targets)


def page_runs(rows: np.ndarray[Any, Any], row_bytes: int) -> np.ndarray[Any, Any]:
    """(first, last + 1) of the runs of pages that hold these rows, in the file's order."""
    rows = np.sort(rows)
    first, last = rows * row_bytes // PAGE, ((rows + 1) * row_bytes - 1) // PAGE
    cut = np.flatnonzero(first[1:] > last[:-1] + 1)
    return np.stack((first[np.r_[0, cut + 1]], last[np.r_[cut, len(rows) - 1]] + 1), 1) if len(rows) else rows


def _mapped(tensor: Tensor, folder: Path, is_shuffled: bool) -> tuple[Tensor, IO[bytes]]:
    file: IO[bytes] = tempfile.TemporaryFile(dir=folder)  # noqa: SIM115  # open as long as its samples are used
    if hasattr(os, "posix_fallocate"):
        os.posix_fallocate(file.fileno(), 0, tensor.nbytes)  # a full disk says so here, not in the middle
    file.write(tensor.contiguous().numpy().data.cast("B"))
    file.flush()
    os.fsync(file.fileno())  # a page that could not be written would be read again as something else
    # shared: a private mapping larger than memory is refused, since it might be written to
    mapping = mmap.mmap(file.fileno(), tensor.nbytes, access=mmap.ACCESS_WRITE)
    if is_shuffled and hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM)
    return torch.frombuffer(mapping, dtype=tensor.dtype).reshape(tensor.shape), file
