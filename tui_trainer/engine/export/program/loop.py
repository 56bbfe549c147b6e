"""The program's loop: the order of an epoch, its steps, its line, and which epoch was best."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from tui_trainer.engine.early_stopping import RISING
from tui_trainer.engine.export.program.augmentation import deformed, is_augmented
from tui_trainer.engine.export.program.average import answering, average_step, before_evaluation, has_average
from tui_trainer.engine.export.program.data import scales_in_loop
from tui_trainer.engine.export.program.layout import is_flat
from tui_trainer.engine.export.program.loss import figures_of, shown
from tui_trainer.engine.export.program.mixup import has_mixup, loss_of_mixtures
from tui_trainer.engine.export.program.net import is_bf16, shares
from tui_trainer.engine.export.program.optimizer import after_step, before_step, has_schedule, live
from tui_trainer.engine.export.program.story import Story
from tui_trainer.engine.export.program.text import indented, lines_of, literal
from tui_trainer.per_layer import by_layer

MOST_OF_A_LINE = 120
ORDER = '''
    def order_of(epoch):
        """An epoch's rows: each gets a random 64-bit key (splitmix64, of seed and epoch), and the keys are sorted."""
        digest = hashlib.sha256(f"{seed}/{{epoch}}".encode()).digest()
        start = int.from_bytes(digest[:8], "big", signed=True)
        keys = torch.arange(len(train_inputs){device}) * -0x61C8864680B583EB + start
        for shift, factor in ((30, -0x40A7B892E31B1A47), (27, -0x6B2FB644ECCEEE15), (31, 1)):
            keys = (keys ^ (keys >> shift & (1 << 64 - shift) - 1)) * factor
        return keys.argsort()
'''


def order_lines(story: Story) -> list[str]:
    """`order_of(epoch)`, as `engine/order.py` has it."""
    device = story.placed
    if story.config.training.shuffle:
        return lines_of(ORDER.format(seed=story.config.training.seed, device=device))
    return [
        "def order_of(epoch):",
        *indented(['"""The same every time."""', f"return torch.arange(len(train_inputs){device})"]),
    ]


def keeps_best(story: Story) -> bool:
    """Whether the best epoch's weights are those that are tested."""
    return story.data.validation is not None


def watches(story: Story) -> bool:
    """Whether it matters which epoch is best."""
    return keeps_best(story) or story.config.training.patience > 0


def loop_lines(story: Story) -> list[str]:
    """From the first epoch to the last line."""
    lines = ["# Training"]
    if story.changes:
        lines += _changes(story)
    if story.changes or has_average(story) or _ends_inside(story):
        lines.append("step = 0")
    if watches(story):
        worst = "-math.inf" if story.monitor in RISING else "math.inf"
        lines.append(f"best, best_epoch = {worst}, 0")
    if story.halt:
        lines.append(f"for epoch in range(1, {story.halt.epochs + story.halt.is_inside + 1}):")
    elif story.changes_of("epochs"):
        lines += ["epoch = 0", 'while epoch < live["epochs"]:', "    epoch += 1"]
    else:
        lines.append(f"for epoch in range(1, {story.config.training.epochs + 1}):")
    return lines + indented([*_epoch(story), *_halt(story), *_end_of_epoch(story)])


def _ends_inside(story: Story) -> bool:
    return story.halt is not None and story.halt.is_inside


def _halt(story: Story) -> list[str]:
    """What ends the steps of an epoch, and after them its loop, where the run ended inside one."""
    if story.halt is None or not story.halt.is_inside:
        return []
    return [f"if step == {story.halt.step}:  # the run went no further", "    break"]


def _changes(story: Story) -> list[str]:
    names = dict.fromkeys(name for _, values in story.changes for name in values)
    start = ", ".join(f"{literal(name)}: {_at_start(story, name)}" for name in names)
    table = [f"    {step}: {literal(_by_layer(story, values))}," for step, values in story.changes]
    about = "# What was changed while it trained: {steps done by then: {setting: value}}"
    lines = [f"live = {{{start}}}", about, "CHANGES = {", *table, "}"]
    if story.changes_of("dropout", "input_dropout"):
        lines.append("dropouts = [layer for layer in net if isinstance(layer, nn.Dropout)]")
    return lines


def _at_start(story: Story, name: str) -> str:
    if name == "dropout":
        return literal(shares(story))
    value = live(Story(story.name, story.config, story.data), name)
    return "len(train_inputs)" if value == "'full'" else value


def _by_layer(story: Story, values: Mapping[str, Any]) -> dict[str, Any]:
    layers = len(story.config.model.hidden)
    numbers = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return {name: by_layer(value, layers) if name == "dropout" else value for name, value in numbers.items()}


def _epoch(story: Story) -> list[str]:
    size = live(story, "batch_size")
    size = "len(train_inputs)" if size == "'full'" else size
    counts = has_schedule(story) or story.changes_of("batch_size")
    head = ["total, seen = 0.0, 0" if counts else "total = 0.0"]
    if story.changes_of("batch_size"):
        head += ["order = order_of(epoch)", "while seen < len(order):"]
        rows = [f"rows = order[seen : seen + {size}]"]
    else:
        rows, order = [], "order_of(epoch)"
        if story.config.training.drop_last:
            samples = len(story.data.train)
            batch = story.config.training.batch_size
            kept = samples if batch == "full" else samples // min(batch, samples) * min(batch, samples)
            order += f"[:{kept}]" if kept < samples else ""
        head.append(f"for rows in {order}.split({size}):")
    return [*head, *indented([*_now(story), *rows, *_step(story)])]


def _now(story: Story) -> list[str]:
    """What holds from this step on."""
    lines = ["live.update(CHANGES.get(step, {}))"] if story.changes else []
    if story.changes_of("dropout"):
        hidden = "dropouts[1:]" if _has_input_dropout(story) else "dropouts"
        lines += [f'for layer, share in zip({hidden}, live["dropout"], strict=True):', "    layer.p = share"]
    if story.changes_of("input_dropout"):
        lines.append('dropouts[0].p = live["input_dropout"]')
    if has_schedule(story):
        moment = "epoch - 1 + seen / len(train_inputs)"
        lines.append(f"lr = {live(story, 'lr')} * lr_factor({moment}, {live(story, 'epochs')})")
    return lines


def _has_input_dropout(story: Story) -> bool:
    return bool(story.config.model.input_dropout) or story.changes_of("input_dropout")


def _loss(story: Story) -> list[str]:
    """Of a batch: of its samples as they are, or of what is made of them first."""
    inputs, targets, lines = "train_inputs[rows]", "train_targets[rows]", []
    if is_augmented(story):
        lines, inputs = [f"inputs = {deformed(story, inputs, targets)}"], "inputs"
    if has_mixup(story):
        lines, inputs, targets = [*lines, f"inputs, targets = mixed({inputs}, {targets})"], "inputs", "targets"
    outputs = f"net(scaled({inputs}))" if scales_in_loop(story) else f"net({inputs})"
    outputs += ".float()" if is_bf16(story) and story.config.model.normalization == "none" else ""
    of = loss_of_mixtures(story, outputs) if has_mixup(story) else f"loss_function({outputs}, {targets})"
    return [*lines, f"loss = {of}"]


def _step(story: Story) -> list[str]:
    lines = [
        *_loss(story),
        f"optimizer.zero_grad({'set_to_none=False' if is_flat(story) else ''})",
        "loss.backward()",
        *before_step(story),
        "optimizer.step()",
        *after_step(story),
        *average_step(story),
        "total += loss.item() * len(rows)",
    ]
    lines += ["seen += len(rows)"] if has_schedule(story) or story.changes_of("batch_size") else []
    counts = (story.changes or _ends_inside(story)) and not has_average(story)
    return [*lines, *(["step += 1"] if counts else []), *_halt(story)]


def _end_of_epoch(story: Story) -> list[str]:
    split = "test" if story.data.validation is None else "validation"
    metered = "len(train_inputs)"
    if story.config.training.drop_last:
        batch, samples = story.config.training.batch_size, len(story.data.train)
        metered = str(samples if batch == "full" else samples // min(batch, samples) * min(batch, samples))
    names = figures_of(story, "val")
    width = len(str(story.config.training.epochs))
    epochs = live(story, "epochs") if story.changes_of("epochs") else str(story.config.training.epochs)
    of = f"{{{epochs}}}" if story.changes_of("epochs") else epochs
    of = of.replace('"', "'")
    line = f"Epoch {{epoch{f':{width}' if width > 1 else ''}}}/{of}  loss {{train_loss:.6f}}"
    lines = [
        f"train_loss = total / {metered}",
        *before_evaluation(story),
        f"{', '.join(names)} = evaluate({split}_inputs, {split}_targets)",
        *_printed([line, shown(story, "val")], room=MOST_OF_A_LINE - 4),
    ]
    return [*lines, *(_watch(story) if watches(story) else [])]


def _watch(story: Story) -> list[str]:
    training, figure = story.config.training, story.monitor
    gain = f"{figure} - best" if figure in RISING else f"best - {figure}"
    if training.min_change:
        is_better = f"{gain} > {training.min_change}"
    else:
        is_better = f"{figure} {'>' if figure in RISING else '<'} best"
    lines = [f"if {is_better}:", f"    best, best_epoch = {figure}, epoch"]
    if keeps_best(story):
        net = answering(story)
        lines.append(f"    best_weights = {{name: tensor.clone() for name, tensor in {net}.state_dict().items()}}")
    if training.patience:
        lines += [f"elif epoch - best_epoch >= {training.patience}:", "    break"]
    return lines


def test_lines(story: Story) -> list[str]:
    """The test split, used once."""
    lines, has_best = ["# Test"], keeps_best(story) and not (story.halt and story.halt.epochs == 0)
    if has_best:
        lines.append(f"{answering(story)}.load_state_dict(best_weights)")
    elif _ends_inside(story):
        lines += before_evaluation(story)
    names = figures_of(story, "test")
    which = "epoch {best_epoch}" if has_best else "the last step" if _ends_inside(story) else "the last epoch"
    lines.append(f"{', '.join(names)} = evaluate(test_inputs, test_targets)")
    return [*lines, *_printed([shown(story, "test"), f"(weights of {which})"], room=MOST_OF_A_LINE)]


def _printed(parts: list[str], room: int) -> list[str]:
    """One line, or one for each part where that is too long."""
    whole = f'print(f"{"  ".join(parts)}")'
    if len(whole) <= room:
        return [whole]
    ends = [*(f"{part}  " for part in parts[:-1]), parts[-1]]
    return ["print(", *indented(f'f"{part}"' for part in ends), ")"]
