"""The net as bytes of each format, and how each is used."""

from __future__ import annotations

import io
import json
import logging
import warnings
from contextlib import redirect_stderr, redirect_stdout
from typing import Any

import torch
from safetensors.torch import save as save_tensors
from torch import Tensor

from tui_trainer.engine.export.answering import Restored
from tui_trainer.errors import InputError

MOST_BYTES = 2**31 - 2**20  # of one protocol buffer
DIMENSIONS = {"inputs": {0: torch.export.Dim("batch")}}


def as_safetensors(restored: Restored, facts: dict[str, str]) -> bytes:
    """The weights by torch's own names."""
    return save_tensors(restored.checkpoint.weights, metadata=facts)


def as_torch_export(restored: Restored, facts: dict[str, str], example: Tensor) -> bytes:
    """torch.export's program, with any number of rows; the facts are its extra file `facts.json`."""
    program = torch.export.export(restored.net, (example[:2],), dynamic_shapes=DIMENSIONS)
    room = io.BytesIO()
    torch.export.save(program, room, extra_files={"facts.json": json.dumps(facts)})
    return room.getvalue()


def answers_of_torch_export(data: bytes) -> Any:
    """What the saved program answers: inputs -> outputs."""
    return torch.export.load(io.BytesIO(data)).module()


def as_onnx(restored: Restored, facts: dict[str, str], example: Tensor) -> bytes:
    """One graph with any number of rows: `inputs` -> `probabilities` or `values`; the facts are its metadata.

    Raises InputError where the packages for it are missing, or the net is larger than such a file may be.
    """
    check_onnx()
    weights = sum(tensor.nbytes for tensor in restored.checkpoint.weights.values())
    if weights > MOST_BYTES:
        raise InputError(
            f"--to onnx: {weights:,} bytes of weights are more than such a file may hold; use torch-export"
        )
    said = io.StringIO()
    with warnings.catch_warnings(), redirect_stdout(said), redirect_stderr(said):
        warnings.simplefilter("ignore")
        logging.getLogger("torch.onnx").setLevel(logging.ERROR)
        program = torch.onnx.export(
            restored.net, (example[:2],), dynamo=True, dynamic_shapes=DIMENSIONS, verbose=False,
            input_names=["inputs"], output_names=[restored.output],
        )  # fmt: skip
    assert program is not None  # noqa: S101
    program.model.metadata_props.update(facts)
    return bytes(program.model_proto.SerializeToString())


def answers_of_onnx(data: bytes) -> Any:
    """What onnxruntime answers: inputs -> outputs."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = 1
    session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
    return lambda rows: torch.from_numpy(session.run(None, {"inputs": rows.numpy()})[0])


def check_onnx() -> None:
    """Raises InputError naming what to install."""
    import importlib.util

    missing = [name for name in ("onnx", "onnxscript", "onnxruntime") if importlib.util.find_spec(name) is None]
    if missing:
        raise InputError(f"--to onnx needs {', '.join(missing)}; install with: pip install 'tui-trainer[onnx]'")
