"""Vectors that took long to compute, in the user's cache folder: safetensors, named by what they were computed of.

Nothing depends on the cache: what cannot be read is computed again, and what cannot be written is left.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import numpy as np
from safetensors import SafetensorError
from safetensors.numpy import load, save


def place_of(model: str, texts: Iterable[str]) -> Path:
    """The file of these texts' vectors by the model of this digest; it need not be there."""
    digest = hashlib.sha256(model.encode())
    for text in texts:
        content = text.encode("utf-8", "surrogatepass")
        digest.update(len(content).to_bytes(8, "little"))
        digest.update(content)
    return folder() / f"{digest.hexdigest()}.safetensors"


def folder() -> Path:
    """`~/.cache/tui-trainer/sentences`, or below XDG_CACHE_HOME."""
    base = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
    return Path(base).expanduser() / "tui-trainer" / "sentences"


def read(place: Path, rows: int) -> tuple[np.ndarray, int] | None:
    """(float32 (rows, size), texts that were cut), or None where there are none, or damaged ones."""
    try:
        found = load(place.read_bytes())
        vectors, cut = found["vectors"], int(found["cut"][0])
    except (OSError, SafetensorError, KeyError):
        return None
    return (vectors, cut) if vectors.shape[:1] == (rows,) else None


def write(place: Path, vectors: np.ndarray, cut: int) -> None:
    """In one rename, so that nobody reads half a file."""
    with suppress(OSError):
        place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        descriptor, temporary = tempfile.mkstemp(dir=place.parent, suffix=".new")
        try:
            with os.fdopen(descriptor, "wb") as file:
                file.write(save({"vectors": vectors, "cut": np.array([cut])}))
            Path(temporary).replace(place)
        except OSError:
            Path(temporary).unlink(missing_ok=True)
