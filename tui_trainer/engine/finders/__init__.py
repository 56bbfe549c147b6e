"""A learning rate and a batch size, found by real training steps whose weights are thrown away afterwards."""

from tui_trainer.engine.finders.batch_rates import batch_rates
from tui_trainer.engine.finders.range_test import range_test

__all__ = ["batch_rates", "range_test"]
