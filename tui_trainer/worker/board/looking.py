"""What there is to look at: confusion matrices, the worst mistakes, and the inside of the net."""

from __future__ import annotations

import base64
from collections.abc import Sequence

import torch
from PIL import Image

from tui_trainer.engine.data.opened import Part
from tui_trainer.engine.mistakes import Mistake, Mistakes, mistakes
from tui_trainer.engine.session import Session
from tui_trainer.inside_events import NetMeasured, WeightPicture
from tui_trainer.worker.board import pictures
from tui_trainer.worker.board.values import Value, histogram, picture, scalars, table, text

MOST = 25  # mistakes
MOST_IN_A_TABLE = 20  # classes


def confusion(matrix: list[list[int]], names: Sequence[str], of: str) -> list[Value]:
    """As a picture, and with few classes as a table too. `of` is the split."""
    if len(names) > pictures.MOST_CLASSES:
        return []
    drawn = pictures.confusion_matrix(matrix, names)
    values = [picture(f"confusion_matrix/{of}", drawn.data, drawn.size)]
    if len(names) <= MOST_IN_A_TABLE:
        rows = [[name, *counts] for name, counts in zip(names, matrix, strict=True)]
        values.append(text(f"confusion_counts/{of}", table(["true \\ predicted", *names], rows)))
    return values


def at_mistakes(session: Session) -> list[Value]:
    """The worst of the split that each epoch is evaluated on: pictures as pictures, rows by their place."""
    data = session.data
    found = mistakes(session, session.evaluated_split, MOST)
    if not found.in_all:
        return []
    name = "largest_errors" if data.task == "values" else "misclassified"
    values = []
    if data.pictures:
        drawn = _in_a_grid(session, found)
        values.append(picture(f"{name}/validation", drawn.data, drawn.size))
    if data.place or not data.pictures:
        rows = [(_place(session, one), one.true, one.predicted, f"{one.loss:.4g}") for one in found.worst]
        shown = table(("sample", "true", "predicted", "loss"), rows)
        values.append(text(f"{name}_samples/validation", f"{_heading(found)}\n\n{shown}"))
    return values


def _heading(found: Mistakes) -> str:
    if found.in_all == found.samples:
        return f"The {len(found.worst)} worst of {found.samples:,}"
    return f"The {len(found.worst)} worst of {found.in_all:,} mistakes among {found.samples:,}"


def _in_a_grid(session: Session, found: Mistakes) -> pictures.Png:
    shape = session.data.pictures
    assert shape is not None  # noqa: S101  # asked before
    inputs = session.evaluated_split.inputs
    rows = torch.tensor([one.row for one in found.worst], device=inputs.device)
    shades = shape.upright(inputs.index_select(0, rows)).float() * (255 / shape.full_scale)
    pixels = shades.round().clamp(0, 255).byte().cpu().permute(0, 2, 3, 1).contiguous().numpy()
    drawn = [Image.fromarray(one[:, :, 0] if shape.channels == 1 else one) for one in pixels]
    captions = [(pictures.short(one.true, 24), pictures.short(one.predicted, 24)) for one in found.worst]
    return pictures.grid(drawn, captions, f"{_heading(found)}. Black: true, orange: predicted")


def _place(session: Session, mistake: Mistake) -> str:
    data = session.data
    part: Part = "test" if data.validation is None else "validation"
    return data.place(part, mistake.row) if data.place else f"{part} sample {mistake.row + 1:,}"


def inside(event: NetMeasured) -> list[Value]:
    """Layer by layer."""
    values: list[Value] = []
    for layer in event.layers:
        facts = {
            "weight_norm": layer.weight_norm, "gradient_norm": layer.gradient_norm,
            "update_ratio": layer.update_ratio, "dead_units": layer.dead, "saturated": layer.saturated,
        }  # fmt: skip
        values += scalars({f"{fact}/{layer.name}": value for fact, value in facts.items()})
        both = {"activations": layer.activations, "weights": layer.weights}
        values += [histogram(f"{kind}/{layer.name}", told) for kind, told in both.items() if told and told.counts]
    return values


def first_weights(units: Sequence[WeightPicture]) -> list[Value]:
    """The first layer's, unit by unit."""
    heading = "Weights from the inputs: orange below 0, blue above"
    drawn = pictures.grid([_weights(one) for one in units], [(f"unit {one.unit}",) for one in units], heading)
    return [picture("weights_of_first_layer", drawn.data, drawn.size)]


def _weights(one: WeightPicture) -> Image.Image:
    """White is 0."""
    shades = Image.frombytes("L", (one.width, one.height), base64.b64decode(one.pixels))
    colours = [_shade(byte) for byte in range(256)]
    bands = [shades.point([colour[band] for colour in colours]) for band in range(3)]
    return Image.merge("RGB", bands)


def _shade(byte: int) -> pictures.Colour:
    share, end = (byte - 128) / 127, pictures.BLUE if byte > 128 else pictures.ORANGE
    red, green, blue = (round(255 + (full - 255) * min(1.0, abs(share))) for full in end)
    return red, green, blue
