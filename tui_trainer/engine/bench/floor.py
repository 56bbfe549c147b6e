"""The floor: the matrix products of an epoch and nothing else, in the same shapes, on the same device.

Its rate is the machine's own for this net and batch size, launches included: what is faster does less arithmetic.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator

import torch
from torch import Tensor

from tui_trainer.engine.bench.job import Epoch, Job, Timed

STEPS_OF_A_GRAPH = 64  # captured at once on CUDA, so that the launches of a small product do not count


def products(job: Job) -> Epoch:
    """Runs the products of one epoch; operands and results are allocated before."""
    full, rest = divmod(job.samples, job.batch)
    run_full = repeated(job, job.batch, full)
    run_rest = repeated(job, rest, 1) if rest else lambda: None

    @torch.inference_mode()
    def epoch() -> Timed:
        began = job.settled()
        run_full()
        run_rest()
        return Timed(job.settled() - began, None)

    return epoch


def repeated(job: Job, batch: int, steps: int) -> Callable[[], None]:
    """So many steps with so many samples each; on CUDA as few graphs as hold them."""
    operands = list(_operands(job, batch))

    def step() -> None:
        for left, right, result in operands:
            torch.mm(left, right, out=result)

    if job.device.type != "cuda" or not steps:
        return lambda: _repeat(step, steps)
    chunk = min(steps, STEPS_OF_A_GRAPH)
    captured, remaining = _graph(step, chunk), _graph(step, steps % chunk) if steps % chunk else None

    def replay() -> None:
        _repeat(captured.replay, steps // chunk)
        if remaining:
            remaining.replay()

    return replay


def _operands(job: Job, batch: int) -> Iterator[tuple[Tensor, Tensor, Tensor]]:
    """(left, right, result) of each product, laid out as `nn.Linear` has them: weights are (units, inputs)."""
    kind = torch.bfloat16 if job.is_bf16 else torch.float32
    sizes = (job.data.inputs, *job.hidden, job.data.outputs)

    def random(*shape: int) -> Tensor:
        return torch.randn(shape, device=job.device).to(kind)

    for number, (fan_in, fan_out) in enumerate(itertools.pairwise(sizes)):
        inputs, weights, gradient = random(batch, fan_in), random(fan_out, fan_in), random(batch, fan_out)
        yield inputs, weights.t(), torch.empty_like(gradient)
        yield gradient.t(), inputs, torch.empty_like(weights)
        if number:
            yield gradient, weights, torch.empty_like(inputs)


def _repeat(call: Callable[[], None], times: int) -> None:
    for _ in range(times):
        call()


def _graph(step: Callable[[], None], steps: int) -> torch.cuda.CUDAGraph:
    """Captured after a warm-up on another stream, as CUDA graphs want it."""
    stream = torch.cuda.Stream()  # type: ignore[no-untyped-call]
    stream.wait_stream(torch.cuda.current_stream())
    with torch.inference_mode(), torch.cuda.stream(stream):
        _repeat(step, 3)
    torch.cuda.current_stream().wait_stream(stream)
    graph = torch.cuda.CUDAGraph()
    with torch.inference_mode(), torch.cuda.graph(graph):
        _repeat(step, steps)
    return graph
