"""Recordings: WAV files of every kind, their log-mel spectra, and what a net can make of them."""

from __future__ import annotations

import math
import re
import shutil
from pathlib import Path

import numpy as np
import pytest
import torch
from sklearn.neighbors import KNeighborsClassifier

from tests.engine.media import RATE, every_row, inputs, opened, some_recordings, tone, write_wav
from tui_trainer.engine.data import load
from tui_trainer.engine.data.log_mel import FLOOR, frame_count, log_mel, mel_filters
from tui_trainer.engine.data.speech import Recordings, loudest
from tui_trainer.engine.data.wav import read_wav
from tui_trainer.errors import InputError
from tui_trainer.knobs import build

DIGITS = r"^(\d)_"
TAKES_FOR_TEST = re.compile(r"_[0-4]\.wav$")


def test_a_frame_is_what_a_plain_fourier_sum_gives() -> None:
    sound = np.random.default_rng(0).normal(size=800).astype(np.float32) * 0.1
    spectrum = log_mel(sound, RATE, 20)
    frame, step, size = 200, 80, 256  # 25 ms, 10 ms, the next power of two
    assert spectrum.shape == (frame_count(0.1, RATE), 20) == (1 + (800 - frame) // step, 20)
    hann = [0.5 - 0.5 * math.cos(2 * math.pi * n / frame) for n in range(frame)]
    third = [sound[2 * step + n] * hann[n] for n in range(frame)]
    turns = np.exp(-2j * np.pi * np.outer(np.arange(size // 2 + 1), np.arange(frame)) / size)
    power = np.abs(turns @ np.array(third)) ** 2 / sum(w * w for w in hann)
    top = 2595 * math.log10(1 + RATE / 2 / 700)
    edges = [700 * (10 ** (top * k / 21 / 2595) - 1) for k in range(22)]
    for band in (0, 7, 19):
        low, middle, high = edges[band : band + 3]
        total = 0.0
        for at, strength in enumerate(power):
            hertz = at * RATE / size
            if low < hertz < high:
                total += strength * min((hertz - low) / (middle - low), (high - hertz) / (high - middle))
        assert spectrum[2, band] == pytest.approx(math.log(total + FLOOR), abs=1e-4)


def test_a_tone_is_loudest_in_the_band_around_its_frequency() -> None:
    filters = mel_filters(RATE, 200, 40)
    for hertz in (250.0, 1000.0, 3000.0):
        band = int(log_mel(tone(hertz), RATE, 40).mean(axis=0).argmax())
        bins = np.flatnonzero(filters[band]) * RATE / (2 * (filters.shape[1] - 1))
        assert bins.min() - 32 <= hertz <= bins.max() + 32


@pytest.mark.parametrize("mels", [4, 40, 256])
@pytest.mark.parametrize("rate", [8000, 44100])
def test_no_band_is_without_a_bin(mels: int, rate: int) -> None:
    assert (mel_filters(rate, round(0.025 * rate), mels).max(axis=1) > 0.5).all()


def _pcm(sound: np.ndarray, bits: int) -> np.ndarray:
    scale, middle = (127, 128) if bits == 8 else (2 ** (bits - 1) - 1, 0)
    whole: np.ndarray = np.rint(sound * scale + middle).astype("uint8" if bits == 8 else f"int{bits}")
    return whole


@pytest.mark.parametrize(("bits", "error"), [(8, 1e-2), (16, 4e-5), (32, 1e-7), (0, 0.0)])
def test_every_width_of_a_sample_gives_the_same_sound(tmp_path: Path, bits: int, error: float) -> None:
    sound = tone(440)
    rate, read = read_wav(write_wav(tmp_path / "a.wav", _pcm(sound, bits) if bits else sound))
    assert rate == RATE
    assert read.dtype == np.float32
    assert np.abs(read - sound).max() <= error


def test_24_bits_are_read(tmp_path: Path) -> None:
    sound = tone(440)
    whole = np.rint(sound * (2**23 - 1)).astype("<i4")
    data = whole.view(np.uint8).reshape(-1, 4)[:, :3].tobytes()
    plain = write_wav(tmp_path / "a.wav", _pcm(sound, 16)).read_bytes()
    header = bytearray(plain[:44])
    header[28:36] = (RATE * 3).to_bytes(4, "little") + (3).to_bytes(2, "little") + (24).to_bytes(2, "little")
    header[4:8] = (36 + len(data)).to_bytes(4, "little")
    header[40:44] = len(data).to_bytes(4, "little")
    _, read = read_wav(bytes(header) + data)
    assert np.abs(read - sound).max() < 1e-6


def test_two_channels_become_their_mean(tmp_path: Path) -> None:
    left, right = tone(440), tone(880)
    _, read = read_wav(write_wav(tmp_path / "a.wav", np.stack([left, right], axis=1)))
    assert np.allclose(read, (left + right) / 2, atol=1e-7)


def test_all_are_resampled_to_the_commonest_rate_of_the_training_files(tmp_path: Path) -> None:
    some_recordings(tmp_path)
    write_wav(tmp_path / "low" / "0.wav", tone(300, rate=16000), 16000)
    for number in range(20):
        write_wav(tmp_path / "high" / f"test{number}.wav", tone(2000, rate=16000), 16000)
    source = opened(tmp_path)
    is_test = np.array(["test" in name for name in source.file_names()])
    encoded = source.encode({"train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)})
    assert isinstance(encoded.encoding, Recordings)
    assert encoded.encoding.rate == RATE
    assert "21 of 32 WAV files were resampled to 8,000 Hz" in encoded.notes
    as_8000 = encoded.encoding.decode(write_wav(tmp_path / "same.wav", tone(300))).values.reshape(-1, 40)
    low = source.file_names().index("low/0.wav")
    row = np.flatnonzero(np.flatnonzero(~is_test) == low)[0]
    resampled = encoded.inputs["train"][row].numpy().reshape(-1, 40)
    middle = slice(45, 55)  # without the tone's ends
    assert as_8000[middle].argmax(axis=1).tolist() == resampled[middle].argmax(axis=1).tolist()


def test_a_short_recording_stands_in_the_middle_and_of_a_long_one_the_loudest_part_is_taken(tmp_path: Path) -> None:
    encoding = Recordings(RATE, 1.0, 40, "log_mel")
    bands = encoding.decode(write_wav(tmp_path / "a.wav", tone(440, 0.2))).values.reshape(-1, 40)
    silent = np.isclose(bands, math.log(FLOOR)).all(axis=1)
    assert silent[:35].all()
    assert not silent[45:52].any()
    assert silent[-35:].all()
    long = np.concatenate([np.zeros(9000), tone(440, 1.0), np.zeros(3000)]).astype(np.float32)
    assert np.array_equal(loudest(long, RATE), tone(440, 1.0))
    decoded = encoding.decode(write_wav(tmp_path / "b.wav", long))
    assert decoded.remarks == ("are longer than 1 s: their loudest 1 s were taken",)


def test_statistics_are_of_each_band_over_the_frames(tmp_path: Path) -> None:
    sound = (tone(440, 0.5) * np.linspace(0, 1, 4000)).astype(np.float32)
    values = Recordings(RATE, 1.0, 16, "statistics").decode(write_wav(tmp_path / "a.wav", sound)).values
    bands = log_mel(sound, RATE, 16)
    wanted = [*bands.mean(axis=0), *bands.std(axis=0), *np.abs(bands[1:] - bands[:-1]).mean(axis=0)]
    assert np.allclose(values, wanted, atol=1e-5)


@pytest.mark.parametrize("samples", [1, 10, 199])
@pytest.mark.parametrize("features", ["log_mel", "statistics"])
def test_a_recording_shorter_than_a_frame_is_filled_up(tmp_path: Path, samples: int, features: str) -> None:
    encoding = Recordings(RATE, 0.001, 8, features)
    values = encoding.decode(write_wav(tmp_path / "a.wav", tone(440)[:samples])).values
    assert values.shape == (encoding.features,)
    assert np.isfinite(values).all()


def _damaged(name: str, whole: bytes) -> bytes:
    return {
        "truncated": whole[:-100],
        "cut in its header": whole[:30],
        "no samples": whole[:40] + b"\0\0\0\0",
        "no WAV": b"ID3" + whole,
        "empty": b"",
        "mu-law": whole[:20] + b"\7\0" + whole[22:],
    }[name]


@pytest.mark.parametrize(
    ("damage", "sentence"),
    [
        ("truncated", r"truncated: 4,700 bytes of samples where its header promises 4,800"),
        ("cut in its header", r"truncated: it ends before its samples"),
        ("no samples", r"it has no samples"),
        ("no WAV", r"no WAV file \(it starts with 49 44 33"),
        ("empty", r"the file is empty"),
        ("mu-law", r"Unknown wave file format: MULAW"),
    ],
)
def test_a_damaged_recording_is_named(tmp_path: Path, damage: str, sentence: str) -> None:
    some_recordings(tmp_path)
    whole = write_wav(tmp_path / "low" / "2.wav", _pcm(tone(300), 16)).read_bytes()
    (tmp_path / "low" / "2.wav").write_bytes(_damaged(damage, whole))
    with pytest.raises(InputError, match=rf"low/2\.wav: cannot be read as a WAV file: {sentence}"):
        load(build({"data": str(tmp_path), "validation": 0}))


def test_samples_that_are_no_numbers_are_refused(tmp_path: Path) -> None:
    some_recordings(tmp_path)
    sound = tone(300)
    sound[5] = np.nan
    write_wav(tmp_path / "low" / "2.wav", sound)
    with pytest.raises(InputError, match=r"low/2\.wav: .*infinite or no numbers"):
        inputs(opened(tmp_path))


def test_cross_checks_of_a_folder_of_damaged_files_only(tmp_path: Path) -> None:
    for name in ("low", "high"):
        (tmp_path / name).mkdir()
        (tmp_path / name / "a.wav").write_text("x")
    with pytest.raises(InputError, match="none of 2 training files is a WAV file with samples"):
        inputs(opened(tmp_path))


def test_two_tones_are_learned_and_their_files_are_predicted_by_the_same_numbers(tmp_path: Path) -> None:
    some_recordings(tmp_path)
    loaded = load(build({"data": str(tmp_path), "validation": 0, "speech_mels": 16}))
    assert loaded.class_names == ("high", "low")
    assert loaded.train.inputs.dtype == torch.float32
    assert loaded.encoding is not None
    again = torch.cat([rows.inputs for rows in loaded.encoding.batches(tmp_path, 5)])
    assert len(again) == 12
    assert all((again == row).all(dim=1).any() for row in loaded.train.inputs)


def test_spoken_digits_are_3000_and_their_nearest_neighbours_speak_the_same_digit(
    data_dir: Path, tmp_path: Path
) -> None:
    folder = data_dir / "free_spoken_digits" / "recordings"
    whole = opened(folder, label_pattern=DIGITS)
    assert whole.class_names == tuple("0123456789")
    assert torch.bincount(whole.targets).tolist() == [300] * 10
    assert sum(bool(TAKES_FOR_TEST.search(name)) for name in whole.file_names()) == 300
    for path in folder.glob("*_[0-9].wav"):  # takes 0 to 4 by takes 5 to 9
        shutil.copy(path, tmp_path / path.name)
    some = opened(tmp_path, label_pattern=DIGITS, speech_features="statistics")
    is_test = np.array([bool(TAKES_FOR_TEST.search(name)) for name in some.file_names()])
    encoded = some.encode({"train": np.flatnonzero(~is_test), "test": np.flatnonzero(is_test)})
    nearest = KNeighborsClassifier(1).fit(encoded.inputs["train"].numpy(), some.targets[~is_test].numpy())
    accuracy = nearest.score(encoded.inputs["test"].numpy(), some.targets[is_test].numpy())
    assert accuracy == pytest.approx(NEAREST, abs=0.01)


NEAREST = 0.87  # of 300 takes by 300 others


def test_every_row_is_decoded_in_its_place(tmp_path: Path) -> None:
    some_recordings(tmp_path)
    source = opened(tmp_path)
    encoded = source.encode(every_row(source))
    assert isinstance(encoded.encoding, Recordings)
    for row in (0, 7, 11):
        alone = encoded.encoding.decode(tmp_path / source.file_names()[row]).values
        assert torch.equal(encoded.inputs["train"][row], torch.from_numpy(alone))


@pytest.mark.parametrize("size", [0, 0xFFFFFFFF])
def test_a_wav_that_was_streamed_is_read_to_its_end(tmp_path: Path, size: int) -> None:
    path = write_wav(tmp_path / "a.wav", tone(300))
    whole = path.read_bytes()
    at = whole.index(b"data") + 4
    path.write_bytes(whole[:at] + size.to_bytes(4, "little") + whole[at + 4 :])
    rate, sound = read_wav(path)
    assert rate == RATE
    assert np.array_equal(sound, tone(300))
