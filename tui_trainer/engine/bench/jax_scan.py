"""JAX as its own examples would do it at their best: a whole epoch as one compiled program.

The samples lie on the device, the order is drawn there, the steps are one `lax.scan`, Adam is written out, and the
old weights' memory is given to the new ones.
"""

from __future__ import annotations

import itertools
import math
import os
from collections.abc import Callable
from typing import Any

import torch

from tui_trainer.engine.bench.job import Epoch, Job, NotMeasuredError, Timed

RATE, BETA1, BETA2, EPS = 1e-3, 0.9, 0.999, 1e-8  # PyTorch's defaults


def scan(job: Job) -> Epoch:
    """Raises NotMeasuredError where JAX cannot use the device."""
    jax = _imported(job)
    device = _device(jax, job)
    inputs, targets = (jax.device_put(tensor.cpu().numpy(), device) for tensor in job.pictures())
    weights = [
        tuple(jax.device_put(part.numpy(), device) for part in (weight, bias))
        for weight, bias in _starting_weights(job)
    ]
    zeros = [jax.tree.map(jax.numpy.zeros_like, weights) for _ in range(2)]
    state = (weights, *zeros, jax.device_put(jax.numpy.zeros((), "float32"), device))
    run = jax.jit(_epoch_of(jax, job.samples, job.batch), donate_argnums=0)
    key = jax.device_put(jax.random.key(0), device)

    def epoch() -> Timed:
        nonlocal state, key
        key, order = jax.random.split(key)
        began = job.settled()
        state, loss = run(state, order, inputs, targets)
        mean = float(loss)  # waits for the whole epoch
        return Timed(job.settled() - began, mean)

    return epoch


def _imported(job: Job) -> Any:
    """JAX reads these when it first looks at the machine: its threads are those of the first job."""
    os.environ.setdefault("XLA_PYTHON_CLIENT_PREALLOCATE", "false")  # or it takes three quarters of the GPU's memory
    before = os.environ.get("NPROC")
    os.environ["NPROC"] = str(job.threads)
    if job.device.type == "cpu":
        os.environ.setdefault("JAX_PLATFORMS", "cpu")
    import jax

    jax.devices()
    del os.environ["NPROC"]
    if before is not None:
        os.environ["NPROC"] = before
    return jax


def _device(jax: Any, job: Job) -> Any:
    kind = "cpu" if job.device.type == "cpu" else "gpu"
    try:
        return jax.devices(kind)[job.device.index or 0]
    except (RuntimeError, IndexError):
        raise NotMeasuredError("this JAX has no GPU support (pip install 'jax[cuda13]')") from None


def _starting_weights(job: Job) -> list[tuple[torch.Tensor, torch.Tensor]]:
    """Drawn as `nn.Linear` draws them, (inputs, units) each."""
    sizes = (job.data.inputs, *job.hidden, job.data.outputs)
    made = []
    for fan_in, fan_out in itertools.pairwise(sizes):
        bound = 1 / math.sqrt(fan_in)
        made.append(
            (torch.empty(fan_in, fan_out).uniform_(-bound, bound), torch.empty(fan_out).uniform_(-bound, bound))
        )
    return made


def _epoch_of(jax: Any, samples: int, batch: int) -> Callable[..., Any]:
    """(state, key, inputs, targets) -> (state, mean loss of the steps)."""
    full = samples // batch
    step = _step_of(jax)

    def epoch(state: Any, key: Any, inputs: Any, targets: Any) -> Any:
        order = jax.random.permutation(key, samples)

        def at(state: Any, rows: Any) -> Any:
            return step(state, inputs[rows], targets[rows])

        state, losses = jax.lax.scan(at, state, order[: full * batch].reshape(full, batch))
        total, steps = losses.sum(), full
        if samples % batch:
            state, loss = at(state, order[full * batch :])
            total, steps = total + loss, steps + 1
        return state, total / steps

    return epoch


def _step_of(jax: Any) -> Callable[..., Any]:
    """(state, inputs, targets) -> (state, loss): forward, backward, Adam."""
    jnp, tree = jax.numpy, jax.tree

    def loss(weights: Any, inputs: Any, targets: Any) -> Any:
        for weight, bias in weights[:-1]:
            inputs = jax.nn.relu(inputs @ weight + bias)
        logits = jax.nn.log_softmax(inputs @ weights[-1][0] + weights[-1][1])
        return -jnp.take_along_axis(logits, targets[:, None], 1).mean()

    def step(state: Any, inputs: Any, targets: Any) -> Any:
        weights, means, squares, count = state
        value, gradients = jax.value_and_grad(loss)(weights, inputs, targets)
        count = count + 1
        means = tree.map(lambda mean, g: BETA1 * mean + (1 - BETA1) * g, means, gradients)
        squares = tree.map(lambda square, g: BETA2 * square + (1 - BETA2) * g * g, squares, gradients)
        size, root = RATE / (1 - BETA1**count), jnp.sqrt(1 - BETA2**count)
        weights = tree.map(lambda w, m, s: w - size * m / (jnp.sqrt(s) / root + EPS), weights, means, squares)
        return (weights, means, squares, count), value

    return step
