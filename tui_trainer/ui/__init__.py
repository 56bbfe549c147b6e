"""The dashboard. Knows Textual and no torch: training is another process, which outlives this one."""

from tui_trainer.ui.open import open_dashboard

__all__ = ["open_dashboard"]
