"""The program's loss and its figures beside it."""

from __future__ import annotations

from tui_trainer.engine.export.program.average import answering, has_average
from tui_trainer.engine.export.program.net import has_modes
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented, number


def loss_lines(story: Story) -> list[str]:
    """`loss_function(outputs, targets)`, the mean over a batch."""
    weights = _class_weights(story)
    match story.loss:
        case "cross_entropy":
            return ["# Loss", *weights, *_cross_entropy(story)]
        case "binary_cross_entropy":
            return ["# Loss", *weights, *_binary_cross_entropy(story)]
        case "mse" if story.data.task == "classes":
            classes = story.data.outputs
            return ["# Loss", *_function([f"return F.mse_loss(outputs, F.one_hot(targets, {classes}).float())"])]
        case "mse":
            return ["# Loss", "loss_function = nn.MSELoss()"]
        case "l1":
            return ["# Loss", "loss_function = nn.L1Loss()"]
    return ["# Loss", f"loss_function = nn.HuberLoss(delta={story.config.loss.huber_delta})"]


def _cross_entropy(story: Story) -> list[str]:
    """Smoothed targets are rows of a table, as `engine/criterion.py` has them: nn.CrossEntropyLoss rounds otherwise."""
    smoothing, classes = story.config.loss.label_smoothing, story.data.outputs
    has_weights = story.config.loss.class_weights != "none"
    if not smoothing and not has_weights:
        return ["loss_function = nn.CrossEntropyLoss()"]
    if not smoothing:
        return _function([
            'losses = F.cross_entropy(outputs, targets, reduction="none")',
            "return (losses * class_weights[targets]).mean()",
        ])  # fmt: skip
    placed = story.placed
    share = f"{smoothing} / {classes}"
    table = f"torch.full(({classes}, {classes}), {share}{placed}).fill_diagonal_(1 - {smoothing} + {share})"
    return [
        f"smoothed = {table}{' * class_weights[:, None]' if has_weights else ''}",
        *_function(["return F.cross_entropy(outputs, smoothed[targets])"]),
    ]


def _binary_cross_entropy(story: Story) -> list[str]:
    has_weights = story.config.loss.class_weights != "none"
    if not story.data.is_binary:
        if not has_weights:
            return ["loss_function = nn.BCEWithLogitsLoss()"]
        return _function([
            "weights = 1 + targets * (label_weights - 1)  # of those that have the label",
            "return F.binary_cross_entropy_with_logits(outputs, targets, weights)",
        ])  # fmt: skip
    weights = ", class_weights[targets]" if has_weights else ""
    return _function([f"return F.binary_cross_entropy_with_logits(outputs[:, 0], targets.float(){weights})"])


def _function(body: list[str]) -> list[str]:
    return ["", "", "def loss_function(outputs, targets):", *indented(body), ""]


def _class_weights(story: Story) -> list[str]:
    """Measured on the training samples, as `data/targets.py` does."""
    if story.config.loss.class_weights == "none":
        return []
    if story.data.task == "labels":
        return [
            "positives = train_targets.sum(0)",
            "is_split = (positives > 0) & (positives < len(train_targets))",
            "label_weights = torch.where(is_split, (len(train_targets) - positives) / positives, 1.0)",
        ]
    classes = len(story.data.class_names)
    return [
        f"counts = torch.bincount(train_targets, minlength={classes}).clamp(min=1).float()",
        f"class_weights = len(train_targets) / ({classes} * counts)",
    ]


def evaluate_lines(story: Story) -> list[str]:
    """`evaluate(inputs, targets)`: the mean loss and the task's figures, without touching the random state."""
    body = ['"""Of a whole split: its mean loss, and ' + FIGURES_IN_WORDS[story.data.task] + '."""']
    switches = has_modes(story) and not has_average(story)
    body += ["net.eval()"] if switches else []
    body.append(f"outputs = {answering(story)}(inputs)")
    body += ["net.train()"] if switches else []
    body += _figures(story)
    return ["@torch.no_grad()", "def evaluate(inputs, targets):", *indented(body)]


FIGURES_IN_WORDS = {
    "classes": "the share of right answers",
    "labels": "the share of samples with all labels right",
    "values": "its errors in original units",
}


def _figures(story: Story) -> list[str]:
    loss = "loss_function(outputs, targets).item()"
    if story.data.task == "classes":
        answers = "(outputs[:, 0] > 0).long()" if story.data.is_binary else "outputs.argmax(1)"
        return [f"accuracy = ({answers} == targets).float().mean().item()", f"return {loss}, accuracy"]
    if story.data.task == "labels":
        return [
            "accuracy = ((outputs > 0) == (targets > 0.5)).all(1).float().mean().item()",
            f"return {loss}, accuracy",
        ]
    spread, has_mae = story.data.scaling.target_spread, story.monitor == "val_mae"
    unit = 'data["target_spread"]' if spread.numel() > 1 else number(spread)
    errors = "outputs - targets" if unit == "1" else f"(outputs - targets) * {unit}"
    return [
        f"errors = {errors}",
        f"return {loss}, errors.square().mean().sqrt().item()" + ", errors.abs().mean().item()" * has_mae,
    ]


def figures_of(story: Story, prefix: str) -> list[str]:
    """The names that take what `evaluate` returns."""
    of_values = ["loss", "rmse", "mae"] if story.monitor == "val_mae" else ["loss", "rmse"]
    names = of_values if story.data.task == "values" else ["loss", "accuracy"]
    return [f"{prefix}_{name}" for name in names]


def shown(story: Story, prefix: str) -> str:
    """The figures inside an f-string."""
    words = {"accuracy": "acc"}
    formats = {"loss": ".6f", "accuracy": ".4f", "rmse": ".6g", "mae": ".6g"}
    names = [name.removeprefix(f"{prefix}_") for name in figures_of(story, prefix)]
    return "  ".join(f"{prefix}_{words.get(name, name)} {{{prefix}_{name}:{formats[name]}}}" for name in names)
