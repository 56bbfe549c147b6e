"""A run as one readable PyTorch program that repeats it: same data, weights, order, masks and formulas.

A file per concern, each giving the program's lines for it and nothing for what the run did not use. The step's formulas
are those of autograd and torch.optim to the last bit wherever `engine/` allows it, so that the losses stay the same.
"""

from tui_trainer.engine.export.program.story import Story, story_of
from tui_trainer.engine.export.program.whole import program_of

__all__ = ["Story", "program_of", "story_of"]
