"""The log-mel spectrum of a sound: what speech recognisers have looked at since the 1980s.

Frames of 25 ms every 10 ms under a Hann window; their power spectrum in triangular bands that are equally wide on the
mel scale of O'Shaughnessy, Speech Communication, 1987, mel = 2595 log10(1 + f / 700), as in the HTK book (Young et al.,
3.4, section 5.4); its natural logarithm.
"""

from __future__ import annotations

import functools
import math

import numpy as np

FRAME_SECONDS, STEP_SECONDS = 0.025, 0.010
FLOOR = 1e-6  # added to a band's power: about 60 dB below a loud voice, so that silence does not reach to -infinity


def frame_count(seconds: float, rate: int) -> int:
    """Frames that lie wholly in a window of so many seconds; at least one."""
    frame, step = _lengths(rate)
    return 1 + max(0, round(seconds * rate) - frame) // step


def log_mel(sound: np.ndarray, rate: int, mels: int) -> np.ndarray:
    """(frames, mels) float32 of mono samples (n,); n is at least one frame."""
    frame, step = _lengths(rate)
    filters = mel_filters(rate, frame, mels)
    size = 2 * (filters.shape[1] - 1)
    frames = np.lib.stride_tricks.sliding_window_view(sound, frame)[::step]
    window = np.hanning(frame + 1)[:-1].astype(np.float32)  # periodic: its next period begins with the left-out end
    power = np.abs(np.fft.rfft(frames * window, size)) ** 2 / (window**2).sum()
    result: np.ndarray = np.log(power @ filters.T + FLOOR).astype(np.float32)
    return result


@functools.lru_cache(maxsize=8)
def mel_filters(rate: int, frame: int, mels: int) -> np.ndarray:
    """(mels, bins) weights, each band's highest 1. The spectrum is made as fine as the narrowest band needs."""
    edges = hertz(np.linspace(0, mel(rate / 2), mels + 2))
    size = 2 ** math.ceil(math.log2(frame))
    while True:
        bins = np.arange(size // 2 + 1) * (rate / size)
        rising = (bins - edges[:-2, None]) / (edges[1:-1] - edges[:-2])[:, None]
        falling = (edges[2:, None] - bins) / (edges[2:] - edges[1:-1])[:, None]
        filters: np.ndarray = np.maximum(0, np.minimum(rising, falling)).astype(np.float32)
        if (filters.max(axis=1) > 0.5).all():
            return filters
        size *= 2


def mel(hertz: float) -> float:
    """2595 log10(1 + f / 700)."""
    return 2595 * math.log10(1 + hertz / 700)


def hertz(mels: np.ndarray) -> np.ndarray:
    """The inverse of `mel`."""
    result: np.ndarray = 700 * (10 ** (mels / 2595) - 1)
    return result


def _lengths(rate: int) -> tuple[int, int]:
    """Samples of a frame and from one frame to the next."""
    return max(2, round(FRAME_SECONDS * rate)), max(1, round(STEP_SECONDS * rate))
