"""Which of several processes this one is, as those who start them say it: ourselves, torchrun, or SLURM's srun.

Knows no torch: the command line asks before anything heavy is imported.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Literal

from tui_trainer import devices
from tui_trainer.errors import InputError
from tui_trainer.sections import Hardware

CHANNEL_VARIABLE = "TUI_TRAINER_AGENT"  # folder through which our agent and its processes talk
DEVICES_VARIABLE = "TUI_TRAINER_DEVICES"  # what the agent gave them, one each
TORCHRUN = ("RANK", "WORLD_SIZE", "LOCAL_RANK", "MASTER_ADDR", "MASTER_PORT")
SLURM = ("SLURM_PROCID", "SLURM_STEP_NUM_TASKS", "SLURM_LOCALID")  # the last but one is not set outside a step
FIRST_PORT, PORTS = 12_000, 20_000  # below those that a system hands out by itself


@dataclass(frozen=True)
class Place:
    """One process of several."""

    rank: int
    size: int
    local_rank: int  # on its host
    local_size: int
    starter: Literal["agent", "torchrun", "srun"]
    meets_at: str = "env://"  # where torch.distributed finds the others
    restarts: int = 0  # how often the group was started anew
    launch: str = ""  # names the launch over its restarts
    devices: tuple[str, ...] = ()  # what the agent gave out; otherwise each process finds its own

    @property
    def is_first(self) -> bool:
        """Whether it speaks for all."""
        return self.rank == 0

    @property
    def is_ours(self) -> bool:
        """Whether our own agent has started it, and says how it ended."""
        return self.starter == "agent"


def place_in(environ: Mapping[str, str]) -> Place | None:
    """The place that the environment gives this process, or None where it is alone. Raises InputError."""
    if all(environ.get(name) for name in TORCHRUN):
        return _of_torchrun(environ)
    if all(environ.get(name) for name in SLURM) and _number(environ, "SLURM_STEP_NUM_TASKS") > 1:
        return _of_slurm(environ)
    return None


def devices_of(hardware: Hardware) -> tuple[str, ...]:
    """The device of each process that we would start here: several, or the one that was asked for."""
    if "," in hardware.device:
        return tuple(part.strip() for part in hardware.device.split(","))
    if hardware.processes == 1:
        return (hardware.device,)
    if hardware.device == "auto" and (there := devices.gpus()):
        if len(there) < hardware.processes:
            raise InputError(
                f"--processes {hardware.processes}: this machine has {_count(len(there))}; ask for as many "
                "with --device cuda:0,cuda:1 and so on, or add --device cpu"
            )
        freest = sorted(there, key=lambda gpu: gpu.memory_used - gpu.memory_total)[: hardware.processes]
        return tuple(f"cuda:{index}" for index in sorted(gpu.index for gpu in freest))
    return ("cpu",) * hardware.processes


def _count(gpus: int) -> str:
    return "1 GPU" if gpus == 1 else f"{gpus} GPUs"


def _of_torchrun(environ: Mapping[str, str]) -> Place:
    is_ours = CHANNEL_VARIABLE in environ
    given = environ.get(DEVICES_VARIABLE, "") if is_ours else ""
    size = _number(environ, "WORLD_SIZE", least=1)
    return Place(
        rank=_number(environ, "RANK", most=size - 1),
        size=size,
        local_rank=_number(environ, "LOCAL_RANK", most=size - 1),
        local_size=_number(environ, "LOCAL_WORLD_SIZE", least=1) if environ.get("LOCAL_WORLD_SIZE") else size,
        starter="agent" if is_ours else "torchrun",
        restarts=_number(environ, "TORCHELASTIC_RESTART_COUNT") if environ.get("TORCHELASTIC_RESTART_COUNT") else 0,
        launch=_launch_of_torchrun(environ),
        devices=tuple(given.split(",")) if given else (),
    )


def _launch_of_torchrun(environ: Mapping[str, str]) -> str:
    """The run id; without one (it is `none` then) the elastic agent's own process, which outlives the restarts."""
    run_id = environ.get("TORCHELASTIC_RUN_ID", "")
    return run_id if run_id not in ("", "none") else f"{os.uname().nodename}-{os.getppid()}"


def _of_slurm(environ: Mapping[str, str]) -> Place:
    size = _number(environ, "SLURM_STEP_NUM_TASKS", least=1)
    hosts = hosts_in(environ.get("SLURM_STEP_NODELIST") or environ.get("SLURM_JOB_NODELIST") or "127.0.0.1")
    if len(hosts) == 1:
        local_size, first = size, "127.0.0.1"
    else:
        first = hosts[0]
        tasks = tasks_in(environ.get("SLURM_STEP_TASKS_PER_NODE") or environ.get("SLURM_TASKS_PER_NODE") or "")
        node = _number(environ, "SLURM_NODEID") if environ.get("SLURM_NODEID") else 0
        local_size = tasks[node] if node < len(tasks) else -(-size // len(hosts))
    job = environ.get("SLURM_JOB_ID") or environ.get("SLURM_JOBID") or "0"
    step = environ.get("SLURM_STEP_ID") or environ.get("SLURM_STEPID") or "0"
    address = environ.get("MASTER_ADDR") or first
    port = environ.get("MASTER_PORT") or str(FIRST_PORT + (_digits(job) + 97 * _digits(step)) % PORTS)
    restarts = environ.get("SLURM_RESTART_COUNT") or "0"
    return Place(
        rank=_number(environ, "SLURM_PROCID", most=size - 1),
        size=size,
        local_rank=_number(environ, "SLURM_LOCALID", most=size - 1),
        local_size=local_size,
        starter="srun",
        meets_at=f"tcp://{address}:{port}",
        restarts=_digits(restarts),
        launch=f"slurm-{job}.{step}",
    )


def hosts_in(node_list: str) -> list[str]:
    """The hosts of SLURM's short form: `gpu[1-3,07],login` -> gpu1, gpu2, gpu3, gpu07, login. Raises InputError."""
    hosts = [host for part in _split(node_list) for host in _expanded(part)]
    if not hosts:
        raise InputError(f"SLURM_STEP_NODELIST {node_list!r} names no host; start with srun, or set MASTER_ADDR")
    return hosts


def _split(node_list: str) -> list[str]:
    """At the commas outside brackets."""
    return [part.strip() for part in re.findall(r"(?:[^,\[]|\[[^\]]*\])+", node_list) if part.strip()]


def _expanded(name: str) -> Iterator[str]:
    """Every bracket of a name, from the left."""
    bracket = re.search(r"\[([^\]]*)\]", name)
    if bracket is None:
        yield name
        return
    before, after = name[: bracket.start()], name[bracket.end() :]
    for item in bracket[1].split(","):
        low, dash, high = item.strip().partition("-")
        if dash and low.isdigit() and high.isdigit():
            numbers = [str(number).zfill(len(low)) for number in range(int(low), int(high) + 1)]
        else:
            numbers = [item.strip()]
        for number in numbers:
            yield from _expanded(before + number + after)


def tasks_in(per_node: str) -> list[int]:
    """`2(x3),1` -> 2, 2, 2, 1; empty where it is written in another way."""
    tasks: list[int] = []
    for part in filter(None, per_node.split(",")):
        found = re.fullmatch(r"(\d+)(?:\(x(\d+)\))?", part.strip())
        if not found:
            return []
        tasks += [int(found[1])] * int(found[2] or 1)
    return tasks


def _digits(text: str) -> int:
    return int("".join(mark for mark in text if mark.isdigit())[-9:] or 0)


def _number(environ: Mapping[str, str], name: str, least: int = 0, most: int = 1_000_000) -> int:
    text = environ[name]
    if not (text.isascii() and text.isdigit() and least <= int(text) <= most):
        raise InputError(
            f"the environment says {name}={text[:40]!r}; expected a whole number from {least} to {most}, as torchrun "
            "or srun sets it"
        )
    return int(text)
