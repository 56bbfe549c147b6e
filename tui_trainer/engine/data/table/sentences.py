"""Text as the vectors of a frozen sentence model, computed once and kept in the user's cache folder.

The model is read from a folder in Hugging Face's layout, never fetched, and runs no code of its own. It computes on
the CPU, so that a row's vector does not depend on the device of the moment.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.long_work import counted
from tui_trainer.engine.data.table import vector_cache
from tui_trainer.engine.data.table.codes import Note, unscaled
from tui_trainer.errors import InputError
from tui_trainer.paths import folder

if TYPE_CHECKING:
    import polars as pl

TEXTS_AT_ONCE = 32
ONE_AT_A_TIME = threading.RLock()  # columns are fitted on several threads; Transformers' verbosity is the process's


class SentenceModel:
    """A model and its tokenizer, loaded when they are first asked for. Raises InputError where they do not serve."""

    def __init__(self, path: Path) -> None:
        self.path = path
        if not (path / "config.json").is_file():
            raise InputError(
                f"--text-model {path}: no sentence model in Hugging Face's layout there (no config.json); "
                "name the folder that save_pretrained wrote"
            )

    @cached_property
    def digest(self) -> str:
        """Of all that decides a vector: names and contents of the folder's files."""
        digest = hashlib.sha256()
        for file in sorted(self.path.rglob("*")):
            if file.is_file() and not any(part.startswith(".") for part in file.relative_to(self.path).parts):
                digest.update(f"{file.relative_to(self.path)}\0{file.stat().st_size}\0".encode())
                with file.open("rb") as content:
                    digest.update(hashlib.file_digest(content, "sha256").digest())
        return digest.hexdigest()

    @cached_property
    def size(self) -> int:
        """Numbers in a vector."""
        return int(self._loaded[1].config.hidden_size)

    def vectors(self, texts: list[str]) -> tuple[np.ndarray, int]:
        """((texts, size) float32, how many texts were too long and cut). Each vector has the length 1.

        It is the mean over the last hidden states of a text's tokens, the pooling of Reimers and Gurevych 2019
        (Sentence-BERT).
        """
        cut = 0
        vectors = np.zeros((len(texts), self.size), np.float32)
        by_length = sorted(range(len(texts)), key=lambda row: len(texts[row]))  # little padding within a batch
        with _quiet(), torch.no_grad():
            starts = range(0, len(texts), TEXTS_AT_ONCE)
            for start in counted(starts, len(starts), f"times {TEXTS_AT_ONCE} texts"):
                rows = by_length[start : start + TEXTS_AT_ONCE]
                vectors[rows], more = self._pooled([texts[row] for row in rows])
                cut += more
        return vectors, cut

    def _pooled(self, texts: list[str]) -> tuple[np.ndarray, int]:
        tokenizer, model = self._loaded
        positions = getattr(model.config, "max_position_embeddings", 512)
        # Tokenizers without a limit say 1e30; RoBERTa and its kin count two positions that no token takes.
        longest = min(tokenizer.model_max_length, positions) if tokenizer.model_max_length < 1e6 else positions - 2
        tokens = tokenizer(texts, padding=True, truncation=True, max_length=longest, return_tensors="pt")
        states = model(**tokens).last_hidden_state
        mask = tokens["attention_mask"].unsqueeze(-1).to(states.dtype)
        mean = (states * mask).sum(1) / mask.sum(1).clamp(min=1)
        vectors: np.ndarray = torch.nn.functional.normalize(mean, dim=1).float().numpy()
        return vectors, sum(len(whole) > longest for whole in tokenizer(texts)["input_ids"])

    @cached_property
    def _loaded(self) -> tuple[Any, Any]:
        try:
            from transformers import AutoModel, AutoTokenizer
        except ImportError:
            raise InputError(
                "--text-features sentences needs Hugging Face Transformers: pip install 'tui-trainer[hf]'"
            ) from None
        only_here: dict[str, Any] = {"local_files_only": True, "trust_remote_code": False}
        try:
            with _quiet():
                tokenizer = AutoTokenizer.from_pretrained(self.path, **only_here)
                return tokenizer, AutoModel.from_pretrained(self.path, **only_here).eval()
        except Exception as error:  # damaged files raise as many kinds of errors as there are formats
            reason = (" ".join(str(error).split()) or type(error).__name__)[:200]
            raise InputError(
                f"--text-model {self.path}: not a sentence model that Transformers can read: {reason}"
            ) from None


@contextmanager
def _quiet() -> Iterator[None]:
    """No warnings and progress bars of Transformers on somebody's screen; one thread at a time, also at the model."""
    from transformers.utils import logging

    with ONE_AT_A_TIME:
        level, bars = logging.get_verbosity(), logging.is_progress_bar_enabled()
        logging.set_verbosity_error()
        logging.disable_progress_bar()
        try:
            yield
        finally:
            logging.set_verbosity(level)
            if bars:
                logging.enable_progress_bar()


@dataclass(frozen=True, eq=False)
class SentencesCode:
    """An input per number of a vector. A missing text is an empty one."""

    kind: ClassVar[str] = "sentences"

    name: str
    path: Path
    digest: str  # of the model's files
    size: int
    known: dict[str, int] = field(default_factory=dict, repr=False)  # {text: row of `vectors`} of the run's own rows
    vectors: np.ndarray | None = field(default=None, repr=False)
    cut: int = 0  # texts of those

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        return unscaled(self.size)

    @property
    def embedded(self) -> None:
        return None

    @cached_property
    def _model(self) -> SentenceModel:
        model = SentenceModel(self.path)
        if model.digest != self.digest:
            raise InputError(
                f"{self.path}: not the sentence model that {self.name} was trained with any more; put its files back"
            )
        return model

    def write(self, values: pl.Series, out: np.ndarray) -> None:
        texts = values.fill_null("").to_list()
        if self.vectors is not None and all(text in self.known for text in texts):
            np.take(self.vectors, [self.known[text] for text in texts], axis=0, out=out)
        else:
            out[:], _ = self._model.vectors(texts)

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        yield f"text as {self.path.name}'s sentence vectors of {self.size:,} numbers", self.name
        if self.cut:
            yield "texts that are longer than the sentence model reads were cut", f"{self.name} ({self.cut:,})"

    def saved(self) -> Saved:
        return Saved({"path": str(self.path), "digest": self.digest, "size": self.size})

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        return cls(name, Path(saved.facts["path"]), saved.facts["digest"], saved.facts["size"])


def fit_sentences(values: pl.Series, config: RunConfig) -> SentencesCode:
    """The vectors of all rows' texts; the model is frozen, so that nothing is learned of them. Raises InputError."""
    path = folder(config.text.model, "--text-model").resolve()
    model = SentenceModel(path)
    texts = sorted(set(values.fill_null("").to_list()))
    place = vector_cache.place_of(model.digest, texts)
    found = vector_cache.read(place, len(texts))
    if found is None:
        found = model.vectors(texts)
        vector_cache.write(place, *found)
    vectors, cut = found
    known = {text: row for row, text in enumerate(texts)}
    return SentencesCode(values.name, path, model.digest, vectors.shape[1], known, vectors, cut)
