"""Which memory the samples go to: the device's while they fit, then the host's, then a file."""

from __future__ import annotations

from dataclasses import dataclass, replace

import psutil
import torch

from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.data.feed import DeviceFeed, Feed, StagedFeed, Tier
from tui_trainer.engine.data.spill import spill
from tui_trainer.sections import Hardware
from tui_trainer.sizes import bytes_of, size_text

SHARE = 0.8  # of the free memory goes to samples; the rest is for activations, blocks on their way, and other people


@dataclass(frozen=True)
class Budgets:
    """Bytes that samples may take."""

    device: int
    host: int


@dataclass(frozen=True)
class Placed:
    """What the run says of it: the training samples' tier, their size, and both budgets, in bytes."""

    tier: Tier
    data_bytes: int
    device_budget: int
    host_budget: int

    def __str__(self) -> str:
        where = {"device": "on the device", "host": "in the host's memory", "file": "in a mapped file"}[self.tier]
        over = {
            "device": "",
            "host": f" (more than --device-memory {size_text(self.device_budget)})",
            "file": f" (more than --host-memory {size_text(self.host_budget)})",
        }[self.tier]
        return f"{size_text(self.data_bytes)} of training samples {where}{over}"


def budgets(hardware: Hardware, device: torch.device, held: int = 0, reserved: int = 0) -> Budgets:
    """What was asked for, or a share of what is free. The host holds `held` bytes of the samples already.

    `reserved` bytes of the device are for the net. On the CPU the device's memory is the host's.
    """
    of_host = psutil.virtual_memory().available + held
    of_device = torch.cuda.mem_get_info(device)[0] if device.type == "cuda" else of_host
    free = {"device": of_device - reserved, "host": of_host}
    asked = {"device": hardware.device_memory, "host": hardware.host_memory}
    taken = {k: max(0, int(SHARE * free[k])) if text == "auto" else bytes_of(text) for k, text in asked.items()}
    return Budgets(**taken)


def place(data: DataSet, device: torch.device, hardware: Hardware, reserved: int = 0) -> tuple[DataSet, Feed, Placed]:
    """Each split where it fits, the training split first. Raises InputError where a file has no room on the disk.

    `data` must be dropped by the caller: what went to a file, or to a GPU, frees its memory only then.
    """
    splits = [split for split in (data.train, data.validation, data.test) if split is not None]
    limits = budgets(hardware, device, sum(split.nbytes for split in splits), reserved)
    left: dict[Tier, int] = {"device": limits.device, "host": limits.host}
    tiers = []
    for split in splits:
        tier: Tier = next((tier for tier, room in left.items() if split.nbytes <= room), "file")
        if tier != "file":
            left[tier] -= split.nbytes
        tiers.append(tier)
    train = _put(data.train, tiers[0], device, is_shuffled=True)
    feed = DeviceFeed(train) if tiers[0] == "device" else StagedFeed(train, device)
    validation = None if data.validation is None else _put(data.validation, tiers[1], device)
    placed = replace(data, train=train, validation=validation, test=_put(data.test, tiers[-1], device))
    if tiers[0] == "file":  # from memory now, instead of page by page from the file at the first checkpoint
        vars(placed).update(fingerprint=data.fingerprint, fingerprint_held_back=data.fingerprint_held_back)
    return placed, feed, Placed(tiers[0], train.nbytes, limits.device, limits.host)


def _put(samples: Samples, tier: Tier, device: torch.device, *, is_shuffled: bool = False) -> Samples:
    match tier:
        case "device":
            return samples.to(device)
        case "host":
            return samples
    return spill(samples, is_shuffled=is_shuffled)
