"""Whether it matters for a net's last bits how its weights lie in memory.

The run's wide layers lie by input (`parameters.py`), nn.Linear's by unit: the products are of the same numbers, and a
library of linear algebra adds them up in the same order or in another one, by their sizes and its kernels.
"""

from __future__ import annotations

import itertools

import torch

from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import lines_of
from tui_trainer.engine.model import width_after
from tui_trainer.engine.parameters import NARROW
from tui_trainer.per_layer import by_layer

NUMBERS_AT_ONCE = 16  # float32 of AVX-512; other processors take half or a quarter


def layout_lines(story: Story) -> list[str]:
    """The lines that lay the weights as the run had them, where it matters here."""
    if not matters(story):
        return []
    return lines_of(f"""
        for layer in net:  # wide layers lie by input, as in the run: otherwise their products have other last bits
            if isinstance(layer, nn.Linear) and layer.out_features >= {NARROW}:
                layer.weight.data = layer.weight.data.t().contiguous().t()
    """)


def flat_lines(story: Story) -> list[str]:
    """The lines that make one vector of all weights, as the run has them, where it matters."""
    if not is_flat(story):
        return []
    return lines_of("""
        # One vector of all weights, as in the run: torch.optim rounds the last few numbers of a tensor in another way
        weights = sorted(net.parameters(), key=lambda weight: weight.ndim < 2)
        flat = nn.Parameter(torch.zeros(sum(weight.numel() for weight in weights)))
        flat.grad, start = torch.zeros_like(flat), 0
        for weight in weights:
            parts = (tensor[start : start + weight.numel()] for tensor in (flat.data, flat.grad))
            own, grad = (part.as_strided(weight.shape, weight.stride()) for part in parts)
            weight.data, weight.grad = own.copy_(weight.data), grad
            start += weight.numel()
    """)


def is_flat(story: Story) -> bool:
    """Whether one vector and many tensors end in other places: fused kernels take whole vectors of the processor, and
    compute what is left over in float64.
    """
    if story.device != "cpu" or story.config.optimizer.name == "rmsprop":
        return False
    sizes = [width_after(story.data.inputs, story.data.embedded), *story.config.model.hidden, story.data.outputs]
    numbers = [categories * size for categories, size in story.data.embedded]
    numbers += [inputs * units for inputs, units in itertools.pairwise(sizes)]
    numbers += sizes[1:-1]  # the last layer's biases are the vector's end, too
    return any(number % NUMBERS_AT_ONCE for number in numbers)


def matters(story: Story) -> bool:
    """By the products of this net on this machine; norms add up numbers as they lie."""
    if story.config.optimizer.clip_norm or story.changes_of("clip_norm"):
        return True
    if any(by_layer(story.config.regularization.max_norm, len(story.config.model.hidden) + 1)):
        return True
    if story.device != "cpu" or story.config.hardware.precision == "bf16":
        return True
    before = torch.get_num_threads()
    torch.set_num_threads(story.threads)
    try:
        return any(_differ(*sizes, samples) for sizes in _wide(story) for samples in _batches(story))
    finally:
        torch.set_num_threads(before)


def _wide(story: Story) -> list[tuple[int, int]]:
    sizes = [width_after(story.data.inputs, story.data.embedded), *story.config.model.hidden, story.data.outputs]
    return [pair for pair in itertools.pairwise(sizes) if pair[1] >= NARROW]


def _batches(story: Story) -> set[int]:
    samples, size = len(story.data.train), story.config.training.batch_size
    sizes = {size, *(values["batch_size"] for _, values in story.changes if "batch_size" in values)}
    numbers = {samples if each == "full" else min(int(each), samples) for each in sizes}
    return numbers | {samples % number for number in numbers if samples % number}


def _differ(inputs: int, units: int, samples: int) -> bool:
    random = torch.Generator().manual_seed(0)
    x, grad, weight = (
        torch.randn(shape, generator=random) for shape in ((samples, inputs), (samples, units), (units, inputs))
    )
    by_input = weight.t().contiguous()
    pairs = (
        (x @ weight.t(), x @ by_input),
        (grad @ weight, grad @ by_input.t()),
        ((grad.t() @ x).t(), x.t() @ grad),
    )
    return not all(torch.equal(one, other) for one, other in pairs)
