"""The stage: all panels, the view that goes down to them, the clock that moves it on, and where panels stand."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from typing import ClassVar

from textual import events, on, work
from textual.app import App, ComposeResult
from textual.binding import BindingType
from textual.containers import Grid, Horizontal, Vertical
from textual.reactive import Reactive, reactive
from textual.screen import Screen
from textual.widget import Widget

from tui_trainer import devices
from tui_trainer.ui.desk import Desk
from tui_trainer.ui.keybar import PANELS, KeyBar, TabBar
from tui_trainer.ui.keys import KEYS, Key, of_room
from tui_trainer.ui.layout import BESIDE, LEFT, Layout
from tui_trainer.ui.panels.alert import AlertPanel
from tui_trainer.ui.panels.confusion import ConfusionPanel
from tui_trainer.ui.panels.devices import DevicesPanel
from tui_trainer.ui.panels.hyperparameters import HyperparametersPanel
from tui_trainer.ui.panels.inside import InsidePanel
from tui_trainer.ui.panels.log import LogPanel
from tui_trainer.ui.panels.losses import LossesPanel
from tui_trainer.ui.panels.panel import Panel
from tui_trainer.ui.panels.status import StatusPanel
from tui_trainer.ui.view import View

SECONDS_READING = 0.05  # of work between two looks at the keyboard
SECONDS_BETWEEN_SAMPLES = 1.0
SECONDS_BETWEEN_IDLE_SAMPLES = 15.0  # while nothing trains and nobody looks at the devices: a quiet line
SECONDS_BLURRED = 1.0


class Stage(Screen[None]):
    """Panels around one `Desk`."""

    BINDINGS: ClassVar[list[BindingType]] = [key.binding for key in of_room("")]
    focused: Reactive[Widget | None] = Reactive(None, repaint=False)  # Textual would repaint the screen at every tab
    view: reactive[View] = reactive(View, init=False, repaint=False)

    def __init__(self, desk: Desk, refresh: float) -> None:
        super().__init__()
        self.desk = desk
        self._seconds = 1 / refresh
        self._current = "losses" if desk.run else "hyperparameters"
        self._is_maximised = False
        self._inside_turn = False  # whether the inside was chosen last of the panels that share a place
        self._ticked = self._sampled = 0.0
        self._is_reading_on = False
        self._when_read: Callable[[], None] | None = None  # once the history of a run is all there
        self.set_reactive(Stage.view, desk.view())

    def compose(self) -> ComposeResult:
        """All panels; `place_panels` decides which are seen."""
        yield StatusPanel(id="status").data_bind(Stage.view)
        yield AlertPanel(id="alert").data_bind(Stage.view)
        yield TabBar(id="tabs")
        with Horizontal(id="panels"):
            with Vertical(id="left"):
                yield HyperparametersPanel(id="hyperparameters").data_bind(Stage.view)
                yield DevicesPanel(id="devices").data_bind(Stage.view)
            with Grid(id="right"):
                yield LossesPanel(id="losses").data_bind(Stage.view)
                yield InsidePanel(id="inside").data_bind(Stage.view)
                yield ConfusionPanel(id="confusion").data_bind(Stage.view)
                yield LogPanel(id="log").data_bind(Stage.view)
        yield KeyBar(self.label_of, id="keys")

    def on_mount(self) -> None:
        """The clock starts; a long history is read in slices, so that keys work meanwhile."""
        self.show_desk()
        self.place_panels()
        self.set_focus(self.panel(self._current))
        self.set_interval(self._seconds, self.tick)
        self.sample_devices()
        self.read_on()

    def read_on(self) -> None:
        """The history, until it is all there."""
        self._is_reading_on = True
        self.tell(self.desk.read(SECONDS_READING))
        if self.desk.follower and not self.desk.follower.is_complete:
            self.call_later(self.read_on)
            return
        self._is_reading_on = False
        self.look()
        then, self._when_read = self._when_read, None
        if then:
            then()

    def tick(self) -> None:
        """The clock: look at the run, at most once a second while the terminal has lost the focus."""
        now = time.monotonic()
        if not self.app.app_focus and now - self._ticked < SECONDS_BLURRED:
            return
        self._ticked = now
        if self._is_reading_on:
            return
        self.look()
        idle = not self.view.is_training and self.focused is not self.panel("devices")
        if now - self._sampled >= (SECONDS_BETWEEN_IDLE_SAMPLES if idle else SECONDS_BETWEEN_SAMPLES):
            self.sample_devices()

    def look(self) -> None:
        """Read what happened and show it."""
        before = self.desk.run
        self.tell(self.desk.read(SECONDS_READING))
        if self.desk.follower and not self.desk.follower.is_complete and not self._is_reading_on:
            self.call_later(self.read_on)  # after an hour without a look there is more than one slice
        if self.desk.run is not before:
            self.show_desk()
        self.view = self.desk.view()
        for panel in self.query(Panel):
            panel.catch_up()

    def tell(self, sentences: Iterable[str]) -> None:
        """What a person has to know."""
        for sentence in sentences:
            self.notify(sentence, severity="error", timeout=15, markup=False)

    def watch_view(self, old: View, new: View) -> None:
        """What hangs on more than the figures."""
        facts = [(view.status, view.run, view.is_readonly, view.problem, view.exit) for view in (old, new)]
        news = [(bool(view.state.inside), view.alerts, view.unseen, view.passed) for view in (old, new)]
        if facts[0] != facts[1] or news[0] != news[1]:
            self.call_later(self.place_panels)
            self.query_one(KeyBar).repaint()
            self.show_device()
        if old.live_values != new.live_values:
            self.panel("hyperparameters").repaint()

    def fit_status(self) -> None:
        """A long sentence gets the lines it needs."""
        panel = self.query_one(StatusPanel)
        panel.styles.height = panel.rows_needed(self.app.size.width)

    def show_desk(self) -> None:
        """Another run, or the form: every panel begins anew."""
        self.query_one(HyperparametersPanel).show_form(self.desk.form)
        self.query_one(ConfusionPanel).follow(self.desk.follower)
        self.view = self.desk.view()
        self.show_device()
        for panel in self.query(Panel):
            panel.repaint()

    def show_device(self) -> None:
        """Where the run is, or would be."""
        panel = self.query_one(DevicesPanel)
        started = self.view.state.started
        if self.view.run and started:
            panel.chosen = ",".join(started.devices or [started.device])
        else:
            values = self.desk.form.values
            device = str(values["device"])
            panel.chosen = ",".join([device] * values["processes"]) if device == "cpu" else device
        panel.repaint()

    @work(thread=True, exclusive=True, group="devices")
    def sample_devices(self) -> None:
        """In a thread: a driver in trouble may take its time."""
        self._sampled = time.monotonic()
        cpu, gpus = devices.cpu(0), devices.gpus()
        self.app.call_from_thread(self.show_readings, cpu, gpus)

    def show_readings(self, cpu: devices.Cpu, gpus: list[devices.Gpu]) -> None:
        """A sample has come."""
        panel = self.query_one(DevicesPanel)
        panel.show_readings(cpu, gpus)
        most = max(5, self.app.size.height // 3)
        panel.styles.height = min(most, panel.rows_needed + 2)

    def panel(self, name: str) -> Panel:
        """A panel by its name."""
        return self.query_one(f"#{name}", Panel)

    def place_panels(self) -> None:
        """All panels where there is room; otherwise, or maximised, the present one alone."""
        layout = self.layout_now
        self.panel("alert").display = bool(self.view.unseen)
        tabs = self.query_one(TabBar)
        tabs.display, tabs.current = layout.is_small and not self._is_maximised, self._current
        tabs.repaint()
        for name in PANELS:
            panel = self.panel(name)
            panel.display = name in layout.seen
            if panel.border_subtitle != layout.turn_of(name):
                panel.border_subtitle = layout.turn_of(name)
        self.query_one("#left").display = layout.is_any_seen(*LEFT)
        right = self.query_one("#right")
        right.display = layout.is_any_seen("losses", "inside", *BESIDE)
        right.styles.grid_rows = "1fr" if layout.is_solo else f"1fr {layout.rows_below}"
        self.fit_status()
        self.set_class(layout.is_solo, "-solo")
        self.set_class(layout.is_wide, "-wide")
        self.set_class(layout.has_column, "-column")

    @property
    def layout_now(self) -> Layout:
        """As the terminal's size and what was chosen want it."""
        has_inside = bool(self.view.run) and (self.view.state.is_open or self.view.state.inside is not None)
        return Layout(*self.app.size, self._current, self._is_maximised, self._inside_turn, has_inside)

    def on_resize(self, _event: events.Resize) -> None:
        """Another size of the terminal."""
        self.place_panels()

    def on_descendant_focus(self, event: events.DescendantFocus) -> None:
        """The panel with the focus is the present one, however it got it."""
        if isinstance(event.widget, Panel) and event.widget.id:
            self.choose(event.widget.id)
            bar = self.query_one(KeyBar)
            bar.room = self._current
            bar.repaint()
            self.place_panels()

    def choose(self, name: str) -> None:
        """The present panel, and the last of those that share a place."""
        self._current = name
        if name == "inside" or name in BESIDE:
            self._inside_turn = name == "inside"

    def go_to_panel(self, name: str) -> None:
        """Show a panel and give it the keys."""
        self.choose(name)
        self.place_panels()
        self.set_focus(self.panel(name))  # at once: the next key is meant for it

    def label_of(self, key: Key) -> str:
        """What the footer calls a key now; "" where it has no use."""
        status, has_run = self.view.status, bool(self.view.run)
        is_open = status in ("starting", "training", "paused")
        if key.steers and self.view.is_readonly:
            return ""
        if key.room == "inside":
            return key.label if key.action.partition("(")[0] in self.query_one(InsidePanel).useful else ""
        match key.action:
            case "go":
                resumes = {"stopped": "resume", "failed": "resume", "lost": "resume", "diverged": "resume"}
                labels = {"ready": "start", "training": "pause", "paused": "go on", **resumes}
                return labels.get(status, "")
            case "stop" | "save" | "evaluate":
                return key.label if is_open else ""
            case "remedies":
                return key.label if self.view.alerts else "past alerts" if self.view.passed else ""
            case "change" | "more_epochs":
                return key.label if has_run else ""
            case "new":
                return key.label if has_run and not self.view.is_readonly else ""
            case "recipe" | "check" | "find":
                return "" if has_run else key.label
        return key.label

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Keys that steer do nothing where one only looks on."""
        key = next((key for key in KEYS if key.action.partition("(")[0] == action), None)
        if key and key.steers and self.desk.is_readonly:
            self.notify("Opened read-only: this key steers the run.", timeout=4)
            return False
        return True

    async def action_press(self, name: str, arguments: tuple[object, ...]) -> None:
        """A click on the footer or a tab: what the key does."""
        call = f"{name}({', '.join(map(repr, arguments))})" if arguments else name
        is_of_panel = any(key.room and key.action.partition("(")[0] == name for key in KEYS)
        target = self.focused if is_of_panel and self.focused else self
        await target.run_action(call)

    @on(InsidePanel.KeysChanged)
    def show_keys(self) -> None:
        """The footer."""
        self.query_one(KeyBar).repaint()

    @on(HyperparametersPanel.Edited)
    def form_was_edited(self) -> None:
        """The plan changes with the form."""
        self.desk.edited()
        self.show_device()
        self.view = self.desk.view()


def stage_of(app: App[object]) -> Stage | None:
    """The dashboard below the screens that are open over it."""
    return next((screen for screen in app.screen_stack if isinstance(screen, Stage)), None)
