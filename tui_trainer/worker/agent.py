"""Starts the processes of a run that has several, watches them, and says how they ended: torch's elastic agent.

In this process and not through the torchrun script, so that a user's mistake is our sentence and our exit code. It
holds the run's lock from the first moment to the last, hands signals on to the first process, and appends the run's
end where no process is left to do it.
"""

from __future__ import annotations

import logging
import os
import uuid
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from pathlib import Path
from typing import Any, NamedTuple

from torch.distributed.elastic.agent.server.api import RunResult, WorkerGroup, WorkerSpec
from torch.distributed.elastic.agent.server.local_elastic_agent import LocalElasticAgent
from torch.distributed.elastic.multiprocessing import DefaultLogsSpecs
from torch.distributed.elastic.rendezvous import RendezvousParameters
from torch.distributed.elastic.rendezvous.registry import get_rendezvous_handler

from tui_trainer import config_file, runs_folder, signals
from tui_trainer.commands import Stop
from tui_trainer.config import RunConfig
from tui_trainer.engine import device
from tui_trainer.errors import InputError, StorageError
from tui_trainer.events import RunEnded
from tui_trainer.knobs import changed
from tui_trainer.placement import CHANNEL_VARIABLE, DEVICES_VARIABLE, devices_of
from tui_trainer.run_dir import RunDir
from tui_trainer.signals import EXIT_CODES
from tui_trainer.words import how_it_ended
from tui_trainer.worker.channel import Channel, Task
from tui_trainer.worker.part import BAD_INPUT, FAILED, LEFT_BEHIND
from tui_trainer.worker.recording import failed, say

SECONDS_BETWEEN_LOOKS = 0.1
CLOSED_BY_AGENT = -15  # the signal with which torch's agent ends those that are left
log = logging.getLogger("tui_trainer")


class Outcome(NamedTuple):
    """How the processes ended; `end` is what this process had to say in their place."""

    code: int
    end: RunEnded | None = None


def start(
    config: RunConfig, runs_dir: Path, name: str | None, stem: str, command: Sequence[str], *, as_json: bool
) -> Outcome:
    """Train a new run in several processes, in the foreground. Raises InputError; without a run no folder is left."""
    given = devices_of(config.hardware)
    check(given)
    run = runs_folder.create(runs_dir, name, stem)
    try:
        with run.take_lock():
            runs_folder.lay_out(run, config)
            return conduct(run, config, given, command, Task(str(run.path), as_json=as_json))
    except StorageError as error:
        raise InputError(f"{error}; free some space or name another folder with --runs-dir") from None
    finally:
        if next(run.read_milestones(), None) is None:
            run.remove()


def resume(
    run: RunDir, changes: Mapping[str, Any], command: Sequence[str], *, as_json: bool, apply: str = ""
) -> Outcome:
    """Go on with a run in several processes, in the foreground. Raises InputError; the run stays as it was."""
    config = asked_for(run, changes)
    given = devices_of(config.hardware)
    check(given)
    task = Task(str(run.path), resumes=True, changes=dict(changes), apply=apply, as_json=as_json)
    with run.take_lock():
        run.exit.unlink(missing_ok=True)
        return conduct(run, config, given, command, task)


def asked_for(run: RunDir, changes: Mapping[str, Any]) -> RunConfig:
    """What a run's config.toml and the changes of a resume ask for. Raises InputError."""
    return changed(config_file.load(run.config), changes)


def check(given: Sequence[str]) -> None:
    """Raises InputError where one of the devices is not there."""
    for name in given:
        device.named(name)


def conduct(run: RunDir, config: RunConfig, given: Sequence[str], command: Sequence[str], task: Task) -> Outcome:
    """Start a process for each of the given devices, and see them to their end. The run's lock is held.

    `command` is what each of them is. Raises KeyboardInterrupt for a Ctrl-C before there is anything to save.
    """
    _silence_torch()
    with ExitStack() as opened:
        channel = Channel(task)
        opened.callback(channel.close)
        asked = opened.enter_context(signals.caught())
        variables = {CHANNEL_VARIABLE: str(channel.folder), DEVICES_VARIABLE: ",".join(given), **QUIET}
        opened.enter_context(_environment(variables))
        watch = _Watch(channel, asked, given, config.hardware.max_restarts)
        spec = WorkerSpec(
            role="rank",
            local_world_size=len(given),
            entrypoint=command[0],
            args=tuple(command[1:]),
            rdzv_handler=get_rendezvous_handler(_meeting_point()),
            max_restarts=config.hardware.max_restarts,
            monitor_interval=SECONDS_BETWEEN_LOOKS,
            local_addr="127.0.0.1",
        )
        logs = DefaultLogsSpecs(str(channel.folder / "torch"))
        try:
            _Agent(spec, logs, watch.look).run()
        except _OverError:
            pass
        finally:
            spec.rdzv_handler.shutdown()
        return _outcome(run, channel, watch)


def _outcome(run: RunDir, channel: Channel, watch: _Watch) -> Outcome:
    if channel.end is not None and not (channel.end == BAD_INPUT and channel.has_begun):
        return Outcome(channel.end)  # a run that began and cannot be started again has failed
    if watch.interrupted == "SIGINT":
        raise KeyboardInterrupt
    if watch.interrupted:
        return Outcome(EXIT_CODES[watch.interrupted])
    end = failed(run, watch.died or "the processes ended without a word")
    try:
        say(run, end)
    except StorageError as error:
        log.error("%s", error)
    return Outcome(FAILED, end)


class _OverError(Exception):
    """The processes are to be ended: nothing more is to come of them."""


class _Agent(LocalElasticAgent):
    """torch's agent, which tells of each look at its processes."""

    def __init__(self, spec: WorkerSpec, logs: DefaultLogsSpecs, look: Callable[[RunResult], None]) -> None:
        super().__init__(spec, logs)
        self._look = look

    def _monitor_workers(self, worker_group: WorkerGroup) -> RunResult:
        result: RunResult = super()._monitor_workers(worker_group)
        self._look(result)
        return result


class _Watch:
    """What this process does between two looks, and what it has seen."""

    def __init__(self, channel: Channel, asked: list[Stop], given: Sequence[str], most_restarts: int) -> None:
        self._channel, self._asked, self._given, self._most_restarts = channel, asked, given, most_restarts
        self._restarts = 0
        self.died = ""  # the sentence that says which process died of what
        self.interrupted = ""  # the signal that came before there was anything to save

    def look(self, result: RunResult) -> None:
        """Hand signals on; note a death. Raises _OverError where the rest has to end."""
        while self._asked:
            stop = self._asked.pop(0)
            if not self._channel.has_begun:
                self.interrupted = stop.signal or ""
                raise _OverError
            self._channel.ask(stop)
        if not result.is_failed():
            return
        if self._channel.end is not None:
            raise _OverError  # it is told: what went wrong afterwards changes nothing
        self.died = self._cause(result)
        if self._restarts < self._most_restarts:
            self._restarts += 1
            self._channel.starts_again(
                f"{self.died}; all start again (restart {self._restarts} of {self._most_restarts})"
            )

    def _cause(self, result: RunResult) -> str:
        """The process that died first: the others ended because it was gone, or were ended."""
        codes = {rank: int(failure.exitcode) for rank, failure in sorted(result.failures.items())}
        own = [rank for rank, code in codes.items() if code not in (LEFT_BEHIND, CLOSED_BY_AGENT)]
        rank = (own or list(codes))[0]
        story = self._channel.story(rank)
        how = f"failed: {story}" if story else how_it_ended(codes[rank])
        return f"process {rank} ({self._given[rank]}) {how}"


def _meeting_point() -> RendezvousParameters:
    """On a free port of this machine, that nobody else can reach."""
    return RendezvousParameters(
        backend="c10d", endpoint="127.0.0.1:0", run_id=uuid.uuid4().hex, min_nodes=1, max_nodes=1,
        local_addr="127.0.0.1",
    )  # fmt: skip


QUIET = {
    "TORCH_CPP_LOG_LEVEL": "FATAL",  # a dead process is ours to tell
    "TORCHELASTIC_SIGNALS_TO_HANDLE": "SIGQUIT",  # the others are handed on
}


def _silence_torch() -> None:
    elastic = logging.getLogger("torch.distributed.elastic")
    elastic.propagate = False
    elastic.addHandler(logging.NullHandler())


@contextmanager
def _environment(variables: Mapping[str, str]) -> Iterator[None]:
    """With these variables, for processes started meanwhile."""
    before = {name: os.environ.get(name) for name in variables}
    os.environ.update(variables)
    try:
        yield
    finally:
        for name, value in before.items():
            if value is None:
                del os.environ[name]
            else:
                os.environ[name] = value
