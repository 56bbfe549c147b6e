"""The group of several processes, over torch.distributed: gloo between hosts' memories, NCCL between GPUs.

What people and clocks decide goes over gloo also where the gradients go over NCCL: it needs no stream, and it notices
a dead process at once, where NCCL would wait.
"""

from __future__ import annotations

import datetime
import os
import pickle
import platform
from collections.abc import Callable
from pathlib import Path
from typing import Any, TypeVar

import torch
import torch.distributed as dist
from torch import Tensor
from torch.distributed.distributed_c10d import PrefixStore
from torch.distributed.rendezvous import rendezvous

from tui_trainer.engine.group import ALONE, Group
from tui_trainer.errors import InputError
from tui_trainer.placement import Place

T = TypeVar("T")
PATIENCE = datetime.timedelta(minutes=30)  # the first may have to download the data, or write to a slow disk
JOINING = datetime.timedelta(minutes=10)  # until all processes of a queue have come
SMALL = 512  # bytes: what fits is told in one message


class PeerLostError(Exception):
    """Another process of the group is gone; which one, whoever started them knows."""


class Ranks(Group):
    """This process among the others of a place."""

    def __init__(self, place: Place) -> None:
        self.rank, self.size, self._place = place.rank, place.size, place
        self._sums: dist.ProcessGroup | None = None  # None: the group that is there from the start, of gloo
        self._facts: list[dict[str, Any]] = []
        if place.size == place.local_size and Path("/sys/class/net/lo").exists():
            os.environ.setdefault("GLOO_SOCKET_IFNAME", "lo")  # all on one host: no name has to resolve
        try:
            store, *_ = next(rendezvous(place.meets_at, place.rank, place.size, timeout=JOINING))
            # An elastic agent keeps its store over restarts: addresses of the dead must not be found in it.
            store = PrefixStore(f"start-{place.restarts}", store)
            dist.init_process_group("gloo", timeout=PATIENCE, store=store, rank=place.rank, world_size=place.size)
        except (RuntimeError, ValueError) as error:
            raise InputError(
                f"process {place.rank} of {place.size} found no way to the others: {_one_line(error)}; "
                "look at MASTER_ADDR and MASTER_PORT, and that all were started"
            ) from None

    @property
    def is_local_first(self) -> bool:
        """Whether it is the first one on its host."""
        return self._place.local_rank == 0

    @property
    def local_size(self) -> int:
        """Processes of the group on this host."""
        return self._place.local_size

    def add_up(self, tensor: Tensor) -> None:
        """As `Group.add_up`: every process ends with the same bits. Raises PeerLostError."""
        try:
            dist.all_reduce(tensor, group=self._sums if tensor.is_cuda else None)
        except RuntimeError as error:
            raise PeerLostError(_one_line(error)) from error

    def agreed(self, value: T) -> T:
        """As `Group.agreed`. A sum in which all but the first are zero: so the first, too, hears of a dead one."""
        data = pickle.dumps(value) if self.is_first else b""
        message = torch.zeros(8 + SMALL, dtype=torch.uint8)
        if self.is_first:
            _write(message, len(data).to_bytes(8, "little") + data[:SMALL])
        self.add_up(message)
        told = bytes(message.numpy())
        length = int.from_bytes(told[:8], "little")
        if length <= SMALL:
            return pickle.loads(told[8 : 8 + length])  # type: ignore[no-any-return]  # noqa: S301  # of our own group
        rest = torch.zeros(length - SMALL, dtype=torch.uint8)
        if self.is_first:
            _write(rest, data[SMALL:])
        try:
            dist.broadcast(rest, 0)
        except RuntimeError as error:
            raise PeerLostError(_one_line(error)) from error
        return pickle.loads(told[8:] + bytes(rest.numpy()))  # type: ignore[no-any-return]  # noqa: S301

    def facts(self) -> list[dict[str, Any]]:
        """As `Group.facts`, in the order of the ranks."""
        return self._facts

    def takes(self, device: torch.device, name: str) -> None:
        """This process computes there; from now on GPUs add up among themselves.

        Raises InputError in all of them where two would share a GPU, or where CPU and GPU would mix.
        """
        uuid = str(torch.cuda.get_device_properties(device).uuid) if device.type == "cuda" else ""
        host = platform.node()
        self._facts = self.heard({"device": str(device), "name": name, "host": host, "uuid": uuid})
        kinds = {fact["device"].partition(":")[0] for fact in self._facts}
        if len(kinds) > 1:
            where = ", ".join(f"{fact['host']} {fact['device']}" for fact in self._facts)
            raise InputError(f"some processes have a GPU and some have none ({where}); add --device cpu, or mend that")
        taken = [(fact["host"], fact["uuid"]) for fact in self._facts if fact["uuid"]]
        if twice := next((one for one in taken if taken.count(one) > 1), None):
            raise InputError(
                f"two processes would share one GPU of {twice[0]}; start as many processes a host as it has GPUs"
            )
        if device.type == "cuda":
            torch.cuda.set_device(device)
            self._sums = dist.new_group(backend="nccl", timeout=PATIENCE)  # type: ignore[assignment]

    def heard(self, value: T) -> list[T]:
        """What each of the group says, in the order of the ranks."""
        said: list[Any] = [None] * self.size
        try:
            dist.all_gather_object(said, value)
        except RuntimeError as error:
            raise PeerLostError(_one_line(error)) from error
        return said

    def close(self) -> None:
        """Leave the group, in good order."""
        dist.destroy_process_group()


def join(place: Place | None) -> Group:
    """The group of a place; alone where there is none, or where it is the only one."""
    return ALONE if place is None or place.size == 1 else Ranks(place)


def leave(group: Group) -> None:
    """Close what `join` opened."""
    if isinstance(group, Ranks):
        group.close()


def told_by_first(group: Group, do: Callable[[], T]) -> T:
    """What the first process finds out, in all of them; an InputError of it is raised in all of them."""
    told: tuple[T | None, str] = (None, "")
    if group.is_first:
        if group.size == 1:
            return do()
        try:
            told = (do(), "")
        except InputError as error:
            told = (None, str(error))
    value, problem = group.agreed(told)
    if problem:
        raise InputError(problem)
    return value  # type: ignore[return-value]


def together(group: Group, do: Callable[[], T]) -> T:
    """Each process does it; an InputError of one is raised in all of them."""
    if not isinstance(group, Ranks):
        return do()
    result, problem = None, ""
    try:
        result = do()
    except InputError as error:
        problem = str(error)
    if problem := next(filter(None, group.heard(problem)), ""):
        raise InputError(problem)
    return result  # type: ignore[return-value]


def host_by_host(group: Group, do: Callable[[], T]) -> T:
    """Each process does it, but the first of its host before the others: what it downloads, they find there."""
    if not isinstance(group, Ranks):
        return do()
    first = together(group, do if group.is_local_first else lambda: None)
    rest = together(group, do if not group.is_local_first else lambda: None)
    return first if group.is_local_first else rest  # type: ignore[return-value]


def _write(into: Tensor, data: bytes) -> None:
    into[: len(data)] = torch.frombuffer(bytearray(data), dtype=torch.uint8)


def _one_line(error: Exception) -> str:
    return " ".join(str(error).split())[:200]
