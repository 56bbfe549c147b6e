"""The inside of the net: each layer's size, norms, idle units and activations, and the first weights as pictures."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import ClassVar

from rich.text import Text
from textual.binding import BindingType
from textual.message import Message

from tui_trainer.errors import printable
from tui_trainer.inside_events import LayerFacts, NetMeasured, WeightPicture
from tui_trainer.ui.panels.panel import Panel, bindings
from tui_trainer.ui.view import View
from tui_trainer.words import in_lines

LEAST_DRAWING, MOST_DRAWING = 4, 9  # rows of a histogram with its title and its axis
LEAST_WIDTH_OF_TWO = 56  # columns from which the weights' histogram stands beside the activations'
SECONDS_BETWEEN_PICTURES = 10.0  # they are most of the panel's bytes, and change slowly


class InsidePanel(Panel):
    """The latest look inside. The arrow keys choose a layer and go through the units' pictures."""

    heading = "Inside"
    seconds_between = 2.0
    BINDINGS: ClassVar[list[BindingType]] = bindings("inside")

    class KeysChanged(Message):
        """Other keys have a use than before."""

    def __init__(self, *, id: str) -> None:  # noqa: A002
        super().__init__(id=id)
        self.shows_pictures = False  # alone, in all the room there is
        self._layer: int | None = None  # under the cursor; None: the first that looks wrong
        self._top = 0
        self._first = 0  # the first picture shown
        self._per_page = 0  # where none are shown
        self._held: tuple[float, NetMeasured] | None = None  # whose pictures are shown, and since when
        self.useful: frozenset[str] = frozenset()  # actions that do something now

    def watch_view(self, old: View, new: View) -> None:
        """Only another look inside, another run or another state is news here."""
        is_other = (old.run, old.status) != (new.run, new.status)
        if is_other:
            self._held = None
        if is_other or old.state.inside is not new.state.inside:
            super().watch_view(old, new)

    def repaint(self) -> None:
        """As Panel; the footer hears when other keys have a use."""
        super().repaint()
        inside = self.view.state.inside if self.view.run else None
        pictures = self._pictures() if inside else []
        useful = {"layer_move"} if inside and len(inside.layers) > 1 else set()
        useful |= {"weight_pictures"} if pictures else set()
        useful |= {"units_page"} if 0 < self._per_page < len(pictures) else set()
        if useful != self.useful:
            self.useful = frozenset(useful)
            self.post_message(self.KeysChanged())

    def lines(self, width: int, height: int) -> Sequence[Text]:
        """Table, the layer under the cursor, pictures: as far as there is room, or pictures alone."""
        self._per_page = 0
        inside = self.view.state.inside if self.view.run else None
        if inside is None or not inside.layers:
            self.retitle("")
            return [Text(line, "dim") for line in in_lines(self._empty().split(" "), width, " ")]
        pictures = self._pictures()
        if self.shows_pictures and pictures:
            self.retitle(f"epoch {inside.epoch:,}", "first weights")
            return self._page(pictures, width, height)
        current, count = self._current(inside.layers), len(inside.layers)
        has_more = _table_rows(count, height) < count
        self.retitle(f"epoch {inside.epoch:,}", f"layer {current + 1}/{count}" if has_more else "")
        rows = self._table(inside.layers, current, width, height)
        rows += self._detail(inside.layers[current], width, height - len(rows), _rows_of_one(pictures))
        if pictures and height - len(rows) >= 4:
            rows += [Text(""), *self._page(pictures, width, height - len(rows) - 1)]
        return rows

    def _empty(self) -> str:
        """Why there is nothing, or when there will be."""
        match self.view.status:
            case "ready" | "starting" | "training" | "paused":
                return "Measured at the end of an epoch: norms, updates, idle units, activations, first weights."
        return "This run was not measured: its epochs were too short, or it is of an earlier version."

    def _pictures(self) -> list[WeightPicture]:
        """The newest there are, unless others came a moment ago."""
        now, newest = time.monotonic(), self.view.state.pictured
        if newest is None or self._held is None or self._held[1].step > newest.step:
            self._held = (now, newest) if newest else None
        elif self._held[1] is not newest and now - self._held[0] >= SECONDS_BETWEEN_PICTURES:
            self._held = (now, newest)
        return (self._held[1].pictures or []) if self._held else []

    def _current(self, layers: Sequence[LayerFacts]) -> int:
        from tui_trainer.ui.layer_table import complaints

        if self._layer is None:
            return next((number for number, layer in enumerate(layers) if complaints(layer)), 0)
        self._layer = min(self._layer, len(layers) - 1)
        return self._layer

    def _table(self, layers: Sequence[LayerFacts], current: int, width: int, height: int) -> list[Text]:
        """As many layers as leave room for what stands below."""
        from tui_trainer.ui.layer_table import table  # loaded with the first look: the first paint has none

        room = _table_rows(len(layers), height)
        self._top = min(max(self._top, current - room + 1), current, len(layers) - room)
        chosen = current if self.has_focus else None
        return table(layers, range(self._top, self._top + room), chosen, width, self.palette)

    def _detail(self, layer: LayerFacts, width: int, height: int, reserved: int) -> list[Text]:
        """All that is known of a layer, what looks wrong of it, and its histograms; rows are left for pictures."""
        from tui_trainer.ui import layer_table as known

        wrong = known.complaints(layer)
        facts = [
            f"{layer.units:,} units",
            f"{layer.parameters:,} parameters",
            f"{layer.flops:,} FLOPs",
            f"weights {known.norm_text(layer.weight_norm)}",
            f"gradient {known.norm_text(layer.gradient_norm)}",
            f"update {known.ratio_text(layer.update_ratio)} of weights, usual 1e-3",
            f"dead {known.share_text(layer.dead)}" if layer.dead is not None else "",
            f"saturated {known.share_text(layer.saturated)}" if layer.saturated is not None else "",
        ]
        name = printable(layer.name)[: known.MOST_NAME]
        lines = in_lines(filter(None, facts), max(10, width - len(name) - 2), " · ")
        rows = [Text("")] if height > 4 else []
        for number, line in enumerate(lines):
            rows.append(Text.assemble((name if number == 0 else " " * len(name), "bold"), "  ", (line, "dim")))
        if wrong:
            said = in_lines(f"{known.WRONG} {'; '.join(wrong.values())}".split(" "), max(10, width - 2), " ")
            rows += [Text("  " * bool(number) + line, self.palette.warn) for number, line in enumerate(said)]
        room = height - len(rows)
        room = min(MOST_DRAWING, room - reserved if room - reserved >= LEAST_DRAWING else room)
        if room >= LEAST_DRAWING:
            rows += self._drawings(layer, width, room)
        return rows[: max(0, height)]

    def _drawings(self, layer: LayerFacts, width: int, height: int) -> list[Text]:
        """Activations, and beside them weights."""
        from tui_trainer.ui.layer_table import drawing

        named = (("activations", layer.activations), ("weights", layer.weights))
        shown = [(name, histogram) for name, histogram in named if histogram and histogram.counts]
        if width < LEAST_WIDTH_OF_TWO:
            shown = shown[:1]
        if not shown:
            return []
        each = width // len(shown) - 2
        drawn = [
            drawing(f"{name} (sqrt of counts)", histogram, each, height, self.palette) for name, histogram in shown
        ]
        rows = []
        for parts in zip(*drawn, strict=True):
            row = Text()
            for part in parts:
                row.append(" " * (-row.cell_len % (each + 2)))
                row.append_text(part)
            rows.append(row)
        return rows

    def _page(self, pictures: Sequence[WeightPicture], width: int, height: int) -> list[Text]:
        """A line that says which, and as many as fit."""
        from tui_trainer.ui import weight_pictures as drawn

        page = drawn.Page.fitting(pictures[0], width, height, wants_several=not self.shows_pictures)
        if page is None:
            return []
        self._per_page = page.across * page.down
        self._first = min(self._first, max(0, len(pictures) - 1)) // self._per_page * self._per_page
        shown = pictures[self._first : self._first + self._per_page]
        is_plain = self.palette.ground is None or self.palette.is_coarse or self.trainer.is_ascii
        means = drawn.SIGNS_MEAN if is_plain else drawn.COLOURS_MEAN
        title = self._which(len(shown), len(pictures), means, width)
        return [title, *drawn.lines(shown, page, self.palette, is_plain=is_plain)]

    def _which(self, shown: int, pictures: int, means: str, width: int) -> Text:
        """Whose pictures, of when, and what colours mean: the last where there is room."""
        held, inside = self._held[1] if self._held else None, self.view.state.inside
        units = held.layers[0].units if held and held.layers else pictures
        words = (
            f"first weights, {pictures} of {units:,} units" if units != pictures else f"first weights, {units:,} units"
        )
        if shown < pictures:
            words = f"first weights {self._first + 1}-{self._first + shown} of {pictures}"
            words += f" (of {units:,} units)" if units != pictures else ""
        when = f"  epoch {held.epoch:,}" if held and inside and held.epoch != inside.epoch else ""
        choices = (f"{words}{when}  {means}", words + when, words.removeprefix("first ") + when)
        title = Text(next((one for one in choices if len(one) <= width), choices[-1]), "dim")
        title.truncate(width, overflow="ellipsis")
        return title

    def action_layer_move(self, by: int) -> None:
        """The cursor."""
        inside = self.view.state.inside
        if inside and inside.layers:
            self._layer = max(0, self._current(inside.layers) + by)
            self.repaint()

    def action_units_page(self, by: int) -> None:
        """The pictures before or after."""
        inside = self._held[1] if self._held else None
        first = self._first + by * self._per_page
        if inside and 0 <= first < len(inside.pictures or []):
            self._first = first
            self.repaint()

    def action_weight_pictures(self) -> None:
        """Pictures alone, or everything."""
        self.shows_pictures = not self.shows_pictures
        self.repaint()

    def on_mouse_scroll_up(self) -> None:
        """As the key."""
        self.action_layer_move(-1)

    def on_mouse_scroll_down(self) -> None:
        """As the key."""
        self.action_layer_move(1)

    def on_focus(self) -> None:
        """The cursor shows."""
        self.repaint()

    def on_blur(self) -> None:
        """And goes."""
        self.repaint()


def _table_rows(layers: int, height: int) -> int:
    """So many layers at once."""
    below = 3 + (LEAST_DRAWING if height >= 14 else 0)
    return max(1, min(layers, height - 1 - below))


def _rows_of_one(pictures: Sequence[WeightPicture]) -> int:
    """That a row of pictures takes in small, with what stands above and below."""
    if not pictures:
        return 0
    from tui_trainer.ui.weight_pictures import LARGE

    smaller = -(-max(pictures[0].width, pictures[0].height) // LARGE)
    return -(-pictures[0].height // (2 * smaller)) + 3
