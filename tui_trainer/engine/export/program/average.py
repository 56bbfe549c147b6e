"""The program's moving average of the weights, by the formula of `engine/average.py`."""

from __future__ import annotations

from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented


def has_average(story: Story) -> bool:
    """Whether the net that answers is one of averaged weights."""
    return story.config.training.ema > 0


def answering(story: Story) -> str:
    """The net that is evaluated and kept as best."""
    return "average" if has_average(story) else "net"


def average_lines(story: Story) -> list[list[str]]:
    """`average` and `decay_after(steps)`."""
    if not has_average(story):
        return []
    training, steps = story.config.training, "steps = torch.tensor(float(steps))"
    longest = f"(steps > 0) * {training.ema}"
    body = [
        '"""Share of itself that the average keeps, after so many steps."""',
        steps,
        f"return torch.minimum({longest}, (1 + steps) / (10 + steps))" if training.ema_warmup else f"return {longest}",
    ]
    return [
        ["average = copy.deepcopy(net).eval()  # of the weights over the steps: what is evaluated and tested"],
        ["", "def decay_after(steps):", *indented(body), ""],
    ]


def average_step(story: Story) -> list[str]:
    """After the optimizer's step."""
    if not has_average(story):
        return []
    return [
        "with torch.no_grad():",
        "    for mean, weight in zip(average.parameters(), net.parameters(), strict=True):",
        "        mean.lerp_(weight, 1 - decay_after(step))",
        "step += 1",
    ]


def before_evaluation(story: Story) -> list[str]:
    """The running figures of a normalisation are not averaged twice."""
    if not has_average(story) or story.config.model.normalization != "batch":
        return []
    return ["for running, own in zip(average.buffers(), net.buffers(), strict=True):", "    running.copy_(own)"]
