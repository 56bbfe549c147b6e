"""The program's optimizer, and what of the run's update torch.optim does otherwise, as lines of the loop."""

from __future__ import annotations

from tui_trainer.engine.export.program.layout import flat_lines, is_flat
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented
from tui_trainer.engine.optim import is_decoupled
from tui_trainer.per_layer import by_layer

LINEAR = "[layer.weight for layer in net if isinstance(layer, nn.Linear)]"


def optimizer_lines(story: Story) -> list[str]:
    """`optimizer`, and the lists of weights that a penalty is about."""
    config, rules = story.config.optimizer, story.config.regularization
    lines = ["# Optimizer"]
    if rules.l1 or any(_limits(story)):
        lines.append(f"matrices = {LINEAR}")
    if _decays_by_hand(story):
        every = "list(net.parameters())"
        some = "[weight for weight in net.parameters() if weight.ndim > 1]  # no biases, no normalisation"
        lines.append(f"decaying = {every if config.decay_biases else some}")
    return [*lines, *flat_lines(story), f"optimizer = {_made(story)}"]


def _made(story: Story) -> str:
    config = story.config.optimizer
    words = [f"lr={config.lr}"]
    if config.name in ("adam", "adamw"):
        words += [f"betas=({config.beta1}, {config.beta2})"] if (config.beta1, config.beta2) != (0.9, 0.999) else []
    if config.name == "rmsprop":
        words += [f"alpha={config.rho}"] if config.rho != 0.99 else []
    if config.name != "sgd" and config.eps != 1e-8:
        words.append(f"eps={config.eps}")
    has_momentum = config.momentum or config.final_momentum or story.changes_of("momentum", "final_momentum")
    if config.name in ("sgd", "rmsprop") and has_momentum:
        words.append(f"momentum={config.momentum}")
    if config.nesterov:
        words.append("nesterov=True")
    if config.name == "adamw":
        words.append(f"weight_decay={0.0 if _decays_by_hand(story) else config.weight_decay}")
    if config.name != "rmsprop":
        words.append("fused=True")
    name = {"sgd": "SGD", "adam": "Adam", "adamw": "AdamW", "rmsprop": "RMSprop"}[config.name]
    weights = "[flat]" if is_flat(story) else "net.parameters()"
    return f"torch.optim.{name}({weights}, {', '.join(words)})"


def decays(story: Story) -> bool:
    """Whether weights decay, at the start or after a change."""
    return story.config.optimizer.weight_decay > 0 or story.changes_of("weight_decay")


def _decays_by_hand(story: Story) -> bool:
    """torch's fused coupled decay rounds otherwise than the run's; AdamW's is the same."""
    config = story.config.optimizer
    return decays(story) and not (config.name == "adamw" and config.decay_biases)


def has_momentum_ramp(story: Story) -> bool:
    """Whether the momentum moves by itself."""
    return story.config.optimizer.momentum_epochs > 0


def _limits(story: Story) -> tuple[float, ...]:
    return by_layer(story.config.regularization.max_norm, len(story.config.model.hidden) + 1)


def has_schedule(story: Story) -> bool:
    """Whether the learning rate moves by itself."""
    return story.config.schedule.name != "constant" or story.config.schedule.warmup > 0


def before_step(story: Story) -> list[str]:
    """Between the backward pass and the optimizer's step: penalties, clipping, decay, the learning rate."""
    rules, config, lines = story.config.regularization, story.config.optimizer, []
    if rules.l1:
        lines += ["for weight in matrices:", f"    weight.grad += {rules.l1} * weight.detach().sign()"]
    if config.clip_norm or story.changes_of("clip_norm"):
        clip = [f"nn.utils.clip_grad_norm_(net.parameters(), {live(story, 'clip_norm')})"]
        lines += [f"if {live(story, 'clip_norm')}:", *indented(clip)] if story.changes_of("clip_norm") else clip
    if _decays_by_hand(story):
        decay, lr = live(story, "weight_decay"), lr_now(story)
        if is_decoupled(config):
            lines += ["with torch.no_grad():", "    for weight in decaying:", f"        weight *= 1 - {lr} * {decay}"]
        else:
            lines += ["for weight in decaying:", f"    weight.grad += {decay} * weight.detach()"]
    groups = [f"lr={lr_now(story)}"] if has_schedule(story) or story.changes_of("lr") else []
    if has_momentum_ramp(story):
        groups.append("momentum=momentum_at(epoch - 1)")
    elif story.changes_of("momentum"):
        groups.append(f"momentum={live(story, 'momentum')}")
    if story.changes_of("weight_decay") and not _decays_by_hand(story):
        groups.append(f"weight_decay={live(story, 'weight_decay')}")
    return [*lines, *([f"optimizer.param_groups[0].update({', '.join(groups)})"] if groups else [])]


def after_step(story: Story) -> list[str]:
    """What limits the weights."""
    limits = _limits(story)
    if not any(limits):
        return []
    one, each = limits[0], len(set(limits)) > 1
    shown = ", ".join(str(limit) if limit else "math.inf" for limit in limits)
    head = f"for weight, limit in zip(matrices, ({shown}), strict=True):" if each else "for weight in matrices:"
    return [
        "with torch.no_grad():",
        f"    {head}",
        "        norms = weight.square().sum(1, keepdim=True).sqrt()  # of each unit's incoming weights",
        f"        weight *= ({'limit' if each else one} / (norms + 1e-7)).clamp(max=1.0)",
    ]


def lr_now(story: Story) -> str:
    """The learning rate of the running step, as an expression."""
    return "lr" if has_schedule(story) else live(story, "lr")


def live(story: Story, name: str) -> str:
    """A live hyperparameter: its number, or where the changes keep it."""
    section = {"dropout": "model", "input_dropout": "model", "epochs": "training", "batch_size": "training"}
    if story.changes_of(name):
        return f'live["{name}"]'
    return repr(getattr(getattr(story.config, section.get(name, "optimizer")), name))
