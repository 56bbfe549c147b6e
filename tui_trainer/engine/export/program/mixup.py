"""The program's mixtures of samples, by the formulas and the draws of `engine/mixup.py`."""

from __future__ import annotations

from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented


def has_mixup(story: Story) -> bool:
    """Whether the net is trained on mixtures."""
    return story.config.regularization.mixup > 0


def mixup_lines(story: Story) -> list[list[str]]:
    """`mixed(inputs, targets)`."""
    if not has_mixup(story):
        return []
    strength = story.config.regularization.mixup
    at = story.placed
    body = ['"""Mixtures of two samples each, and of their targets (Zhang, Cisse, Dauphin & Lopez-Paz 2018)."""']
    body += ["one, other = gammas.sample()"]
    body += [f"share = (one / (one + other)).float()  # from Beta({strength}, {strength})"]
    body += [f"partners = torch.rand(len(inputs){at}).argsort()"]
    body += ["inputs = torch.lerp(inputs[partners].float(), inputs.float(), share)"]
    if story.data.task == "classes":
        body += ["targets = targets.float()" if story.data.is_binary else f"targets = {_rows(story)}[targets]"]
    body += ["return inputs, torch.lerp(targets[partners], targets, share)"]
    shapes = f"torch.full((2,), {strength}, dtype=torch.float64{at})"
    lines = ["# Mixup", f"gammas = torch.distributions.Gamma({shapes}, 1.0)", *_wanted(story)]
    return [lines, ["def mixed(inputs, targets):", *indented(body)]]


def loss_of_mixtures(story: Story, outputs: str) -> str:
    """The training loss, as an expression of `targets` that are mixed."""
    rules = story.config.loss
    if story.loss == "cross_entropy" and (rules.label_smoothing or rules.class_weights != "none"):
        return f"F.cross_entropy({outputs}, targets)"
    if story.loss == "mse" and story.data.task == "classes":
        return f"F.mse_loss({outputs}, targets)"
    return f"loss_function({outputs}, targets)"


def _wanted(story: Story) -> list[str]:
    """Of classes their rows: 1 at the class, or smoothed and weighted as the loss has them."""
    if story.data.task != "classes" or story.data.is_binary:
        return []
    if story.config.loss.label_smoothing:
        return []  # the loss has them
    at = story.placed
    weighted = " * class_weights[:, None]" if story.config.loss.class_weights != "none" else ""
    return [f"{_rows(story)} = torch.eye({story.data.outputs}{at}){weighted}"]


def _rows(story: Story) -> str:
    """The table of them."""
    return "smoothed" if story.config.loss.label_smoothing else "wanted"
