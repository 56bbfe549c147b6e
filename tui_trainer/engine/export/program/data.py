"""The program's data: what torchvision has, or tensors that lie beside the program."""

from __future__ import annotations

import torch
from torch import Tensor

from tui_trainer.engine.data import vision
from tui_trainer.engine.export.program.augmentation import is_augmented
from tui_trainer.engine.export.program.mixup import has_mixup
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented, literal, number

OWN_LABELS = {
    "qmnist": "pictures.targets[:, 0]", "emnist-letters": "pictures.targets - 1",
    "cifar10": "torch.tensor(pictures.targets)", "cifar100": "torch.tensor(pictures.targets)",
    "usps": "torch.tensor(pictures.targets)", "svhn": "torch.from_numpy(pictures.labels)",
}  # fmt: skip
OWN_PIXELS = {
    "cifar10": "torch.from_numpy(pictures.data).permute(0, 3, 1, 2).flatten(1)",
    "cifar100": "torch.from_numpy(pictures.data).permute(0, 3, 1, 2).flatten(1)",
    "usps": "torch.from_numpy(pictures.data).flatten(1)", "svhn": "torch.from_numpy(pictures.data).flatten(1)",
}  # fmt: skip


def tensors_beside(story: Story, rows: tuple[Tensor, Tensor] | None) -> dict[str, Tensor]:
    """What the program loads from the file beside it; nothing where torchvision has it all.

    `rows` are those of torchvision's training samples that were trained on, and validated on.
    """
    data = story.data
    beside: dict[str, Tensor] = {}
    if rows is not None:
        beside |= {"train_rows": rows[0], "validation_rows": rows[1]}
    elif not story.is_of_torchvision:
        parts = {"train": data.train, "validation": data.validation, "test": data.test}
        for name, part in parts.items():
            if part is not None:
                beside |= {f"{name}_inputs": part.inputs, f"{name}_targets": part.targets}
    for name in ("shift", "spread", "target_shift", "target_spread"):
        tensor = getattr(story.data.scaling, name)
        if tensor.numel() > 1:
            beside[name] = tensor
    return {name: tensor.contiguous() for name, tensor in beside.items()}


def data_lines(story: Story, beside: str, *, has_rows: bool) -> list[str]:
    """From nothing to `train_inputs`, `train_targets` and so on. `beside` is the name of the file, "" for none."""
    lines = ["# Data"]
    if beside:
        lines.append(f"data = torch.load(Path(__file__).with_name({literal(beside)}), weights_only=True)")
    if story.is_of_torchvision:
        lines += ["", "", *_torchvision_lines(story), "", ""]
        if has_rows:
            lines.append("inputs, targets = samples(train=True)")
            for part in ("train", "validation"):
                rows = f'data["{part}_rows"]'
                lines.append(f"{part}_inputs, {part}_targets = inputs[{rows}], targets[{rows}]")
        else:
            lines.append("train_inputs, train_targets = samples(train=True)")
        lines.append("test_inputs, test_targets = samples(train=False)")
    else:
        lines += _beside_lines(story)
    if not scales_in_loop(story):
        return lines
    parts = ["test", *(["validation"] if story.data.validation is not None else [])]
    body = ['"""As the net takes them."""', f"return {_scaled(story, 'inputs')}"]
    lines += ["", "", "def scaled(inputs):", *indented(body), "", ""]
    return [*lines, *(f"{part}_inputs = scaled({part}_inputs)" for part in parts)]


def scales_in_loop(story: Story) -> bool:
    """Whether training makes something else of raw inputs first."""
    return (is_augmented(story) or has_mixup(story)) and _scaled(story, "inputs") != "inputs"


def _read(story: Story, raw: str) -> str:
    """A split's inputs, scaled at once where nothing comes before."""
    return raw if scales_in_loop(story) else _scaled(story, raw)


def _torchvision_lines(story: Story) -> list[str]:
    name, folder = story.data.name, literal(story.config.data.dir)
    made = f"torchvision.datasets.{vision.CLASSES[name]}"
    pixels = OWN_PIXELS.get(name, "pictures.data.flatten(1)")
    labels = OWN_LABELS.get(name, "pictures.targets")
    if name == "svhn":
        opened = f'{made}({folder}, split="train" if train else "test", download=True)'
    elif vision.CLASSES[name] == "EMNIST":
        split = literal(vision.SPLIT_OF_EMNIST.get(name, name.removeprefix("emnist-")))
        opened = f"{made}({folder}, split={split}, train=train, download=True)"
    else:
        opened = f"{made}({folder}, train=train, download=True)"
    what = "from 0 to 1" if _is_unit(story) else "as the net takes them"
    what = "as they are stored" if scales_in_loop(story) else what
    return [
        "def samples(train):",
        *indented([
            f'"""Pixels {what}, (n, {story.data.inputs}), and classes, (n,)."""',
            f"pictures = {opened}",
            f"return {_placed(story, _read(story, pixels))}, {_placed(story, labels)}",
        ]),
    ]  # fmt: skip


def _beside_lines(story: Story) -> list[str]:
    data, lines = story.data, []
    parts = ["train", *(["validation"] if data.validation is not None else []), "test"]
    shift, spread = data.scaling.target_shift, data.scaling.target_spread
    for part in parts:
        inputs = _placed(story, _read(story, f'data["{part}_inputs"]'))
        targets = f'data["{part}_targets"]'
        if data.task == "values" and _differs(shift, 0.0):
            targets = f"({targets} - {_bound('target_shift', shift)})"
        if data.task == "values" and _differs(spread, 1.0):
            targets = f"{targets} / {_bound('target_spread', spread)}"
        lines += [f"{part}_inputs = {inputs}", f"{part}_targets = {_placed(story, targets)}"]
    return lines


def _scaled(story: Story, raw: str) -> str:
    """`raw` as the net sees it: a division, as the run has it."""
    shift, spread = story.data.scaling.shift, story.data.scaling.spread
    has_shift, has_spread = _differs(shift, 0.0), _differs(spread, 1.0)
    is_whole = story.data.train.inputs.dtype == torch.uint8
    if has_shift:
        raw = f"{raw} - {_bound('shift', shift)}"
    if has_spread:
        raw = f"({raw}) / {_bound('spread', spread)}" if has_shift else f"{raw} / {_bound('spread', spread)}"
    return raw if has_shift or has_spread else f"{raw}.float()" if is_whole else raw


def _placed(story: Story, expression: str) -> str:
    """On the run's device."""
    if story.device == "cpu":
        return expression
    return f"({expression}).to(device)" if " " in expression else f"{expression}.to(device)"


def _bound(name: str, tensor: Tensor) -> str:
    return number(tensor) if tensor.numel() == 1 else f'data["{name}"]'


def _differs(tensor: Tensor, value: float) -> bool:
    return bool((tensor != value).any())


def _is_unit(story: Story) -> bool:
    scaling = story.data.scaling
    return not _differs(scaling.shift, 0.0) and not _differs(scaling.spread, 255.0)
