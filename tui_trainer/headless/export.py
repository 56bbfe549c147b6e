"""`export`: what was written, how large it is, and how it is used."""

from __future__ import annotations

import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING

from tui_trainer.errors import StorageError, printable
from tui_trainer.signals import Ended, raised, told_of
from tui_trainer.sizes import size_text

if TYPE_CHECKING:
    from tui_trainer.engine.export.exporting import Exported

FAILED = 1


def show_export(steps: Iterable[Exported]) -> int:
    """Say each as it comes; returns the exit code, also of a signal."""
    left = "nothing was written"
    try:
        with raised():
            for step in steps:
                if step.path:
                    left = f"{printable(str(step.path))} was written"
                _say(step)
    except (Ended, KeyboardInterrupt) as end:
        name, code = told_of(end)
        print(f"tui-trainer: the export was ended by {name}; {left}", file=sys.stderr)
        return code
    except StorageError as error:
        print(f"tui-trainer: {printable(str(error))}; {left}", file=sys.stderr)
        return FAILED
    return 0


def _say(step: Exported) -> None:
    if step.sentence:
        print(printable(step.sentence), flush=True)
    if step.path:
        print(f"{printable(str(step.path))}  {size_text(step.size)}", flush=True)
    if step.use:
        print("", *(f"    {printable(line)}" for line in step.use.split("\n")), sep="\n")
