"""Which class reads an encoding back that a checkpoint has kept."""

from __future__ import annotations

import importlib

from tui_trainer.engine.data.encoding import Encoding, Saved

PREFIX = "encoding."
KINDS: dict[str, str] = {}
"""{kind: "module:class"}, imported where it is needed."""


def restored(saved: Saved) -> Encoding:
    """The encoding in a checkpoint's preprocessing (`preprocessing_of`). Raises KeyError for a kind nobody knows."""
    module, _, name = KINDS[saved.facts["encoding"]].partition(":")
    tensors = {key.removeprefix(PREFIX): tensor for key, tensor in saved.tensors.items() if key.startswith(PREFIX)}
    encoding: Encoding = getattr(importlib.import_module(module), name).restored(Saved(saved.facts["facts"], tensors))
    return encoding
