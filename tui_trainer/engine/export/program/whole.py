"""The program from its first line to its last, its imports being what the rest turned out to need."""

from __future__ import annotations

from tui_trainer.engine.export.program.augmentation import augmentation_lines
from tui_trainer.engine.export.program.average import average_lines
from tui_trainer.engine.export.program.data import data_lines
from tui_trainer.engine.export.program.layout import layout_lines
from tui_trainer.engine.export.program.loop import loop_lines, order_lines, test_lines
from tui_trainer.engine.export.program.loss import evaluate_lines, loss_lines
from tui_trainer.engine.export.program.mixup import mixup_lines
from tui_trainer.engine.export.program.net import classes_of, net_lines
from tui_trainer.engine.export.program.optimizer import optimizer_lines
from tui_trainer.engine.export.program.schedule import schedule_lines
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import literal, safe


def program_of(story: Story, beside: str = "", *, has_rows: bool = False) -> str:
    """Python, complete. `beside` is the file that its data lie in; `has_rows`: there are torchvision's rows in it."""
    averages = average_lines(story)
    parts = [
        _settings(story),
        data_lines(story, beside, has_rows=has_rows),
        *_apart(augmentation_lines(story)),
        *_apart(classes_of(story)),
        [*net_lines(story), *layout_lines(story)],
        loss_lines(story),
        *_apart(mixup_lines(story)),
        [*optimizer_lines(story), *(averages[0] if averages else [])],
        *averages[1:],
        *_apart([*schedule_lines(story), order_lines(story), evaluate_lines(story)]),
        loop_lines(story),
        test_lines(story),
    ]
    body = _joined(parts)
    return "\n".join([_head(story, beside), "", *_imports(body), "", body, ""])


def _apart(blocks: list[list[str]]) -> list[list[str]]:
    """Functions and classes, which two blank lines set off."""
    return [["", *block, ""] for block in blocks]


def _joined(parts: list[list[str]]) -> str:
    lines: list[str] = []
    for part in parts:
        lines += [*part, ""]
    clean: list[str] = []
    for line in lines:  # two blank lines at most
        if line or clean[-2:] != ["", ""]:
            clean.append(line)
    return "\n".join(clean).strip("\n")


def _head(story: Story, beside: str) -> str:
    sizes = "-".join(map(str, (story.data.inputs, *story.config.model.hidden, story.data.outputs)))
    needs = "torch and torchvision" if story.is_of_torchvision else "torch"
    near = ", and the file of its data beside it" if beside else ""
    head = f'"""{safe(story.name)}: {safe(story.data.name)}, {sizes}. Repeats the run; needs {needs}{near}.'
    return f'{head}\n\n{story.halt.sentence}.\n"""' if story.halt else f'{head}"""'


def _imports(body: str) -> list[str]:
    own = [name for name in ("copy", "hashlib", "math") if f"{name}." in body]
    standard = [f"import {name}" for name in own] + (["from pathlib import Path"] if "Path(" in body else [])
    others = ["import torch"] + (["import torchvision"] if "torchvision." in body else []) + ["from torch import nn"]
    if "F." in body:
        others.append("from torch.nn import functional as F")
    return [*standard, *([""] if standard else []), *others]


def _settings(story: Story) -> list[str]:
    lines = []
    if story.device == "cpu":
        lines.append(f"torch.set_num_threads({story.threads})  # others add up in another order: other last bits")
    else:
        lines.append(f"device = torch.device({literal(story.device)})")
    if story.config.hardware.precision == "tf32":
        lines.append("torch.backends.cuda.matmul.allow_tf32 = True")
    if story.config.hardware.deterministic:
        lines.append("torch.use_deterministic_algorithms(True)")
    return [*lines, f"torch.manual_seed({story.config.training.seed})"]
