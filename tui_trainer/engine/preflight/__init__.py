"""The check before training: what the samples are like, and what the run will take. Changes nothing of a session."""

from tui_trainer.engine.preflight.leaks import BRIEF, leaks
from tui_trainer.engine.preflight.probe import disk, expected_seconds, memory, pace
from tui_trainer.engine.preflight.rows import class_counts, described, repeats

__all__ = ["BRIEF", "class_counts", "described", "disk", "expected_seconds", "leaks", "memory", "pace", "repeats"]
