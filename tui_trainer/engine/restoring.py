"""A net that can answer, from a checkpoint alone. Nothing in it is believed: it may have been written by anybody.

JSON and safetensors execute nothing; here every name, size and type is held against the others before memory is taken.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import torch
from pydantic import BaseModel, ConfigDict, ValidationError
from torch import Tensor, nn

from tui_trainer.config import RunConfig
from tui_trainer.data_sets import Task
from tui_trainer.engine.answers import Meaning
from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data import encodings
from tui_trainer.engine.data.dataset import Scaling
from tui_trainer.engine.data.encoding import Encoding, Saved
from tui_trainer.engine.data.preprocessing import FORMAT, TARGET_SHIFT, TARGET_SPREAD
from tui_trainer.engine.model import build_model
from tui_trainer.errors import DamagedCheckpointError, InputError
from tui_trainer.knobs import KNOBS, build

MOST_UNITS = 2**31  # of a layer: far beyond any memory, within what a shape may be
NOT_AS_WRITTEN = (ArithmeticError, AssertionError, AttributeError, LookupError, RuntimeError, TypeError, ValueError)


class Facts(BaseModel):
    """preprocessing.json, but for the encoding's own facts."""

    model_config = ConfigDict(frozen=True)

    encoding: str
    task: Task
    is_binary: bool
    class_names: tuple[str, ...]
    target_names: tuple[str, ...]
    embedded: tuple[tuple[int, int], ...]
    is_validated: bool = False


@dataclass(frozen=True)
class Shape:
    """As `model.Shaped`."""

    inputs: int
    outputs: int
    scaling: Scaling
    embedded: tuple[tuple[int, int], ...]


def preprocessing_in(checkpoint: Checkpoint) -> tuple[Saved, Facts]:
    """What was kept beside the weights. Raises InputError for a checkpoint without it, DamagedCheckpointError."""
    saved = checkpoint.preprocessing
    if saved is None:
        raise InputError(
            "the run's checkpoint does not say how its inputs were made: an earlier version of tui-trainer has written "
            "it; train the run again to predict with it"
        )
    if saved.facts.get("format") != FORMAT:
        raise InputError(
            f"the run's checkpoint has preprocessing of format {str(saved.facts.get('format'))[:20]}, and this version "
            f"reads {FORMAT}; use the version of tui-trainer that trained it"
        )
    try:
        return saved, Facts.model_validate(saved.facts)
    except ValidationError as error:
        where = ".".join(map(str, error.errors(include_url=False, include_input=False)[0]["loc"]))[:60]
        raise damaged(checkpoint, "preprocessing.json", f"{where} is not as it was written") from None


def restored_encoding(checkpoint: Checkpoint, saved: Saved, reading: Mapping[str, str]) -> Encoding:
    """`reading` takes the place of what the checkpoint says of a table's layout. Raises InputError where the run was
    trained on no table, DamagedCheckpointError.
    """
    try:
        if reading and saved.facts["encoding"] != "table":
            raise InputError(f"--{next(iter(reading))} is for tables, and this run was trained on something else")
        if reading:
            facts = saved.facts["facts"]
            facts = {**facts, "settings": {**facts["settings"], **reading}}
            saved = Saved({**saved.facts, "facts": facts}, saved.tensors)
        return encodings.restored(saved)
    except InputError:
        raise
    except NOT_AS_WRITTEN:
        raise damaged(checkpoint, "preprocessing.json", "the encoding is not as it was written") from None


def restored_net(checkpoint: Checkpoint, facts: Facts) -> nn.Sequential:
    """On the host, in evaluation mode. Raises DamagedCheckpointError where the weights are not this net's."""
    weights = checkpoint.weights
    try:
        config = _config(checkpoint).model
        shape = _shape(checkpoint, facts)
        with torch.device("meta"):  # sizes alone
            outline = build_model(config, shape)
    except NOT_AS_WRITTEN:
        raise damaged(checkpoint, "checkpoint.json", "the net it describes cannot be built") from None
    wanted = _sizes(outline.state_dict())
    there = _sizes(weights)
    if odd := next((name for name in {**wanted, **there} if wanted.get(name) != there.get(name)), None):
        sizes = [_size_text(found.get(odd)) for found in (there, wanted)]
        sentence = f"{odd[:60]} is {sizes[0]}, but the net of checkpoint.json has {sizes[1]}"
        raise damaged(checkpoint, "model.safetensors", sentence)
    net = build_model(config, shape)
    net.load_state_dict(weights)
    return net.eval().requires_grad_(requires_grad=False)


def restored_meaning(checkpoint: Checkpoint, saved: Saved, facts: Facts) -> Meaning:
    """Of the outputs. Raises DamagedCheckpointError where there are more or fewer names than outputs."""
    outputs = checkpoint.facts["outputs"]
    names = facts.target_names if facts.task == "values" else facts.class_names
    expected = 2 if facts.is_binary else outputs
    if (facts.task != "values" and len(names) != expected) or (facts.is_binary and outputs != 1):
        raise damaged(checkpoint, "preprocessing.json", f"it names {len(names)} classes for {outputs} outputs")
    shift, spread = saved.tensors.get(TARGET_SHIFT), saved.tensors.get(TARGET_SPREAD)
    for tensor in (shift, spread):
        if tensor is None or tensor.dim() != 1 or len(tensor) not in (1, outputs) or not tensor.is_floating_point():
            raise damaged(checkpoint, "preprocessing.safetensors", "the targets' scale is not as it was written")
    loss = _config(checkpoint).loss.name
    return Meaning(facts.task, names, outputs, facts.is_binary, loss == "mse", shift, spread)


def damaged(checkpoint: Checkpoint, file: str, sentence: str) -> DamagedCheckpointError:
    """`checkpoints/best/model.safetensors: ...`."""
    return DamagedCheckpointError(f"checkpoints/{checkpoint.folder or checkpoint.kind}/{file}: damaged: {sentence}")


def _config(checkpoint: Checkpoint) -> RunConfig:
    """The net's settings and the loss. Not those of the data, which need not be there any more."""
    values: dict[str, Any] = checkpoint.facts["config"]
    try:
        kept = {name: value for name, value in values.items() if name in KNOBS and KNOBS[name].section == "model"}
        loss = values.get("loss", "auto")
        return build({**kept, "loss": loss} if loss in KNOBS["loss"].choices else kept)
    except (InputError, *NOT_AS_WRITTEN):
        raise damaged(checkpoint, "checkpoint.json", "the net it describes cannot be built") from None


def _shape(checkpoint: Checkpoint, facts: Facts) -> Shape:
    """Raises ValueError for sizes that are none."""
    inputs, outputs = checkpoint.facts["inputs"], checkpoint.facts["outputs"]
    sizes = [inputs, outputs, *(size for pair in facts.embedded for size in pair)]
    if not all(type(size) is int and 0 < size < MOST_UNITS for size in sizes) or len(facts.embedded) > inputs:
        raise ValueError
    shift, spread = checkpoint.weights["scale.shift"], checkpoint.weights["scale.spread"]
    lengths = (inputs,) if facts.embedded else (1, inputs)
    for tensor in (shift, spread):
        if tensor.dim() != 1 or tensor.dtype != torch.float32 or len(tensor) not in lengths:
            raise ValueError
    return Shape(inputs, outputs, Scaling(shift, spread), facts.embedded)


Size = tuple[tuple[int, ...], torch.dtype]


def _sizes(tensors: dict[str, Tensor]) -> dict[str, Size]:
    return {name: (tuple(tensor.shape), tensor.dtype) for name, tensor in tensors.items()}


def _size_text(size: Size | None) -> str:
    return "absent" if size is None else f"{' x '.join(map(str, size[0])) or 'a number'} of {str(size[1])[6:]}"
