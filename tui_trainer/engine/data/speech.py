"""Recordings in WAV files, as log-mel spectra of a window of fixed length.

All are resampled to the commonest rate of the training files. A recording that is shorter than the window stands in its
middle between silence; of a longer one the window is taken in which its energy is greatest.
"""

from __future__ import annotations

import functools
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import ClassVar, Self

import numpy as np
import torch
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.engine.data import class_folders
from tui_trainer.engine.data.class_folders import Kind
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.log_mel import frame_count, log_mel
from tui_trainer.engine.data.media import Decoded, FileEncoding, Item, UnreadableError, check_task, source_of
from tui_trainer.engine.data.opened import Opened
from tui_trainer.engine.data.own import RECORDINGS
from tui_trainer.engine.data.scaling import input_scaling
from tui_trainer.engine.data.wav import rate_of, read_wav
from tui_trainer.errors import InputError

STATISTICS = 3  # of each band: mean, deviation, mean absolute change from frame to frame


@dataclass(frozen=True)
class Recordings(FileEncoding):
    """Frame by frame, or the statistics of each band over the frames of the recording itself."""

    rate: int
    seconds: float
    mels: int
    features_kind: str  # log_mel or statistics
    kind: ClassVar[str] = "speech"
    files: ClassVar[Kind] = Kind(RECORDINGS, "WAV file", "WAV files")
    column: ClassVar[str] = "Audio"
    dtype: ClassVar[torch.dtype] = torch.float32

    @property
    def features(self) -> int:
        """Numbers of one recording."""
        return self.mels * (STATISTICS if self.features_kind == "statistics" else frame_count(self.seconds, self.rate))

    def saved(self) -> Saved:
        """Four facts."""
        facts = {"rate": self.rate, "seconds": self.seconds, "mels": self.mels, "features_kind": self.features_kind}
        return Saved(facts)

    @classmethod
    def restored(cls, saved: Saved) -> Self:
        """From the same facts."""
        return cls(**saved.facts)

    def decode(self, item: Item) -> Decoded:
        """Raises UnreadableError for what is no WAV file, is truncated, or has no samples."""
        rate, sound = read_wav(item)
        remarks = []
        if rate != self.rate:
            sound = resampled(sound, rate, self.rate)
            remarks.append(f"were resampled to {self.rate:,} Hz")
        if len(sound) > (length := round(self.seconds * self.rate)):
            sound = loudest(sound, length)
            remarks.append(f"are longer than {self.seconds:g} s: their loudest {self.seconds:g} s were taken")
        if self.features_kind == "log_mel":
            return Decoded(log_mel(self._filled(sound, length), self.rate, self.mels).reshape(-1), tuple(remarks))
        bands = log_mel(self._filled(sound, 0), self.rate, self.mels)
        change = np.abs(np.diff(bands, axis=0)).mean(axis=0) if len(bands) > 1 else np.zeros(self.mels)
        return Decoded(np.concatenate([bands.mean(axis=0), bands.std(axis=0), change]), tuple(remarks))

    def _filled(self, sound: np.ndarray, length: int) -> np.ndarray:
        """Silence on both sides, to `length` and no less than one frame."""
        lacking = max(length, round(0.025 * self.rate), 2) - len(sound)
        return np.pad(sound, (lacking // 2, lacking - lacking // 2)) if lacking > 0 else sound


def open_speech(path: Path, test: Path | None, config: RunConfig) -> Opened:
    """A folder of WAV files; those below `train/`, `test/` and `val/` as these parts, those of `test` as the test.

    Raises InputError naming a class folder without a recording, or a file whose class cannot be found.
    """
    check_task(path, config)
    files = class_folders.find(path, test, Recordings.files, config.data.label_pattern)
    return source_of(path, files, functools.partial(encoding_of, config), functools.partial(scaling_of, config))


def encoding_of(config: RunConfig, train: Sequence[Item]) -> Recordings:
    """As the settings ask, at the commonest rate of the training files. Raises InputError where none has one."""
    rates = Counter[int]()
    for item in train:
        try:
            rates[rate_of(item)] += 1
        except (UnreadableError, OSError):  # decoding it gives the sentence
            continue
    if not rates:
        raise InputError(f"--data {config.data.name}: none of {len(train):,} training files is a WAV file with samples")
    rate = max(rates, key=lambda rate: (rates[rate], rate))
    return Recordings(rate, config.speech.seconds, config.speech.mels, config.speech.features)


def scaling_of(config: RunConfig, inputs: Tensor) -> tuple[Tensor, Tensor]:
    """Of each feature, over all training recordings."""
    return input_scaling(config.data.normalize, inputs, None, 0)


def resampled(sound: np.ndarray, rate: int, wanted: int) -> np.ndarray:
    """By a polyphase filter, without aliases."""
    from scipy.signal import resample_poly

    result: np.ndarray = resample_poly(sound, wanted, rate).astype(np.float32)  # scipy takes out the common factor
    return result


def loudest(sound: np.ndarray, length: int) -> np.ndarray:
    """The `length` samples of the greatest energy; of equals the first."""
    energy = np.concatenate([[0.0], np.cumsum(sound.astype(np.float64) ** 2)])
    start = int(np.argmax(energy[length:] - energy[:-length]))
    return sound[start : start + length]
