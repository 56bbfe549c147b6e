"""A run as a process does it: run folder + engine. Every event is written to the folder, then handed on.

`start` and `resume` train in the process that calls them (`--no-ui`); `python -m tui_trainer.worker RUN_DIR` is what
`launch.py` starts in a session of its own.
"""

from tui_trainer.worker.training_process import begin, prepare, resume, start

__all__ = ["begin", "prepare", "resume", "start"]
