"""Which memory the samples go to, what is left behind, and what happens where there is no room."""

from __future__ import annotations

import gc
import resource
import weakref
from pathlib import Path

import pytest
import torch
from torch import Tensor

from tests.engine.small import CPU, session
from tests.engine.test_feed import Plan, check, feed_threads, needs_cuda
from tui_trainer.config import RunConfig
from tui_trainer.data_sections import Data
from tui_trainer.engine.data import DataSet, load
from tui_trainer.engine.data.feed_rates import feed_rates
from tui_trainer.engine.data.tiers import place
from tui_trainer.errors import InputError
from tui_trainer.sections import Hardware
from tui_trainer.sizes import bytes_of


@pytest.fixture(autouse=True)
def spills_here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("TMPDIR", str(tmp_path))
    return tmp_path


def digits() -> DataSet:
    return load(RunConfig(data=Data(name="digits")))


@pytest.mark.parametrize(
    ("device_memory", "host_memory", "tier", "said"),
    [
        ("auto", "auto", "device", "93.1 kB of training samples on the device"),
        ("93.1kB", "1kB", "device", "93.1 kB of training samples on the device"),
        (
            "93kB",
            "auto",
            "host",
            "93.1 kB of training samples in the host's memory (more than --device-memory 93.0 kB)",
        ),
        ("0kB", "5 kB", "file", "93.1 kB of training samples in a mapped file (more than --host-memory 5.00 kB)"),
    ],
)
def test_the_tier_is_the_fastest_that_has_room(device_memory: str, host_memory: str, tier: str, said: str) -> None:
    data = digits()
    placed, feed, where = place(data, CPU, Hardware(device_memory=device_memory, host_memory=host_memory))
    assert (feed.tier, where.tier, str(where), len(feed)) == (tier, tier, said, len(data.train))
    assert where.data_bytes == data.train.nbytes
    if device_memory != "auto":
        assert where.device_budget == bytes_of(device_memory)
    assert placed.fingerprint == data.fingerprint
    check(feed, data.train, Plan(len(data.train), 0, [(0, 0, 100, 500), (0, 100, 200, 500), (1, 7, 9, 500)]))
    feed.close()


def test_the_file_tier_keeps_nothing_in_the_processs_own_memory_and_leaves_no_file(spills_here: Path) -> None:
    data = digits()
    own = [weakref.ref(tensor) for tensor in (data.train.inputs, data.train.targets)]
    placed, feed, _ = place(data, CPU, Hardware(device_memory="0kB", host_memory="0kB"))
    del data
    gc.collect()
    assert [reference() for reference in own] == [None, None]
    assert placed.validation is not None
    for split in (placed.train, placed.validation, placed.test):
        for tensor in (split.inputs, split.targets):
            assert mapped_from(tensor).startswith(str(spills_here))
    assert list(spills_here.iterdir()) == []
    feed.close()


def test_the_training_split_takes_the_room_first() -> None:
    placed, feed, _ = place(digits(), CPU, Hardware(device_memory="0kB", host_memory="0.1MB"))
    assert feed.tier == "host"
    assert [mapped_from(split.inputs).startswith("/") for split in (placed.train, placed.test)] == [False, True]
    feed.close()


def mapped_from(tensor: Tensor) -> str:
    """The file behind a tensor's memory; "[heap]" or nothing for the process's own."""
    maps = Path("/proc/self/maps")
    if not maps.exists():
        pytest.skip("needs /proc")
    for line in maps.read_text().splitlines():
        where, _, _, _, _, *file = line.split(maxsplit=5)
        low, high = (int(bound, 16) for bound in where.split("-"))
        if low <= tensor.data_ptr() < high:
            return "".join(file)
    raise AssertionError("no such memory")


def test_splits_are_evaluated_where_they_are() -> None:
    made, data = session(), digits()
    placed, feed, _ = place(data, CPU, Hardware(device_memory="0kB", host_memory="0kB"))
    for now, then in ((placed.test, data.test), (placed.validation, data.validation)):
        assert now is not None
        assert then is not None
        assert made.evaluate(now) == made.evaluate(then)
    feed.close()


def test_a_full_disk_is_a_users_matter_and_says_how_to_go_on(spills_here: Path) -> None:
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (50_000, hard))
    try:
        with pytest.raises(InputError) as caught:
            place(digits(), CPU, Hardware(device_memory="0kB", host_memory="0kB"))
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    assert str(caught.value) == (
        f"{spills_here}: 93.1 kB of samples that exceed --host-memory cannot be written there (File too large); "
        "free some space, set TMPDIR to a folder with room, or raise --host-memory"
    )
    assert list(spills_here.iterdir()) == []


def test_a_folder_that_is_not_there_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TMPDIR", "/nowhere/at/all")
    with pytest.raises(InputError, match=r"^/nowhere/at/all: .* \(No such file or directory\)"):
        place(digits(), CPU, Hardware(device_memory="0kB", host_memory="0kB"))


def test_the_rates_name_every_tier() -> None:
    rates = feed_rates(digits(), CPU, batch=64, rounds=1)
    assert list(rates) == ["device", "host", "file"]
    assert all(rate > 1000 for rate in rates.values())
    assert feed_threads() == []


@pytest.mark.gpu
@needs_cuda
def test_on_a_gpu_splits_may_stay_on_the_host() -> None:
    data, device = digits(), torch.device("cuda")
    placed, feed, _ = place(data, device, Hardware(device_memory="0kB"))
    assert (feed.tier, placed.test.inputs.device.type) == ("host", "cpu")
    check(feed, data.train, Plan(len(data.train), 0, [(0, 0, 100, 500), (0, 100, 200, 500), (1, 7, 9, 500)]))
    made = session(epochs=1)
    on_the_cpu = made.evaluate(placed.test)
    made.model.to(device)
    assert made.evaluate(placed.test).val_loss == pytest.approx(on_the_cpu.val_loss, abs=1e-5)
    feed.close()
