"""`tui-trainer bench`: how fast this trainer is here, beside what people would use instead and the machine's limit."""

from tui_trainer.engine.bench.measure import measure

__all__ = ["measure"]
