"""The program's learning-rate schedule, by the formulas of `engine/schedule.py`."""

from __future__ import annotations

from tui_trainer.engine.export.program.optimizer import has_momentum_ramp, has_schedule, live
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented

COSINE = "{end} + ({start} - {end}) * (1 + math.cos(math.pi * {share})) / 2"


def schedule_lines(story: Story) -> list[list[str]]:
    """`lr_factor(epochs_done, epochs)` and `momentum_at(epochs_done)`, where they are needed."""
    blocks = [_lr_factor(story)] if has_schedule(story) else []
    if has_momentum_ramp(story):
        optimizer, start, end = story.config.optimizer, live(story, "momentum"), live(story, "final_momentum")
        body = [
            f'"""The momentum of the epoch after so many: on a line of {optimizer.momentum_epochs} epochs."""',
            f"share = min(1.0, epochs_done / {optimizer.momentum_epochs})",
            f"return {start} * (1 - share) + {end} * share",
        ]
        blocks.append(["def momentum_at(epochs_done):", *indented(body)])
    return blocks


def _lr_factor(story: Story) -> list[str]:
    schedule = story.config.schedule
    body = ['"""What the learning rate is multiplied by, after so many epochs and parts of one."""', *_formula(story)]
    if schedule.warmup:
        body[-1] = f"factor = {body[-1].removeprefix('return ')}"
        body.append(f"return factor * min(1.0, epochs_done / {schedule.warmup})")
    return ["def lr_factor(epochs_done, epochs):", *indented(body)]


def _formula(story: Story) -> list[str]:
    schedule = story.config.schedule
    moved = "math.floor(epochs_done)" if schedule.every == "epoch" else "epochs_done"
    share = f"share = min(1.0, {moved} / {schedule.epochs or 'epochs'})"
    match schedule.name:
        case "step":
            return [f"return {schedule.step_factor} ** (int(epochs_done) // {schedule.step_epochs})"]
        case "exponential":
            return [f"return {schedule.epoch_factor} ** int(epochs_done)"]
        case "linear":
            return [
                share,
                f"return 1 + ({schedule.final_factor} - 1) * share" if schedule.final_factor else "return 1 - share",
            ]
        case "cosine":
            whole = COSINE.format(start=1, end=schedule.final_factor, share="share")
            return [share, f"return {whole}" if schedule.final_factor else "return (1 + math.cos(math.pi * share)) / 2"]
        case "one_cycle":
            peak = schedule.peak_at
            return [
                share,
                f"if share < {peak}:",
                f"    return {COSINE.format(start='1 / 25', end=1, share=f'(share / {peak})')}",
                f"share = (share - {peak}) / (1 - {peak})",
                f"return {COSINE.format(start=1, end='1e-4 / 25', share='share')}",
            ]
    return ["return 1.0"]
