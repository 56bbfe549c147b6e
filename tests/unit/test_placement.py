"""Which of several processes one is, from what torchrun and SLURM set."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from tui_trainer import devices, environment, runs_folder
from tui_trainer.config import RunConfig
from tui_trainer.devices import Gpu
from tui_trainer.errors import InputError
from tui_trainer.events import RunResumed
from tui_trainer.knobs import build
from tui_trainer.placement import devices_of, hosts_in, place_in, tasks_in
from tui_trainer.sections import Hardware
from tui_trainer.words import whereabouts
from tui_trainer.worker.outside import run_of_launch

TORCHRUN = {
    "RANK": "3", "WORLD_SIZE": "4", "LOCAL_RANK": "1", "LOCAL_WORLD_SIZE": "2", "MASTER_ADDR": "node1",
    "MASTER_PORT": "29500", "TORCHELASTIC_RESTART_COUNT": "1", "TORCHELASTIC_RUN_ID": "job-7",
}  # fmt: skip
SLURM = {
    "SLURM_PROCID": "5", "SLURM_STEP_NUM_TASKS": "7", "SLURM_LOCALID": "1", "SLURM_NODEID": "2",
    "SLURM_STEP_NODELIST": "gpu[1-3,07]", "SLURM_STEP_TASKS_PER_NODE": "2(x3),1", "SLURM_JOB_ID": "4711",
    "SLURM_STEP_ID": "0",
}  # fmt: skip


def test_torchruns_variables_give_the_place() -> None:
    place = place_in(TORCHRUN)
    assert place
    assert (place.rank, place.size, place.local_rank, place.local_size) == (3, 4, 1, 2)
    assert (place.starter, place.meets_at, place.restarts, place.launch) == ("torchrun", "env://", 1, "job-7")
    assert not place.is_first


def test_sruns_variables_give_the_place() -> None:
    place = place_in(SLURM)
    assert place
    assert (place.rank, place.size, place.local_rank, place.local_size, place.starter) == (5, 7, 1, 2, "srun")
    assert place.meets_at.startswith("tcp://gpu1:")
    others = [place_in({**SLURM, "SLURM_PROCID": str(rank)}) for rank in range(7)]
    assert {other.meets_at for other in others if other} == {place.meets_at}
    last = place_in({**SLURM, "SLURM_PROCID": "6", "SLURM_LOCALID": "0", "SLURM_NODEID": "3"})
    assert last
    assert last.local_size == 1


def test_tasks_on_one_host_need_no_name_of_it() -> None:
    place = place_in({**SLURM, "SLURM_STEP_NODELIST": "gpu3", "SLURM_STEP_TASKS_PER_NODE": "7"})
    assert place
    assert place.meets_at.startswith("tcp://127.0.0.1:")
    assert place.local_size == 7


def test_a_given_meeting_point_is_taken() -> None:
    place = place_in({**SLURM, "MASTER_ADDR": "head", "MASTER_PORT": "1234"})
    assert place
    assert place.meets_at == "tcp://head:1234"


@pytest.mark.parametrize(
    "environment",
    [
        {},
        {"RANK": "0", "WORLD_SIZE": "2"},  # somebody else's variables
        {**SLURM, "SLURM_STEP_NUM_TASKS": "1"},  # srun --pty: a terminal of its own
        {name: value for name, value in SLURM.items() if name != "SLURM_STEP_NUM_TASKS"},  # a batch script, no srun
    ],
)
def test_alone_is_alone(environment: dict[str, str]) -> None:
    assert place_in(environment) is None


@pytest.mark.parametrize(
    "environment",
    [
        {**TORCHRUN, "RANK": "4"}, {**TORCHRUN, "RANK": "-1"}, {**TORCHRUN, "WORLD_SIZE": "x"},
        {**SLURM, "SLURM_PROCID": "9"}, {**SLURM, "SLURM_STEP_NODELIST": ",,"},
    ],
)  # fmt: skip
def test_nonsense_is_a_sentence(environment: dict[str, str]) -> None:
    with pytest.raises(InputError):
        place_in(environment)


@pytest.mark.parametrize(
    ("written", "hosts"),
    [
        ("node7", ["node7"]),
        ("a,b", ["a", "b"]),
        ("gpu[1-3]", ["gpu1", "gpu2", "gpu3"]),
        ("gpu[08-10,12],login", ["gpu08", "gpu09", "gpu10", "gpu12", "login"]),
        ("rack[1-2]-n[0,5]", ["rack1-n0", "rack1-n5", "rack2-n0", "rack2-n5"]),
    ],
)
def test_host_lists_are_written_out(written: str, hosts: list[str]) -> None:
    assert hosts_in(written) == hosts


@pytest.mark.parametrize(("written", "tasks"), [("4", [4]), ("2(x3),1", [2, 2, 2, 1]), ("", []), ("many", [])])
def test_tasks_per_node_are_written_out(written: str, tasks: list[int]) -> None:
    assert tasks_in(written) == tasks


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"device": "cuda:0,cuda:0"}, "cuda:0 stands there twice"),
        ({"device": "cuda:0,cuda:1", "processes": 3}, "each GPU has its own process; leave it out"),
        ({"device": "cuda:0", "processes": 2}, "would take turns on one GPU"),
        ({"device": "cuda", "processes": 2}, "would take turns on one GPU"),
        ({"device": "cpu,cpu"}, "expected auto, cpu, cuda"),
        ({"processes": 0}, "--processes"),
    ],
)
def test_devices_and_processes_that_do_not_fit_are_a_sentence(values: dict[str, object], said: str) -> None:
    with pytest.raises(InputError, match=said):
        build(values)


def gpu(index: int, used: int) -> Gpu:
    return Gpu(index, "NVIDIA H100", used, 80, None, None, None, ())


def test_each_process_gets_a_device(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(devices, "gpus", list)
    assert devices_of(Hardware()) == ("auto",)
    assert devices_of(Hardware(device="cuda:1, cuda:0")) == ("cuda:1", "cuda:0")
    assert devices_of(Hardware(processes=3)) == ("cpu", "cpu", "cpu")
    monkeypatch.setattr(devices, "gpus", lambda: [gpu(0, 70), gpu(1, 0), gpu(2, 5)])
    assert devices_of(Hardware(processes=2)) == ("cuda:1", "cuda:2")  # those with most free memory
    assert devices_of(Hardware(processes=2, device="cpu")) == ("cpu", "cpu")
    with pytest.raises(InputError, match="this machine has 3 GPUs"):
        devices_of(Hardware(processes=4))


def test_a_launch_that_was_started_again_finds_the_run_it_had_made(tmp_path: Path) -> None:
    for name, launch in (("a-1", "job-6"), ("a-2", "job-7"), ("a-3", "job-8")):
        run = runs_folder.create(tmp_path, name, "a")
        runs_folder.lay_out(run, RunConfig())
        environment.write(run, device="cpu", launch=launch)
    again = place_in(TORCHRUN)
    assert again
    assert run_of_launch(tmp_path, again) == str(tmp_path / "a-2")
    assert run_of_launch(tmp_path, replace(again, restarts=0)) is None
    assert run_of_launch(tmp_path, replace(again, launch="job-9")) is None
    assert run_of_launch(tmp_path, None) is None


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (None, "cuda:1"),
        (["cpu", "cpu"], "2 x cpu"),
        (["cuda:0", "cuda:1"], "cuda:0 cuda:1"),
        ([f"cuda:{n}" for n in range(8)], "8 devices"),
        ([f"node{n // 2} cuda:{n % 2}" for n in range(4)], "4 devices of 2 hosts"),
    ],
)
def test_where_a_run_is_takes_few_words(given: list[str] | None, said: str) -> None:
    where = {"device": "cuda:1", "device_name": "x", "threads": 1, "pid": 1, "host": "node0", "devices": given}
    event = RunResumed.model_validate({"epochs": 1, "epochs_done": 0, "step": 0, "checkpoint": "", **where})
    assert whereabouts(event) == said
