"""Data sources -> tensors; one file per kind of source."""

from tui_trainer.engine.data.dataset import DataSet, Samples
from tui_trainer.engine.data.prepare import load

__all__ = ["DataSet", "Samples", "load"]
