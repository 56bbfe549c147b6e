"""First aid: what looks wrong with a training, why, and what may help. Rules that are told events; no torch.

Each rule is a small object that can be tested alone, and replayed over the events of any run. They are conservative:
on a healthy run, overfitting mildly as most do, none of them says anything.
"""

from tui_trainer.first_aid.case import Case
from tui_trainer.first_aid.watch import FirstAid

__all__ = ["Case", "FirstAid"]
