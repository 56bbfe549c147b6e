"""WAV files as mono float32 samples in -1..1.

scipy reads them (the standard library's `wave` knows no floats and, before Python 3.12, no WAVE_FORMAT_EXTENSIBLE). It
takes what is there of a truncated file without a word, so that the chunks' sizes are looked at first. RIFF: Microsoft
and IBM, Multimedia Programming Interface and Data Specifications 1.0, 1991.
"""

from __future__ import annotations

import struct
import warnings
from io import BytesIO
from pathlib import Path
from typing import BinaryIO

import numpy as np

from tui_trainer.engine.data.media import Item, UnreadableError, opener

UNKNOWN_SIZES = (0, 0xFFFFFFFF)  # what a program writes that streams into a pipe
FULL_SCALE = {"int16": 2**15, "int32": 2**31}
MOST_RATE = 1_000_000  # samples a second; beyond it a header lies, and resampling would take all memory


def read_wav(item: Item) -> tuple[int, np.ndarray]:
    """(samples a second, mono samples (n,) float32). Raises UnreadableError, or ValueError from scipy."""
    from scipy.io import wavfile

    rate_of(item)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", wavfile.WavFileWarning)  # chunks of other programs, such as their notes
        rate, samples = wavfile.read(opener(item))
        if not len(samples):  # rate_of found some: a streamed file's 0 is taken at its word
            rate, samples = wavfile.read(BytesIO(_with_size(opener(item))))
    if samples.dtype == np.uint8:
        sound = (samples.astype(np.float32) - 128) / 128
    elif samples.dtype.kind == "f":
        sound = samples.astype(np.float32)
    elif (full_scale := FULL_SCALE.get(samples.dtype.name)) is not None:
        sound = (samples / full_scale).astype(np.float32)
    else:
        raise UnreadableError(f"samples of {samples.dtype.name}; expected 8, 16, 24 or 32 bits, or floats")
    if sound.ndim == 2:
        sound = sound.mean(axis=1)
    if not np.isfinite(sound).all():
        raise UnreadableError("it has samples that are infinite or no numbers")
    return int(rate), sound


def rate_of(item: Item) -> int:
    """Samples a second, from the header. Raises UnreadableError where the file is no WAV, is truncated or empty."""
    source = opener(item)
    if isinstance(source, BytesIO):
        return _rate(source, len(source.getbuffer()))
    with source.open("rb") as file:
        return _rate(file, source.stat().st_size)


def _rate(file: BinaryIO, size: int) -> int:
    rate, _, promised = _samples_of(file)
    return _checked(rate, promised, size - file.tell())


def _samples_of(file: BinaryIO) -> tuple[int, str, int]:
    """(samples a second, order of bytes, promised bytes of samples); the file stands at the first of these then."""
    start = file.read(12)
    if len(start) == 0:
        raise UnreadableError("the file is empty")
    if start[:4] not in (b"RIFF", b"RIFX", b"RF64") or start[8:] != b"WAVE":
        raise UnreadableError(f"no WAV file (it starts with {start[:4].hex(' ')})")
    order = ">" if start[:4] == b"RIFX" else "<"
    rate = 0
    while len(head := file.read(8)) == 8:
        length = struct.unpack(f"{order}I", head[4:])[0]
        if head[:4] == b"data":
            return rate, order, length
        content = file.read(min(length, 16))
        if head[:4] == b"fmt " and len(content) == 16:
            rate = struct.unpack(f"{order}I", content[4:8])[0]
        file.seek(length - len(content) + length % 2, 1)
    raise UnreadableError("truncated: it ends before its samples")


def _with_size(source: Path | BytesIO) -> bytes:
    """The same file, with the size of its samples in their header."""
    content = source.getvalue() if isinstance(source, BytesIO) else source.read_bytes()
    file = BytesIO(content)
    _, order, _ = _samples_of(file)
    at = file.tell()
    return content[: at - 4] + struct.pack(f"{order}I", len(content) - at) + content[at:]


def _checked(rate: int, promised: int, there: int) -> int:
    if promised > there and promised not in UNKNOWN_SIZES:
        raise UnreadableError(f"truncated: {there:,} bytes of samples where its header promises {promised:,}")
    if there == 0:
        raise UnreadableError("it has no samples")
    if not 0 < rate <= MOST_RATE:
        raise UnreadableError(f"its header gives a sampling rate of {rate:,} a second")
    return rate
