"""A run as a process does it: run folder + engine. Every event is written to the folder, then handed on.

`start` and `resume` train in the process that calls them (`--no-ui`); `python -m tui_trainer.worker RUN_DIR` is what
`launch.py` starts in a session of its own. A run of several processes has an `agent` above them, and each takes part.
"""

from tui_trainer.worker.check import check, check_splits
from tui_trainer.worker.finding import find_batch_size, find_lr
from tui_trainer.worker.part import Part, take_part
from tui_trainer.worker.training_process import begin, go_on, prepare, resume, resume_named, start

__all__ = [
    "Part",
    "begin",
    "check",
    "check_splits",
    "find_batch_size",
    "find_lr",
    "go_on",
    "prepare",
    "resume",
    "resume_named",
    "start",
    "take_part",
]
