"""Some runs over one another: their curves, their figures, and the settings in which they differ."""

from __future__ import annotations

from collections.abc import Sequence
from typing import ClassVar

from rich.console import Group, RenderableType
from rich.table import Column, Table
from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.containers import VerticalScroll
from textual.message import Message
from textual.screen import Screen
from textual.widgets import Static
from textual.worker import get_current_worker

from tui_trainer.errors import printable
from tui_trainer.knobs import KNOBS
from tui_trainer.run_dir import RunDir
from tui_trainer.ui import palette as colours
from tui_trainer.ui.charts import Curve, Picture, drawn, nice_ticks
from tui_trainer.ui.comparison import FIGURES, Compared, Source, differing
from tui_trainer.ui.form import label
from tui_trainer.ui.keybar import KeyBar
from tui_trainer.ui.painted import Painted
from tui_trainer.ui.palette import RGB, Palette, palette_of
from tui_trainer.ui.panels.panel import bindings
from tui_trainer.ui.panels.status import SIGNS
from tui_trainer.ui.run_table import Told
from tui_trainer.words import best_figure, short, test_figure

ON_DARK = (colours.SKY, colours.ORANGE, colours.GREEN, colours.YELLOW, colours.PURPLE, colours.VERMILLION,
           colours.BLUE, colours.WHITE)  # fmt: skip
ON_LIGHT = (colours.BLUE, colours.VERMILLION, colours.GREEN, colours.PURPLE, colours.BLACK, (138, 109, 0),
            colours.SKY, colours.GREY)  # fmt: skip
MARKERS = ".o+x*#@%"
LEAST_ROWS_OF_PLOT = 11
SECONDS_BETWEEN_LOOKS = 2.0


class Curves(Painted):
    """One figure of all runs."""

    picture = Picture(())
    words = ""  # instead of a picture

    def lines(self, width: int, height: int) -> Sequence[Text]:
        """The plot, or why there is none."""
        if not self.picture.curves:
            return [*[Text("")] * (height // 2), Text(self.words.center(width), "dim")]
        return drawn(self.picture, width, height)

    def show(self, picture: Picture, words: str) -> None:
        """Drawn anew only where it is another."""
        if (picture, words) != (self.picture, self.words):
            self.picture, self.words = picture, words
            self.repaint()


class CompareScreen(Screen[None]):
    """A picture, a legend, a table; it scrolls where they do not fit."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("compare")
    DEFAULT_CSS = """
    CompareScreen #heading { height: 1; }
    CompareScreen VerticalScroll { height: 1fr; }
    CompareScreen #legend, CompareScreen #settings { padding: 0 1; height: auto; margin-top: 1; }
    """

    class Read(Message):
        """From the thread: one run, and which."""

        def __init__(self, number: int, compared: Compared) -> None:
            super().__init__()
            self.number, self.compared = number, compared

    class Through(Message):
        """From the thread: nothing is left to read now."""

    def __init__(self, runs: Sequence[RunDir]) -> None:
        super().__init__()
        self._sources = [Source(run) for run in runs]
        self._seen: dict[int, Compared] = {}
        self._is_reading = True
        self._figure, self._is_log = "val_loss", False

    def compose(self) -> ComposeResult:
        """Heading, what scrolls, keys."""
        yield Told(self._heading, id="heading")
        with VerticalScroll():
            yield Curves(id="curves")
            yield Static(id="legend")
            yield Static(id="settings")
        bar = KeyBar(lambda key: key.label if key.room else "", id="keys")
        bar.room = "compare"
        yield bar

    def on_mount(self) -> None:
        """What is read comes run by run."""
        self.query_one(VerticalScroll).focus()
        self.read()
        self.set_interval(SECONDS_BETWEEN_LOOKS, self.look)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_all())
        self.show_all()

    def on_resize(self) -> None:
        """The picture takes the room that the tables leave."""
        self.show_all()

    def look(self) -> None:
        """The clock: runs that live go on."""
        is_any_open = any(compared.state.is_open for compared in self._seen.values())
        if not self._is_reading and is_any_open and self.app.app_focus:
            self._is_reading = True
            self.read()

    @work(thread=True)
    def read(self) -> None:
        """All runs, one after the other."""
        worker = get_current_worker()
        for number, source in enumerate(self._sources):
            for compared in source.read():
                if worker.is_cancelled:
                    return
                if compared:
                    self.post_message(self.Read(number, compared))
        self.post_message(self.Through())

    @on(Through)
    def end_reading(self) -> None:
        """Until the clock's next look."""
        self._is_reading = False

    @on(Read)
    def show_read(self, message: Read) -> None:
        """A run more, or more of a run."""
        if self._seen.get(message.number) != message.compared:
            self._seen[message.number] = message.compared
            self.show_all()

    @property
    def _palette(self) -> Palette:
        return palette_of(self.app)

    @property
    def _is_plain(self) -> bool:
        return self._palette.ground is None or bool(getattr(self.app, "is_ascii", False))

    def _colour(self, number: int) -> RGB:
        if self._palette.ground is None:
            return self._palette.train
        return (ON_DARK if self.app.current_theme.dark else ON_LIGHT)[number % len(ON_DARK)]

    def _run_name(self, number: int) -> Text:
        """In the colour of its curve, or behind its marker."""
        name = printable(self._sources[number].run.name)
        red, green, blue = self._colour(number)
        sign = MARKERS[number % len(MARKERS)] if self._is_plain else "━"
        return Text.assemble((f"{sign} ", f"rgb({red},{green},{blue})"), name)

    @property
    def figures(self) -> list[str]:
        """Those that some run has; the validation loss where none has any."""
        found = [name for name in FIGURES if any(one.points.get(name) for one in self._seen.values())]
        return found or ["val_loss"]

    def _heading(self, _width: int, _height: int) -> list[Text]:
        line = Text.assemble((" Compare  ", "bold"), FIGURES[self._figure], " by epoch")
        line.append(" · log" if self._is_log else "")
        line.append(f" · {len(self._sources)} runs", "dim")
        if len(self._seen) < len(self._sources):
            line.append(f" · reading… {len(self._seen)} of {len(self._sources)}", "dim")
        return [line]

    def show_all(self) -> None:
        """Everything, from what is known."""
        if self._figure not in self.figures:
            self._figure = self.figures[0]
        legend, settings = self._legend(), self._settings()
        self.query_one("#legend", Static).update(legend)
        self.query_one("#settings", Static).update(settings)
        width = max(20, self.size.width - 4)
        below = sum(len(self.app.console.render_lines(part, self.app.console.options.update(width=width, height=None)))
                    for part in (legend, settings))  # fmt: skip
        curves = self.query_one(Curves)
        curves.styles.height = max(LEAST_ROWS_OF_PLOT, self.size.height - 4 - below)
        is_all = len(self._seen) == len(self._sources)
        curves.show(self._picture(), "No run has figures yet." if is_all else "reading…")
        self.query_one("#heading", Told).repaint()

    def _picture(self) -> Picture:
        curves = tuple(
            Curve(points, self._colour(number), MARKERS[number % len(MARKERS)])
            for number, compared in sorted(self._seen.items())
            if (points := compared.points.get(self._figure, ()))
        )
        places = [at for curve in curves for at, _ in curve.points]
        if not places:
            return Picture(())
        low, high = min(places), max(places)
        high = high if high > low else low + 1
        ticks = nice_ticks(low, high, max(2, self.size.width // 12))
        whole = tuple(tick for tick in ticks if tick == int(tick))  # figures come at the end of an epoch
        is_ascii = bool(getattr(self.app, "is_ascii", False))
        return Picture(curves, (), self._is_log, self._is_plain, is_ascii, (low, high), whole or tuple(ticks))

    def _legend(self) -> Table:
        table = plain_table("run", "state", "epochs", "best", "last", "test")
        for number in range(len(self._sources)):
            compared = self._seen.get(number)
            if compared is None:
                table.add_row(self._run_name(number), Text("reading…", "dim"))
                continue
            state, last = compared.state, compared.state.epoch
            table.add_row(
                self._run_name(number),
                Text(f"{SIGNS[state.status]} {state.status.replace('_', ' ')}", self._palette.of_status(state.status)),
                Text(f"{state.epochs_done}/{state.epochs}"),
                Text(best_figure(state.best)),
                Text(short(last) if last else ""),
                Text(test_figure(state.ended)),
            )
        return table

    def _settings(self) -> RenderableType:
        """Those that differ, and what could not be read."""
        if len(self._seen) < len(self._sources):
            return Text("")
        numbers = [number for number, compared in sorted(self._seen.items()) if compared.settings]
        rows = list(differing([self._seen[number] for number in numbers]))
        parts: list[RenderableType] = []
        if rows:
            table = plain_table("setting", *(Column(self._run_name(number)) for number in numbers))
            for name, values in rows:
                table.add_row(Text(label(KNOBS[name])), *(Text(printable(value)) for value in values))
            parts.append(table)
        elif len(numbers) > 1:
            parts.append(Text("Their settings do not differ.", "dim"))
        parts += [Text(printable(one.problem), self._palette.bad) for one in self._seen.values() if one.problem]
        return Group(*parts)

    def action_compare_figure(self) -> None:
        """The next one that some run has."""
        names = self.figures
        self._figure = names[(names.index(self._figure) + 1) % len(names)]
        self.show_all()

    def action_compare_log(self) -> None:
        """Logarithmic or linear."""
        self._is_log = not self._is_log
        self.show_all()

    def action_show_keys(self) -> None:
        """All keys."""
        from tui_trainer.ui.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_leave_compare(self) -> None:
        """Back to the runs."""
        self.dismiss(None)

    async def action_press(self, name: str, _arguments: tuple[object, ...]) -> None:
        """A click on the footer: what the key does."""
        await self.run_action(name)


def plain_table(*columns: Column | str) -> Table:
    """No lines, dim heads; what is too wide goes on in the next line."""
    table = Table(*columns, box=None, pad_edge=False, padding=(0, 2, 0, 0), header_style="dim")
    for column in table.columns:
        column.overflow = "fold"
    return table
