"""Whether another look inside the net can be afforded. A small pure object: whoever measures asks it."""

from __future__ import annotations

SHARE_OF_TIME = 0.015  # of training; with what a busy machine adds it stays below 2 %
SECONDS_EXPECTED = 0.002  # of the first look: what it takes with a small net


class Affordable:
    """All looks together take at most a share of the training's time. Where epochs are short, some go without one."""

    def __init__(self, share: float = SHARE_OF_TIME) -> None:
        self._share = share
        self._last = SECONDS_EXPECTED
        self.spent = 0.0

    def allows(self, seconds_trained: float) -> bool:
        """Whether one that takes as long as the last one leaves the share whole."""
        return self.spent + self._last <= self._share * (seconds_trained - self.spent)

    def pay(self, seconds: float) -> None:
        """One was taken."""
        self._last = seconds
        self.spent += seconds
