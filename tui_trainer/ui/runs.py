"""All runs of the folder (placeholder until written)."""

from pathlib import Path

from textual.screen import Screen

from tui_trainer.run_dir import RunDir


class RunsScreen(Screen[tuple[str, RunDir] | None]):
    """x"""

    def __init__(self, runs_dir: Path, *, is_readonly: bool) -> None:
        super().__init__()
