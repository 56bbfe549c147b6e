"""Steps in blocks: several unrolled into one CUDA graph, or into one compiled function.

A block reads its samples and its settings from tensors that keep their place, so that another learning rate needs no
new block. Where the settings ask for other operations (a dropout share, the batch size, a first momentum), the block
is made anew. Blocks begin where the step before ended, so that a stop and a resume between two of them lead to the
same blocks, and the same bits.
"""

from __future__ import annotations

import itertools
import logging
from collections.abc import Callable, Sequence
from types import FunctionType
from typing import Any, TypeVar

import torch
from torch import Tensor

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.group import Group
from tui_trainer.engine.optim import LIVE
from tui_trainer.engine.passes import Batch
from tui_trainer.engine.step import EagerSteps, Step, Steps
from tui_trainer.errors import InputError

STEPS_OF_A_GRAPH = 32
STEPS_COMPILED = 8  # more take longer to compile and run no faster
STEPS_OF_A_COMPILED_GRAPH = 16
RUNS_BEFORE_CAPTURE = 2
_numbers = itertools.count()
F = TypeVar("F", bound=Callable[..., object])
Body = Callable[[Samples, Tensor | None, Tensor], None]
Capture = Callable[[Callable[[], None]], Callable[[], None]]


class BlockSteps:
    """Blocks of at most `most` full batches. What does not fill a block is run one by one, by the same code."""

    def __init__(
        self, step: Step, name: str, most: int, *,
        translate: Callable[[Body], Body] | None = None, capture: Capture | None = None,
    ) -> None:  # fmt: skip
        self.step, self.name, self.block, self._most = step, name, most, most
        self.troubles: list[str] = []  # sentences for whoever watches the run
        self._size = 0  # of a full batch
        self._translate, self._capture = translate, capture
        device = step.parameters.flat.device
        self._live = {setting: torch.zeros((), device=device) for setting in LIVE}
        self._made: dict[tuple[int, int, int], _Block] = {}
        self._read_live()

    @torch.no_grad()
    def run(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look_every: int) -> None:
        """See `Steps`."""
        self._block_for(len(lrs), batch, look_every)(samples, rows, lrs)

    def work_ahead(self, batch_size: int, look_every: int) -> str:
        """See `Steps`."""
        if (self.block, batch_size, look_every) in self._made:
            return ""
        if self._translate:
            steps = "a training step" if self.block == 1 else f"{self.block} training steps"
            return f"compiling {steps} (some 20 s; less for a net that was compiled before)"
        return "capturing a CUDA graph"

    @torch.no_grad()
    def prepare(self, samples: Samples, rows: Tensor | None, batch: Batch, lrs: Sequence[float], look: int) -> None:
        """See `Steps`."""
        try:
            block = self._block_for(len(lrs), batch, look)
            for _ in range(RUNS_BEFORE_CAPTURE):  # libraries set themselves up, which cannot be captured
                block(samples, rows, lrs)
            block.capture(samples, rows)
        except Exception as error:
            if not self._translate:
                raise
            why = " ".join(str(error).split())[:200] or type(error).__name__
            self.troubles.append(f"the training step could not be compiled; it runs uncompiled ({why})")
            self._translate = None
            self._made.clear()
            if self._capture:
                self.prepare(samples, rows, batch, lrs, look)

    def _block_for(self, count: int, batch: Batch, look_every: int) -> _Block:
        key = (count, batch.size, look_every)
        if key not in self._made:
            if len(self._made) > 3:  # another batch size now and then must not keep every graph
                self._made.clear()
            self._made[key] = self._make(count, batch, look_every)
        return self._made[key]

    def fit(self, full_batches: int, size: int) -> None:
        """See `Steps`. As many as leave fewest over: those are run one by one."""
        choices = range(min(self._most, full_batches), self._most // 2, -1) or [max(1, full_batches)]
        self._size = size
        self.block = min(choices, key=lambda block: full_batches % block)

    def start_epoch(self, epochs_done: int) -> None:
        """See `Steps`."""
        self.step.update.start_epoch(epochs_done)
        self._read_live()

    def change(self, config: RunConfig) -> None:
        """See `Steps`."""
        if self.step.change(config):
            self._made.clear()
        self._read_live()

    def _read_live(self) -> None:
        """The settings' present values, into the tensors that the blocks read."""
        for setting, value in self.step.update.live.items():
            self._live[setting].fill_(value)
        self.step.update.live = self._live

    def _make(self, count: int, batch: Batch, look_every: int) -> _Block:
        step, own = self.step, batch.own_size
        at_once = step.batches_at_once(batch, count)

        def body(samples: Samples, rows: Tensor | None, lrs: Tensor) -> None:
            if rows is not None:
                samples = samples.pick(rows)
            for first in range(0, count, at_once):
                many = min(at_once, count - first)
                some = step.deformed(samples.part(first * own, (first + many) * own), batch, many)
                for number in range(first, first + many):
                    part = some.part((number - first) * own, (number - first + 1) * own)
                    is_looked_at = bool(look_every) and number % look_every == look_every - 1
                    step(part.inputs, part.targets, batch, lrs[number], is_looked_at=is_looked_at)

        is_whole = count == self.block and batch.size == self._size  # an epoch's last, small batch is run as it is
        made = self._translate(body) if self._translate and is_whole else body
        lrs = torch.zeros(count, device=step.parameters.flat.device)
        return _Block(made, lrs, self._capture if is_whole else None)


class _Block:
    """A body with what it reads."""

    def __init__(self, body: Body, lrs: Tensor, capture: Capture | None) -> None:
        self._body, self._lrs, self._capture = body, lrs, capture
        self._present: list[float] = []
        self._replay: Callable[[], None] | None = None

    def __call__(self, samples: Samples, rows: Tensor | None, lrs: Sequence[float]) -> None:
        if lrs != self._present:  # under a constant rate nothing has to be sent
            self._present = list(lrs)
            sent = torch.tensor(lrs)
            self._lrs.copy_(sent.pin_memory() if self._lrs.is_cuda else sent, non_blocking=True)
        if self._replay is None:
            self._body(samples, rows, self._lrs)
            return
        self._fill(samples, rows)
        self._replay()

    def capture(self, samples: Samples, rows: Tensor | None) -> None:
        """From now on replay what is recorded here, where anything can be recorded."""
        if self._capture is None:
            return
        kept, kept_rows = self._places = _places(samples, rows)
        self._replay = self._capture(lambda: self._body(kept, kept_rows, self._lrs))

    def _fill(self, samples: Samples, rows: Tensor | None) -> None:
        """Bring this block's samples, or the rows that choose them, to where the captured body finds them."""
        kept, kept_rows = self._places
        if rows is not None and kept_rows is not None:
            kept_rows.copy_(rows)
        else:
            kept.inputs.copy_(samples.inputs)
            kept.targets.copy_(samples.targets)


def _places(samples: Samples, rows: Tensor | None) -> tuple[Samples, Tensor | None]:
    if rows is not None:
        return samples, rows.clone()
    return Samples(torch.empty_like(samples.inputs), torch.empty_like(samples.targets)), None


def capture_cuda_graph(body: Callable[[], None]) -> Callable[[], None]:
    """Record a body on the present device; what is returned replays it with one launch."""
    graph = torch.cuda.CUDAGraph()
    torch.cuda.synchronize()
    with torch.cuda.graph(graph):
        body()
    return graph.replay


def translate(body: Body) -> Body:
    """Compiled by TorchInductor; random numbers are drawn as the eager step draws them."""
    logging.getLogger("torch.utils.cpp_extension").setLevel(logging.ERROR)  # it warns of a toolkit that nobody needs
    options: dict[str, Any] = {"fallback_random": True, "cpp_wrapper": not torch.cuda.is_available()}
    return torch.compile(own_code(body), fullgraph=True, dynamic=False, options=options)


def own_code(body: F) -> F:
    """The same function with code of its own: torch.compile counts what it made of one code, and stops at eight."""
    assert isinstance(body, FunctionType)  # noqa: S101
    code = body.__code__.replace(co_name=f"{body.__name__}_{next(_numbers)}")
    globals_, defaults, closure = body.__globals__, body.__defaults__, body.__closure__
    return FunctionType(code, globals_, code.co_name, defaults, closure)  # type: ignore[return-value]


def engine_for(config: RunConfig, device: torch.device, group: Group) -> str:
    """What `--engine` comes to here. Raises InputError for what cannot be."""
    engine = config.hardware.engine
    if engine == "auto":
        return "graph" if device.type == "cuda" and group.size == 1 else "eager"
    if engine == "graph" and device.type != "cuda":
        raise InputError(f"--engine graph is a CUDA graph and needs a GPU, but this run is on {device}; use auto")
    if engine != "eager" and group.size > 1:
        raise InputError(f"--engine {engine} runs in one process, but there are {group.size}; use eager or auto")
    return engine


def make_steps(engine: str, step: Step) -> Steps:
    """The engine of that name around a step."""
    is_cuda = step.parameters.flat.is_cuda
    capture = capture_cuda_graph if is_cuda else None
    match engine:
        case "graph":
            return BlockSteps(step, engine, STEPS_OF_A_GRAPH, capture=capture)
        case "compile":
            count = STEPS_OF_A_COMPILED_GRAPH if is_cuda else STEPS_COMPILED
            return BlockSteps(step, engine, count, translate=translate, capture=capture)
    return EagerSteps(step)
