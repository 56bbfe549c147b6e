"""Categories as vectors that are learned along: the module, and its passes written down.

The last input columns are numbers of categories; each is replaced by its row of a table, the others pass through. All
tables lie one behind the other in the flat weights, each by rows: whatever their number and their sizes, one gather
reads them and one scatter adds up their gradients. Weight decay holds for them as for other matrices; an L1 penalty and
a limit of norms, which are about a unit's incoming weights, do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch
from torch import Tensor, nn

if TYPE_CHECKING:
    from tui_trainer.engine.parameters import Parameters
    from tui_trainer.engine.passes import Batch, Gradients


class Embeddings(nn.Module):
    """`table1`, `table2`, ... (categories, size), of the last columns in their order.

    They start normal, with a deviation of 1 / sqrt(size): a vector then is about as long as a scaled number is large,
    whatever its size (nn.Embedding's own deviation of 1 would drown numbers beside a vector of 50). Category 0, of what
    was not seen in training, starts as zeros: it says nothing until it is learned.
    """

    def __init__(self, embedded: Sequence[tuple[int, int]]) -> None:
        super().__init__()
        self.columns = len(embedded)
        for number, (categories, size) in enumerate(embedded, 1):
            weights = torch.empty(categories, size).normal_(std=size**-0.5)
            weights[0] = 0.0
            self.register_parameter(f"table{number}", nn.Parameter(weights))

    def forward(self, x: Tensor) -> Tensor:
        """(n, columns) -> (n, columns that are no categories + sizes of the vectors)."""
        plain = x.shape[1] - self.columns
        numbers = x[:, plain:].long()
        vectors = [nn.functional.embedding(numbers[:, n], table) for n, table in enumerate(self.parameters())]
        return torch.cat([x[:, :plain], *vectors], 1)


class EmbeddingsLayer:
    """The same without autograd, on the flat weights."""

    def __init__(self, name: str, module: Embeddings, parameters: Parameters) -> None:
        device = parameters.flat.device
        shapes = {f"{name}.{own}": table.shape for own, table in module.named_parameters()}
        self._shapes = shapes
        self._tables, self._gradients = parameters.flat[parameters.tables], parameters.grad[parameters.tables]
        self._columns = module.columns
        owners: list[int] = []
        strides: list[int] = []
        starts: list[int] = []
        start = 0
        for number, (categories, size) in enumerate(shapes.values()):
            owners += [number] * size
            strides += [size] * size
            starts += range(start, start + size)
            start += categories * size
        self._owners, self._strides, self._starts = (
            torch.tensor(row, device=device) for row in (owners, strides, starts)
        )
        self._width = len(owners)

    def forward(self, x: Tensor, batch: Batch) -> tuple[Tensor, Tensor]:
        """See `Embeddings`; x (n, columns) float32. Kept: the places of the numbers that were read, (n x width,)."""
        plain = x.shape[1] - self._columns
        numbers = x[:, plain:].long().index_select(1, self._owners)
        places = numbers.mul_(self._strides).add_(self._starts).view(-1)
        vectors = self._tables.index_select(0, places).view(len(x), self._width)
        return torch.cat((x[:, :plain], vectors), 1), places

    def backward(self, grad: Tensor, kept: Tensor, grads: Gradients) -> Tensor:
        """grad (n, outputs), of which the last are the vectors'."""
        of_vectors = grad[:, grad.shape[1] - self._width :].reshape(-1).float()
        if not grads.is_compiled:
            self._gradients.zero_().index_add_(0, kept, of_vectors)
            return grad
        whole, start = torch.zeros_like(self._tables).index_add(0, kept, of_vectors), 0
        for name, shape in self._shapes.items():
            grads.put(name, whole[start : start + shape.numel()].view(shape))
            start += shape.numel()
        return grad
