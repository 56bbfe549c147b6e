"""What the net looks like inside, measured on some training samples at the end of an epoch."""

from tui_trainer.engine.inside.looks import Inside

__all__ = ["Inside"]
