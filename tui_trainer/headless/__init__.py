"""--no-ui: a run's events as progress on a terminal, plain lines in a pipe, or JSON lines; and the tables."""

from tui_trainer.headless.bench import show_bench
from tui_trainer.headless.check import show_check
from tui_trainer.headless.export import show_export
from tui_trainer.headless.finders import show_finder
from tui_trainer.headless.follow import follow
from tui_trainer.headless.predict import show_predict
from tui_trainer.headless.preview import show_preview
from tui_trainer.headless.tables import show_devices, show_recipes, show_runs
from tui_trainer.headless.ui_bench import show_ui_bench

__all__ = [
    "follow",
    "show_bench",
    "show_check",
    "show_devices",
    "show_export",
    "show_finder",
    "show_predict",
    "show_preview",
    "show_recipes",
    "show_runs",
    "show_ui_bench",
]
