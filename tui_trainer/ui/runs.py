"""The screen of all runs, newest first: open, resume, duplicate, rename, delete, mark and compare."""

from __future__ import annotations

import time
from contextlib import suppress
from dataclasses import replace
from pathlib import Path
from typing import ClassVar

from rich.text import Text
from textual import on, work
from textual.app import ComposeResult
from textual.binding import BindingType
from textual.message import Message
from textual.screen import Screen
from textual.widgets import DataTable
from textual.worker import get_current_worker

from tui_trainer import config_file, runs_folder
from tui_trainer.errors import printable
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.asking import AskText, AskYes
from tui_trainer.ui.attempt import attempt
from tui_trainer.ui.keybar import KeyBar
from tui_trainer.ui.keys import Key
from tui_trainer.ui.panels.panel import bindings
from tui_trainer.ui.run_table import Facts, RunTable, Told, details, read_facts
from tui_trainer.ui.stage import stage_of

MOST_COMPARED = 8
SECONDS_BETWEEN_LOOKS = 2.0
SECONDS_OF_A_BATCH = 0.1  # rows that were read within it are shown together


class RunsScreen(Screen[tuple[str, RunDir] | None]):
    """Dismissed with what to do and with which run, or with None."""

    BINDINGS: ClassVar[list[BindingType]] = bindings("runs")
    DEFAULT_CSS = """
    RunsScreen #heading { height: 1; }
    RunsScreen #empty { height: 1fr; }
    RunsScreen #details { height: 2; }
    """

    class Read(Message):
        """From the thread that reads: some runs' facts and, when it is through, all runs there are, newest first."""

        def __init__(self, facts: list[Facts], everything: list[Path] | None = None) -> None:
            super().__init__()
            self.facts, self.everything = facts, everything

    def __init__(self, runs_dir: Path, *, is_readonly: bool) -> None:
        super().__init__()
        self._runs_dir, self._is_readonly = runs_dir, is_readonly
        self._table = RunTable(id="runs")
        self._is_reading = self._is_first = True

    def compose(self) -> ComposeResult:
        """Heading, table or what stands in for it, details, keys."""
        yield Told(self._heading, id="heading")
        yield self._table
        yield Told(self._empty, id="empty")
        yield Told(self._details, id="details")
        bar = KeyBar(self.label_of, id="keys")
        bar.room = "runs"
        yield bar

    def on_mount(self) -> None:
        """The screen is there at once; its rows come as they are read."""
        self._table.focus()
        self.show_around()
        self.read()
        self.set_interval(SECONDS_BETWEEN_LOOKS, self.look)

    def _heading(self, _width: int, _height: int) -> list[Text]:
        facts, marked = self._table.facts, len(self._table.marked)
        living = sum(one.is_alive for one in facts.values())
        words = [f"{len(facts)} runs" if len(facts) != 1 else "1 run"]
        words += [f"{living} living"] if living else []
        words += [f"{marked} marked"] if marked else []
        words += ["reading…"] if self._is_first else []
        line = Text.assemble((" Runs  ", "bold"), " · ".join(words))
        line.append("  read-only" if self._is_readonly else "", "bold")
        line.append(f"  in {printable(str(self._runs_dir))}", "dim")
        return [line]

    def _empty(self, width: int, height: int) -> list[Text]:
        words = ["No runs here yet.", "", "esc, then space, trains what the form says;", "the run then stands here."]
        if self._is_readonly:
            words = ["No runs here yet.", "", "esc goes back."]
        return [Text("")] * max(0, (height - len(words)) // 2) + [Text(word.center(width), "dim") for word in words]

    def _details(self, _width: int, _height: int) -> list[Text]:
        row = self._table.current
        return details(self._table.facts[row]) if row else []

    def label_of(self, key: Key) -> str:
        """What the footer calls a key now; "" where it has no use."""
        if not key.room or (key.steers and self._is_readonly):
            return ""
        if (row := self._table.current) is None:
            return key.label if key.action in ("leave_runs", "show_keys") else ""
        needs_end = key.action in ("resume_run", "rename_run", "delete_run")
        return "" if needs_end and self._table.facts[row].is_alive else key.label

    @work(thread=True)
    def read(self) -> None:
        """What changed since the last look; a run that stays as it was costs a look at its lock and its size."""
        worker, known = get_current_worker(), {facts.run.path: facts for facts in list(self._table.facts.values())}
        runs: list[RunDir] = []
        with suppress(OSError):  # one that is deleted while they are listed
            runs = runs_folder.all_runs(self._runs_dir)[::-1]
        batch: list[Facts] = []
        shown_at = time.monotonic()
        for run in runs:
            if worker.is_cancelled:
                return
            before = known.get(run.path)
            if before is None or before.is_stale():
                batch.append(read_facts(run))
            if batch and time.monotonic() - shown_at > SECONDS_OF_A_BATCH:
                self.post_message(self.Read(batch))
                batch, shown_at = [], time.monotonic()
        self.post_message(self.Read(batch, [run.path for run in runs]))

    @on(Read)
    def show_read(self, message: Read) -> None:
        """Rows for what is new, cells for what changed."""
        self._table.take(message.facts)
        if message.everything is not None:
            self._table.order(message.everything)
            if self._is_first:
                self._go_to_open_run()
            self._is_reading = self._is_first = False
        self.show_around()

    def look(self) -> None:
        """The clock: ages go on, and what changed on the disk is read."""
        self._table.show_ages()
        self.query_one("#details", Told).repaint()
        if not self._is_reading and self.app.app_focus:
            self._is_reading = True
            self.read()

    @on(DataTable.RowHighlighted)
    def show_around(self) -> None:
        """What hangs on the row under the cursor, and on there being any."""
        self._table.display = bool(self._table.facts) or self._is_first
        self.query_one("#empty").display = not self._table.display
        for told in self.query(Told):
            told.repaint()
        self.query_one(KeyBar).repaint()

    def chosen(self, *, is_to_change: bool = False) -> tuple[str, RunDir] | None:
        """Row and run under the cursor, if the run is there still and may be changed where that is wanted."""
        row = self._table.current
        if is_to_change and self._is_readonly:
            self.notify("Opened read-only: runs can be opened and compared, not changed.", timeout=4)
        elif row is None:
            self.notify("There is no run here yet.", timeout=4)
        elif not self._table.facts[row].run.config.is_file():
            self.notify("This run is no longer there.", severity="error", timeout=4)
        else:
            return row, self._table.facts[row].run
        return None

    @on(DataTable.RowSelected)
    def action_open_run(self) -> None:
        """In the dashboard."""
        if chosen := self.chosen():
            self.dismiss(("open", chosen[1]))

    def action_resume_run(self) -> None:
        """The dashboard goes on with it, or asks for more epochs where it is complete."""
        if chosen := self.chosen(is_to_change=True):
            if chosen[1].is_alive():
                self.notify(f"{printable(chosen[1].name)} is being trained; enter opens it.", timeout=6, markup=False)
            else:
                self.dismiss(("resume", chosen[1]))

    def action_duplicate_run(self) -> None:
        """The form with its settings, if they can be read."""
        chosen = self.chosen(is_to_change=True)
        if chosen and attempt(self, config_file.load, chosen[1].config):
            self.dismiss(("duplicate", chosen[1]))

    def action_rename_run(self) -> None:
        """Ask for the name; a run that trains keeps its own."""
        chosen = self.chosen(is_to_change=True)
        if chosen is None or not attempt(self, check_is_free, chosen[1]):
            return
        row, run = chosen

        def check(name: str) -> None:
            if name != run.name:
                runs_folder.check_rename(run, name)

        def take(name: str | None) -> None:
            if name and name != run.name and attempt(self, runs_folder.rename, run, name):
                renamed = RunDir(run.path.with_name(name))
                self._table.facts[row] = replace(self._table.facts[row], run=renamed)
                self._table.show_rows([row])
                self.show_around()
                self._tell_dashboard(run, renamed)

        self.app.push_screen(AskText(f"Rename {printable(run.name)}", "", run.name, check), take)

    def action_delete_run(self) -> None:
        """Ask, then remove; a run that trains is not."""
        chosen = self.chosen(is_to_change=True)
        if chosen is None or not attempt(self, check_is_free, chosen[1]):
            return
        row, run = chosen

        def take(is_sure: bool | None) -> None:
            if is_sure and attempt(self, runs_folder.delete, run):
                self._tell_dashboard(run, None)
                self._table.drop(row)
                self.show_around()

        name = printable(run.name)
        sentence = f"Its settings, history and checkpoints in {printable(str(run.path))} are lost for good."
        self.app.push_screen(AskYes(f"Delete {name}?", sentence), take)

    def _go_to_open_run(self) -> None:
        """The cursor begins on the run that is open in the dashboard."""
        stage = stage_of(self.app)
        shown = stage.desk.run.path.resolve() if stage and stage.desk.run else None
        if row := next((row for row, one in self._table.facts.items() if one.run.path.resolve() == shown), None):
            self._table.move_cursor(row=self._table.get_row_index(row))

    def _tell_dashboard(self, run: RunDir, now: RunDir | None) -> None:
        """If it is the run that is open there: it goes by another name, or its settings are left in the form."""
        stage = stage_of(self.app)
        if stage and stage.desk.run and stage.desk.run.path.resolve() == run.path.resolve():
            desk = stage.desk
            if now:
                desk.open(now)
            else:
                attempt(self, lambda: desk.set_up(desk.form.config(), desk.stem_of(run)))
            stage.show_desk()
            stage.read_on()

    def action_mark_run(self) -> None:
        """For the comparison."""
        if chosen := self.chosen():
            self._table.mark(chosen[0])
            self.show_around()

    def action_compare_marked(self) -> None:
        """Curves over one another, settings side by side."""
        from tui_trainer.ui.compare import CompareScreen

        runs = self._table.marked_runs
        if len(runs) > MOST_COMPARED:
            self.notify(f"{len(runs)} runs are marked; at most {MOST_COMPARED} fit in one picture.", timeout=6)
        elif len(runs) < 2:
            marked = "One run is marked: mark another" if runs else f"Mark two to {MOST_COMPARED} runs"
            self.notify(f"{marked} with space, then press c.", timeout=6)
        else:
            self.app.push_screen(CompareScreen(runs))

    def action_show_keys(self) -> None:
        """All keys."""
        from tui_trainer.ui.help import HelpScreen

        self.app.push_screen(HelpScreen())

    def action_leave_runs(self) -> None:
        """Back, with nothing to do."""
        self.dismiss(None)

    async def action_press(self, name: str, _arguments: tuple[object, ...]) -> None:
        """A click on the footer: what the key does."""
        await self.run_action(name)


def check_is_free(run: RunDir) -> None:
    """Raises RunBusyError where somebody trains it, StorageError where its folder cannot be written."""
    run.take_lock(None).close()
