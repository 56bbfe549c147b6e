"""From a run's folder to a file for other programs, written whole or not at all."""

from __future__ import annotations

import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor

from tui_trainer.engine.checkpoint import Checkpoint
from tui_trainer.engine.data.dataset import DataSet
from tui_trainer.engine.data.prepare import read_source
from tui_trainer.engine.data.shares import share_off
from tui_trainer.engine.export import formats
from tui_trainer.engine.export.answering import Restored
from tui_trainer.engine.export.checking import data_of, difference, rows_for
from tui_trainer.engine.export.facts import facts_of, in_words
from tui_trainer.engine.export.program import Story, program_of, story_of
from tui_trainer.engine.export.program.data import tensors_beside
from tui_trainer.engine.export.program.text import quoted
from tui_trainer.engine.predict import chosen
from tui_trainer.errors import InputError
from tui_trainer.export_plan import ExportPlan, data_beside
from tui_trainer.paths import folder
from tui_trainer.run_dir import RunDir, replace_file


@dataclass(frozen=True)
class Exported:
    """What is said on the way: a sentence, or a file that was written, or how it is used."""

    sentence: str = ""
    path: Path | None = None
    size: int = 0
    use: str = ""


def export(run: RunDir, plan: ExportPlan) -> Iterator[Exported]:
    """Write it. Raises InputError and StorageError; then nothing was written."""
    checkpoint, sentences = chosen(run, plan.weights)
    if plan.to == "python":
        yield from _program(run, plan, checkpoint)
        return
    yield from (Exported(sentence) for sentence in sentences)
    restored = Restored(checkpoint)
    facts = facts_of(restored, run.name)
    if plan.to == "safetensors":
        data = formats.as_safetensors(restored, facts)
    else:
        rows = rows_for(run, restored, plan.data_dir)
        if plan.to == "onnx":
            data = formats.as_onnx(restored, facts, rows.inputs)
            yield Exported(difference(restored, rows, formats.answers_of_onnx(data), "onnxruntime"))
        else:
            data = formats.as_torch_export(restored, facts, rows.inputs)
            yield Exported(difference(restored, rows, formats.answers_of_torch_export(data), "The exported program"))
    yield _written(plan.out, data)
    yield Exported(use=_use(plan, restored))


def _use(plan: ExportPlan, restored: Restored) -> str:
    """A few lines of Python."""
    path = quoted(str(plan.out))
    kind = str(restored.dtype).removeprefix("torch.")
    about = f"# inputs: {kind} (n, {restored.features}): {in_words(restored)}\n"
    match plan.to:
        case "safetensors":
            return f"from safetensors.torch import load_file\nweights = load_file({path})"
        case "onnx":
            return (
                f"{about}session = onnxruntime.InferenceSession({path})\n"
                f'({restored.output},) = session.run(None, {{"inputs": inputs}})'
            )
    return f"{about}net = torch.export.load({path}).module()\n{restored.output} = net(inputs)"


def _program(run: RunDir, plan: ExportPlan, checkpoint: Checkpoint) -> Iterator[Exported]:
    data = data_of(run, checkpoint, plan.data_dir)
    story = story_of(run, data, plan.data_dir)
    yield from (Exported(note) for note in story.notes)
    rows = _rows(story, data)
    beside = tensors_beside(story, rows)
    place = data_beside(plan.out)
    text = program_of(story, place.name if beside else "", has_rows=rows is not None)
    compile(text, str(plan.out), "exec")
    if beside:
        room = io.BytesIO()
        torch.save(beside, room)
        yield _written(place, room.getvalue())
    yield _written(plan.out, text.encode())
    yield Exported(use=f"python {plan.out}  # needs {'torch and torchvision' if story.is_of_torchvision else 'torch'}")


def _rows(story: Story, data: DataSet) -> tuple[Tensor, Tensor] | None:
    """Which of torchvision's training samples were trained on and which validated on, where some were kept back."""
    if not story.is_of_torchvision or data.validation is None:
        return None
    config = story.config
    source = read_source(config.data.name, folder(config.data.dir, "--data-dir")).train
    seed, strata = config.training.seed, source.targets.numpy()
    stays, goes = share_off(np.arange(len(source)), config.data.validation, seed, "--validation", strata)
    rows = torch.from_numpy(stays), torch.from_numpy(goes)
    if not torch.equal(source.targets[rows[0]], data.train.targets):
        raise InputError(f"the split of {data.name} cannot be repeated; use another format")
    return rows


def _written(path: Path, data: bytes) -> Exported:
    replace_file(path, lambda file: file.write(data))
    return Exported(path=path, size=len(data))
