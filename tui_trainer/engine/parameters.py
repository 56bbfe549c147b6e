"""All weights of a net in one tensor, all gradients in another: one update, one norm, one sum over processes a step.

The parameters of the model stay what they are to everybody else: views, in torch's own shapes. Matrices come first,
vectors (biases, normalisation) after them. A wide layer's matrix lies by input: the product that gives its gradient has
no transposed result then, and takes a quarter less on a small net. A narrow one's, as of ten classes, lies by unit.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

NARROW = 48  # units: on two CPU cores the ways cost the same somewhere from 32 to 64
EXTRAS = 2  # numbers behind the gradient that are summed over the processes with it: loss, right predictions


class Parameters:
    """Moves a model's parameters into `flat` (n,); `grad` (n,) has a view per parameter in the same places."""

    def __init__(self, model: nn.Module) -> None:
        named = sorted(model.named_parameters(), key=lambda pair: pair[1].ndim < 2)  # stable
        first = named[0][1]
        self.names = [name for name, _ in model.named_parameters()]
        self.shapes = {name: parameter.shape for name, parameter in named}
        self.size = sum(parameter.numel() for _, parameter in named)
        self.matrices = sum(parameter.numel() for _, parameter in named if parameter.ndim > 1)  # flat[:matrices]
        self.flat = torch.empty(self.size, device=first.device)
        self.summed = torch.zeros(self.size + EXTRAS, device=first.device)
        self.grad, self.extras = self.summed[: self.size], self.summed[self.size :]
        self.grad_views = self.views(self.grad)
        for name, view in self.views(self.flat).items():
            parameter = model.get_parameter(name)
            own_shape = view.t() if parameter.ndim > 1 else view
            own_shape.copy_(parameter.detach())
            parameter.data = own_shape
            parameter.requires_grad_(False)  # the backward pass is written down in passes.py

    def views(self, flat: Tensor) -> dict[str, Tensor]:
        """{parameter: its part of a flat tensor}, matrices as (inputs, units)."""
        places, start = {}, 0
        for name, shape in self.shapes.items():
            part = flat[start : start + shape.numel()]
            is_by_unit = len(shape) > 1 and shape[0] < NARROW
            places[name] = part.view(shape).t() if is_by_unit else part.view(shape[::-1])
            start += shape.numel()
        return places

    def joined(self, pieces: dict[str, Tensor]) -> Tensor:
        """Tensors in the shapes of `views` as one in the order of `flat`."""
        narrow = {name for name, shape in self.shapes.items() if len(shape) > 1 and shape[0] < NARROW}
        flats = [(pieces[name].t() if name in narrow else pieces[name]).reshape(-1) for name in self.shapes]
        return torch.cat(flats)

    def pieces(self, flat: Tensor) -> Iterator[Tensor]:
        """A flat tensor's parts in the order and the shapes of the model's parameters."""
        views = self.views(flat)
        for name in self.names:
            yield views[name].t() if views[name].ndim > 1 else views[name]
