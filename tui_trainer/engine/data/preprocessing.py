"""What a checkpoint keeps beside the weights, so that a prediction needs the run's folder and nothing else."""

from __future__ import annotations

from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.data.encoding import Saved

FORMAT = 1
TARGET_SHIFT, TARGET_SPREAD = "target.shift", "target.spread"


def preprocessing_of(data: DataSet) -> Saved | None:
    """The encoding of the inputs and the meaning of the outputs; None for a data set that has no encoding."""
    if data.encoding is None:
        return None
    saved = data.encoding.saved()
    facts = {
        "format": FORMAT,
        "encoding": data.encoding.kind,
        "task": data.task,
        "is_binary": data.is_binary,
        "class_names": list(data.class_names),
        "target_names": list(data.target_names),
        "embedded": [list(pair) for pair in data.embedded],
        "is_validated": data.validation is not None,  # otherwise the best epoch is the test split's choice
        "facts": saved.facts,
    }
    scaling = {TARGET_SHIFT: data.scaling.target_shift, TARGET_SPREAD: data.scaling.target_spread}
    return Saved(facts, {**{f"encoding.{name}": tensor for name, tensor in saved.tensors.items()}, **scaling})
