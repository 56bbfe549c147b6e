"""Which panels are seen, and where: all where there is room, otherwise some take turns."""

from __future__ import annotations

from dataclasses import dataclass

from tui_trainer.ui.keybar import PANELS

SMALL = (100, 34)  # below so many columns or rows all panels take turns
WIDE = 160  # columns from which the inside of the net has a column of its own
LEAST_BELOW = 16  # rows: ten classes with their heads and a line that reads a cell
LEFT = ("hyperparameters", "devices")
BESIDE = ("confusion", "log")  # what takes turns with the inside between SMALL and WIDE


@dataclass(frozen=True)
class Layout:
    """`takes_turn` is whether the inside was chosen last of those that take turns."""

    width: int
    height: int
    current: str
    is_maximised: bool = False
    takes_turn: bool = False
    has_inside: bool = False  # whether there is something in it, or will be

    @property
    def is_small(self) -> bool:
        """Panels are tabs."""
        return self.width < SMALL[0] or self.height < SMALL[1]

    @property
    def is_solo(self) -> bool:
        """One panel has all the room."""
        return self.is_small or self.is_maximised

    @property
    def is_wide(self) -> bool:
        """Room enough for a third column."""
        return self.width >= WIDE

    @property
    def has_column(self) -> bool:
        """The inside has a column of its own."""
        return self.is_wide and not self.is_solo and "inside" in self.seen

    @property
    def seen(self) -> frozenset[str]:
        """The panels that are shown."""
        if self.is_solo:
            return frozenset([self.current])
        if self.is_wide:
            is_empty = not self.has_inside and self.current != "inside"
            return frozenset(PANELS) - ({"inside"} if is_empty else set())
        return frozenset(PANELS) - (set(BESIDE) if self.takes_turn else {"inside"})

    def is_any_seen(self, *names: str) -> bool:
        """Whether a region has something in it."""
        return not self.seen.isdisjoint(names)

    @property
    def rows_below(self) -> int:
        """Of what stands below the losses."""
        if self.is_wide:
            return max(LEAST_BELOW, (self.height - 4) * 2 // 5)
        return min(LEAST_BELOW, (self.height - 4) * 45 // 100)

    def turn_of(self, name: str) -> str:
        """What a panel's lower edge says of those it takes turns with; "" where it does not."""
        if self.is_solo or self.is_wide:
            return ""
        return {"log": "6 inside", "inside": "3 confusion  5 log"}.get(name, "")
