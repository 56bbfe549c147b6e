"""Every key, declared once: binding, footer, help, command palette and the README's table come from here."""

from __future__ import annotations

from dataclasses import dataclass

from textual.binding import Binding


@dataclass(frozen=True)
class Key:
    """One action of the dashboard and the key it has."""

    action: str
    keys: str  # as Textual names them; the first is shown
    label: str  # in the footer
    sentence: str  # in the help, the palette and the README
    room: str = ""  # the panel that has to have the focus; "" for everywhere
    rank: int = 9  # in the footer: lower comes first and is the last to be left out; 9 is help alone
    steers: bool = False  # changes the run: refused where one only looks on

    @property
    def shown(self) -> str:
        """How the key is written."""
        return NAMES.get(self.keys.split(",")[0], self.keys.split(",")[0])

    @property
    def binding(self) -> Binding:
        """For Textual; the id lets people remap it."""
        return Binding(self.keys, self.action, self.label, show=False, id=f"{self.room or 'run'}.{self.action}")


NAMES = {
    "space": "space", "plus": "+", "question_mark": "?", "slash": "/", "left_square_bracket": "[",
    "right_square_bracket": "]", "percent_sign": "%", "left": "←", "right": "→", "up": "↑", "down": "↓",
    "shift+tab": "shift+tab", "ctrl+p": "ctrl+p", "escape": "esc",
}  # fmt: skip

ALERT_SIGN = "!"  # in every place where an alert is told: it is read in ASCII and without colour

KEYS = (
    Key(
        "go", "space", "start", "start training; pause, go on, or resume from the last checkpoint", rank=0, steers=True
    ),
    Key("stop", "s", "stop", "stop the run: it saves a checkpoint, tests, and can be resumed", rank=1, steers=True),
    Key("change", "e", "set", "change a live hyperparameter, such as the learning rate", rank=3, steers=True),
    Key(
        "more_epochs",
        "plus,equals_sign",
        "epochs",
        "give the run more epochs, also a finished one",
        rank=4,
        steers=True,
    ),
    Key("save", "w", "save", "write a checkpoint now", rank=7, steers=True),
    Key("evaluate", "v", "evaluate", "evaluate now, without waiting for the end of the epoch", rank=7, steers=True),
    Key("new", "n", "new", "leave this run alone and set up another one with its settings", rank=6),
    Key("recipe", "c", "recipe", "choose a recipe: fills the form with its settings", rank=2),
    Key("check", "k", "check", "look the data over and see what training will take, before it starts", rank=5),
    Key("find", "r", "find", "find a learning rate or a batch size for what the form says", rank=6),
    Key("runs", "o", "runs", "open a run; resume, duplicate, rename, delete or compare runs", rank=3),
    Key(
        "remedies", "a", "remedies", "what looks wrong with the training, and what may help; one key applies it", rank=0
    ),
    Key("next_panel", "tab", "panel", "go to the next panel", rank=2),
    Key("previous_panel", "shift+tab", "back", "go to the previous panel"),
    Key("panel(1)", "1", "", "hyperparameters"),
    Key("panel(2)", "2", "", "losses"),
    Key("panel(3)", "3", "", "confusion matrix"),
    Key("panel(4)", "4", "", "devices"),
    Key("panel(5)", "5", "", "log"),
    Key("panel(6)", "6", "", "inside of the net"),
    Key("maximise", "m", "max", "give the panel the whole screen, or give it back", rank=6),
    Key("theme", "t", "theme", "dark, light, or the terminal's own colours"),
    Key("help", "question_mark,f1", "help", "all keys", rank=1),
    Key("detach", "q,ctrl+q", "leave", "leave the dashboard; a run goes on, and says how to come back", rank=0),
    Key("palette", "ctrl+p", "commands", "find a command by its name"),
    Key("plot_range", "p", "range", "plot the whole run or its recent part", "losses", rank=2),
    Key(
        "plot_figure",
        "y",
        "figure",
        "plot the loss, a figure of the task (accuracy, R², ...), or the learning rate",
        "losses",
        rank=2,
    ),
    Key("plot_log", "l", "log", "logarithmic or linear scale", "losses", rank=3),
    Key("plot_smooth", "f", "smooth", "smooth the curves: off, some, much", "losses", rank=3),
    Key("plot_lr", "i", "lr", "show the learning rate in the plot", "losses", rank=4),
    Key("plot_cursor(-1)", "left", "", "move the cursor that reads values", "losses"),
    Key("plot_cursor(1)", "right", "", "move the cursor that reads values", "losses"),
    Key("plot_cursor(0)", "escape", "", "put the cursor away", "losses"),
    Key("matrix_epoch(-1)", "left_square_bracket", "epoch", "the matrix of the epoch before", "confusion", rank=2),
    Key(
        "matrix_epoch(1)",
        "right_square_bracket",
        "epoch",
        "the matrix of the epoch after; the last one follows the run",
        "confusion",
        rank=2,
    ),
    Key("matrix_kind", "percent_sign", "% of row", "counts, or percentages of the true class", "confusion", rank=3),
    Key("matrix_cursor(-1, 0)", "up", "", "move the cursor that reads a cell", "confusion"),
    Key("matrix_cursor(1, 0)", "down", "", "move the cursor that reads a cell", "confusion"),
    Key("matrix_cursor(0, -1)", "left", "", "move the cursor that reads a cell", "confusion"),
    Key("matrix_cursor(0, 1)", "right", "", "move the cursor that reads a cell", "confusion"),
    Key("form_move(-1)", "up", "", "the field above", "hyperparameters"),
    Key("form_move(1)", "down", "", "the field below", "hyperparameters"),
    Key("form_move(-10)", "pageup", "", "ten fields up", "hyperparameters"),
    Key("form_move(10)", "pagedown", "", "ten fields down", "hyperparameters"),
    Key("form_step(-1)", "left", "less", "a step down, the choice before; folds a group", "hyperparameters", rank=5),
    Key("form_step(1)", "right", "more", "a step up, the next choice; unfolds a group", "hyperparameters", rank=5),
    Key(
        "form_enter",
        "enter",
        "edit",
        "type a value or pick from a list; sends a live value that was stepped",
        "hyperparameters",
        rank=2,
    ),
    Key(
        "form_filter",
        "slash",
        "find",
        "show only fields whose name or description has this text",
        "hyperparameters",
        rank=3,
    ),
    Key("form_default", "d,delete", "default", "back to the default", "hyperparameters", rank=4),
    Key("form_back", "escape", "", "drop what was stepped but not sent; end the search", "hyperparameters"),
    Key("device_move(-1)", "up", "", "the device above", "devices"),
    Key("device_move(1)", "down", "", "the device below", "devices"),
    Key("device_take", "enter", "take", "train the next run on this device", "devices", rank=2),
    Key("log_scroll(-1)", "up", "", "a line back", "log"),
    Key("log_scroll(1)", "down", "", "a line on", "log"),
    Key("log_scroll(-10)", "pageup", "", "ten lines back", "log"),
    Key("log_scroll(10)", "pagedown", "", "ten lines on", "log"),
    Key("log_end", "end", "newest", "to the newest line, and stay there", "log", rank=3),
    Key("layer_move(-1)", "up", "layer", "the layer above", "inside", rank=4),
    Key("layer_move(1)", "down", "layer", "the layer below", "inside", rank=4),
    Key("layer_move(-10)", "pageup", "", "ten layers up", "inside"),
    Key("layer_move(10)", "pagedown", "", "ten layers down", "inside"),
    Key("weight_pictures", "p", "pictures", "the first weights as pictures, or everything", "inside", rank=2),
    Key("units_page(-1)", "left", "units", "the pictures of the units before", "inside", rank=3),
    Key("units_page(1)", "right", "units", "the pictures of the units after", "inside", rank=3),
    Key("open_run", "enter", "open", "open the run in the dashboard", "runs", rank=0),
    Key("mark_run", "space", "mark", "mark or unmark the run, to compare it with others", "runs", rank=1),
    Key(
        "compare_marked", "c", "compare", "lay the curves of two to eight marked runs over one another", "runs", rank=1
    ),
    Key(
        "resume_run",
        "r",
        "resume",
        "go on with a run that ended, from its last checkpoint",
        "runs",
        rank=2,
        steers=True,
    ),
    Key("duplicate_run", "d", "duplicate", "fill the form with the run's settings", "runs", rank=3, steers=True),
    Key("rename_run", "R", "rename", "give the run another name", "runs", rank=4, steers=True),
    Key("delete_run", "x,delete", "delete", "delete the run and all it holds", "runs", rank=3, steers=True),
    Key("leave_runs", "escape,q", "back", "back to the dashboard", "runs", rank=0),
    Key("show_keys", "question_mark,f1", "help", "all keys", "runs", rank=4),
    Key(
        "compare_figure",
        "y",
        "figure",
        "the next figure: validation loss, accuracy or RMSE, training loss",
        "compare",
        rank=1,
    ),
    Key("compare_log", "l", "log", "logarithmic or linear scale", "compare", rank=2),
    Key("leave_compare", "escape,q", "back", "back to the runs", "compare", rank=0),
    Key("show_keys", "question_mark,f1", "help", "all keys", "compare", rank=4),
    Key("other_part", "tab", "columns", "from what was found to the columns, and back", "check", rank=2),
    Key(
        "column_kind", "e", "kind", "say what the column is: number, category, text, ... (also enter)", "check", rank=1
    ),
    Key("check_again", "r", "check again", "check what the form says now", "check", rank=2),
    Key("leave_check", "escape,q", "back", "end the check; back to the dashboard", "check", rank=0),
    Key("show_keys", "question_mark,f1", "help", "all keys", "check", rank=4),
    Key("take_found", "enter", "take", "take what was found into the form", "finder", rank=0),
    Key("find_lr", "r", "learning rate", "find a learning rate: a range test of some steps", "finder", rank=2),
    Key("find_batch", "b", "batch size", "find a batch size: samples a second of each", "finder", rank=2),
    Key("leave_finder", "escape,q", "back", "end what is measuring; back to the dashboard", "finder", rank=1),
    Key("show_keys", "question_mark,f1", "help", "all keys", "finder", rank=4),
)


def of_room(room: str) -> list[Key]:
    """The keys of a panel, or those that work everywhere ("")."""
    return [key for key in KEYS if key.room == room]


def table_rows() -> list[tuple[str, str, str]]:
    """(where, keys, what) for the help and the README; keys that say the same stand together."""
    rows: dict[tuple[str, str], list[str]] = {}
    for key in KEYS:
        rows.setdefault((key.room, key.sentence), []).append(key.shown)
    return [
        (room or "everywhere", " ".join(dict.fromkeys(shown)), sentence) for (room, sentence), shown in rows.items()
    ]
