"""What an exported file says of itself: strings by name, those of more than a word as JSON."""

from __future__ import annotations

import json
from typing import Any

from tui_trainer.engine.data.arrays import ArrayEncoding
from tui_trainer.engine.data.encodings import pictures_of
from tui_trainer.engine.export.answering import Restored
from tui_trainer.knobs import KNOBS

MOST_NUMBERS = 20_000  # of the encoding that go into the file


def facts_of(restored: Restored, run: str) -> dict[str, str]:
    """The run, the outputs' names and meaning, how inputs lie, how they were made, and the architecture."""
    facts, checkpoint = restored.facts, restored.checkpoint
    names = facts.target_names if facts.task == "values" else facts.class_names
    layout = {
        "features": restored.features,
        "dtype": str(restored.dtype).removeprefix("torch."),
        "what": in_words(restored),
    }
    return {
        "producer": "tui-trainer",
        "run": run,
        "weights": f"{checkpoint.kind}, of epoch {checkpoint.facts['epochs_done']}",
        "task": facts.task,
        "output": _output_in_words(restored),
        "output_names": json.dumps(list(names)),
        "input": json.dumps(layout),
        "preprocessing": json.dumps(_preprocessing(restored)),
        "architecture": json.dumps(_architecture(restored)),
    }


def in_words(restored: Restored) -> str:
    """How a sample becomes its row of raw inputs."""
    pictures = pictures_of(restored.encoding)
    if pictures:
        turned = ", column by column" if pictures.is_transposed else ", row by row from the top"
        size = f"{pictures.channels} x {pictures.height} x {pictures.width}"
        return f"pixels of pictures {size}{turned}, 0 is black, {pictures.full_scale:g} is white"
    if isinstance(restored.encoding, ArrayEncoding):
        less = ", less preprocessing.numbers.offset" if restored.encoding.offset is not None else ""
        return f"the numbers of a sample as its file has them{less}"
    if restored.facts.encoding == "table":
        return "the encoded columns of a row: `preprocessing` says how each is made, and at which places it stands"
    return "features of a recording, made as `preprocessing` says"


def _output_in_words(restored: Restored) -> str:
    match restored.facts.task:
        case "classes":
            return "the probability of each class"
        case "labels":
            return "the probability of each label"
    return "values in original units"


def _preprocessing(restored: Restored) -> dict[str, Any]:
    """The encoding's own facts and numbers, and the places of a table's columns."""
    from tui_trainer.engine.data.table.encoding import TableEncoding

    saved, prefix = restored.saved, "encoding."
    said: dict[str, Any] = {"kind": restored.facts.encoding, **saved.facts["facts"]}
    numbers = {name.removeprefix(prefix): tensor for name, tensor in saved.tensors.items() if name.startswith(prefix)}
    if sum(tensor.numel() for tensor in numbers.values()) <= MOST_NUMBERS:
        said["numbers"] = {name: tensor.tolist() for name, tensor in numbers.items()}
    else:
        said["numbers"] = "too many; they are in the run's checkpoint, preprocessing.safetensors"
    if isinstance(restored.encoding, TableEncoding):
        said["places"] = [list(place) for place in restored.encoding.places]
    return said


def _architecture(restored: Restored) -> dict[str, Any]:
    config, facts = restored.checkpoint.facts["config"], restored.checkpoint.facts
    net = {name: config.get(name, knob.default) for name, knob in KNOBS.items() if knob.section == "model"}
    net = {name: value for name, value in net.items() if not name.startswith("init")}
    return {
        "inputs": facts["inputs"],
        "outputs": facts["outputs"],
        "embedded": restored.facts.embedded,
        "is_binary": restored.facts.is_binary,
        **net,
    }
