"""Encodings by their kind, and those of the data sets known by name, so that a prediction reads PNG files for MNIST."""

from __future__ import annotations

import math

from tui_trainer.engine.data.arrays import ArrayEncoding
from tui_trainer.engine.data.dataset import Source
from tui_trainer.engine.data.encoding import Encoding, Saved
from tui_trainer.engine.data.images import Pictures
from tui_trainer.engine.data.media import FileEncoding
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.data.speech import Recordings
from tui_trainer.errors import InputError

KINDS: dict[str, type[Encoding]] = {kind.kind: kind for kind in (Pictures, Recordings, ArrayEncoding)}


def restored(saved: Saved) -> Encoding:
    """The encoding that `preprocessing_of` wrote. Raises InputError for one of a newer program."""
    kind = saved.facts["encoding"]
    prefix = "encoding."
    tensors = {name.removeprefix(prefix): tensor for name, tensor in saved.tensors.items() if name.startswith(prefix)}
    of_encoding = Saved(saved.facts["facts"], tensors)
    if kind == "table":
        from tui_trainer.engine.data.table.encoding import TableEncoding  # polars, which pictures need not wait for

        return TableEncoding.restored(of_encoding)
    if kind not in KINDS:
        raise InputError(f"the run's inputs are of the kind {kind!r}, which this version does not know; update it")
    return KINDS[kind].restored(of_encoding)


def of_known(name: str, source: Source) -> Encoding:
    """Pictures for a data set of pictures, arrays for one of measurements."""
    features = source.train.inputs.shape[1]
    if not source.channels or not source.full_scale:
        return ArrayEncoding(features)
    size = math.isqrt(features // source.channels)
    return Pictures(size, source.channels, round(source.full_scale), transposed=name.startswith("emnist"))


def pictures_of(encoding: Encoding) -> PictureShape | None:
    """How its pictures lie in their rows, where it makes pictures."""
    return encoding.shape if isinstance(encoding, FileEncoding) else None
