"""Samples in a file instead of memory: written once, mapped, and gone with the process whatever ends it."""

from __future__ import annotations

import mmap
import os
import tempfile
from pathlib import Path

import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import Samples
from tui_trainer.errors import InputError
from tui_trainer.sizes import size_text


def spill(samples: Samples, *, is_shuffled: bool) -> Samples:
    """The same samples in mapped files without a name. Raises InputError where there is no room for them.

    The pages are the system's to drop and read again. `is_shuffled`: rows are read in no order, so that reading
    ahead of them would read what nobody asked for.
    """
    folder = spill_folder()
    try:
        inputs, targets = (_mapped(tensor, folder, is_shuffled) for tensor in (samples.inputs, samples.targets))
    except OSError as error:
        raise InputError(
            f"{folder}: {size_text(samples.nbytes)} of samples that exceed --host-memory cannot be written there "
            f"({error.strerror or error}); free some space, set TMPDIR to a folder with room, or raise --host-memory"
        ) from None
    return Samples(inputs, targets)


def spill_folder() -> Path:
    """TMPDIR, or /var/tmp: on many systems /tmp is memory, which would defeat the purpose."""
    if folder := os.environ.get("TMPDIR"):
        return Path(folder)
    disk = Path("/var/tmp")  # noqa: S108  # the file gets no name there
    return disk if os.access(disk, os.W_OK) else Path(tempfile.gettempdir())


def _mapped(tensor: Tensor, folder: Path, is_shuffled: bool) -> Tensor:
    with tempfile.TemporaryFile(dir=folder) as file:
        if hasattr(os, "posix_fallocate"):
            os.posix_fallocate(file.fileno(), 0, tensor.nbytes)  # a full disk says so here, not in the middle
        file.write(tensor.contiguous().numpy().data.cast("B"))
        file.flush()
        os.fsync(file.fileno())  # a page that could not be written would be read again as something else
        # shared: a private mapping larger than memory is refused, since it might be written to
        mapping = mmap.mmap(file.fileno(), tensor.nbytes, access=mmap.ACCESS_WRITE)
    if is_shuffled and hasattr(mmap, "MADV_RANDOM"):
        mapping.madvise(mmap.MADV_RANDOM)
    return torch.frombuffer(mapping, dtype=tensor.dtype).reshape(tensor.shape)
