"""What is left of the running epoch: which rows come next, and which of them are this process's."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.data.feed import DeviceFeed, Feed
from tui_trainer.engine.group import Group


class Epoch:
    """Batches of `size` rows of `order`, from `start` to `end`; the last may be smaller."""

    def __init__(self, feed: Feed, order: Tensor, group: Group, size: int, start: int, end: int) -> None:
        self._feed, self._group, self._size, self._start = feed, group, size, start
        self._is_alone = group.size == 1
        self.end = end
        if not self._is_alone:  # its shares of the batches, one behind the other
            batches = torch.split(order[start:end], size)
            order = torch.cat([batch[group.share(len(batch))] for batch in batches] or [order[:0]])
        self._order = feed.order(order)
        self._own_end = end if self._is_alone else len(order)

    def samples(self, position: int, count: int) -> tuple[Samples, Tensor | None]:
        """This process's samples of the `count` batches at a position: rows of a whole split, or (None) just they."""
        first, last = self._own(position), self._own(min(self.end, position + count * self._size))
        if isinstance(self._feed, DeviceFeed):
            return self._feed.samples, self._order[first:last]
        return Samples(*self._feed.take(self._order, first, last, self._own_end)), None

    def _own(self, position: int) -> int:
        """Where a place that lies between two batches of the whole order is in this process's."""
        if self._is_alone:
            return position
        if position == self.end:
            return self._own_end
        share = self._group.share(self._size)
        return (position - self._start) // self._size * int(share.stop - share.start)
