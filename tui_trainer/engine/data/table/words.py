"""Text as the weights of its words or runs of characters: TF-IDF, or hashed to places. A missing text is empty."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Any, ClassVar, Self

import numpy as np
import torch

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.encoding import Saved
from tui_trainer.engine.data.table.codes import Note, unscaled

if TYPE_CHECKING:
    import polars as pl

ROWS_AT_ONCE = 4096  # of the sparse weights made dense: they would take the memory of all inputs a second time


@dataclass(frozen=True)
class Runs:
    """What one feature is: a run of so many words, or of characters inside words, at most."""

    analyzer: str
    ngrams: int

    def __str__(self) -> str:
        return self.analyzer if self.ngrams == 1 else f"runs of {self.analyzer}"

    @property
    def options(self) -> dict[str, Any]:
        """For scikit-learn's vectorizers."""
        return {
            "analyzer": {"words": "word", "characters": "char_wb"}[self.analyzer],
            "ngram_range": (1, self.ngrams),
        }

    @classmethod
    def of(cls, saved: Saved) -> Self:
        """As `asdict` has written it."""
        return cls(saved.facts["analyzer"], saved.facts["ngrams"])


@dataclass(frozen=True, eq=False)
class TfidfCode:
    """An input per word, or run, that the training rows hold most often; each row has the length 1."""

    kind: ClassVar[str] = "tfidf"

    name: str
    words: tuple[str, ...]
    idf: np.ndarray = field(repr=False)  # (words,)
    runs: Runs

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        return unscaled(len(self.words))

    @property
    def embedded(self) -> None:
        return None

    @cached_property
    def _vectorizer(self) -> Any:
        vectorizer = _tfidf(self.runs, vocabulary=list(self.words))
        vectorizer.idf_ = self.idf
        return vectorizer

    def write(self, values: pl.Series, out: np.ndarray) -> None:
        _write(self._vectorizer, values, out)

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        yield f"text as the TF-IDF weights of {self.runs}", f"{self.name} ({len(self.words):,})"

    def saved(self) -> Saved:
        return Saved({"words": list(self.words), **asdict(self.runs)}, {"idf": torch.from_numpy(self.idf)})

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        return cls(name, tuple(saved.facts["words"]), saved.tensors["idf"].numpy(), Runs.of(saved))


@dataclass(frozen=True, eq=False)
class HashingCode:
    """An input per place that words are hashed to; nothing is fitted. Each row has the length 1."""

    kind: ClassVar[str] = "hashing"

    name: str
    places: int
    runs: Runs

    @property
    def scaling(self) -> tuple[np.ndarray, np.ndarray]:
        return unscaled(self.places)

    @property
    def embedded(self) -> None:
        return None

    def write(self, values: pl.Series, out: np.ndarray) -> None:
        from sklearn.feature_extraction.text import HashingVectorizer

        vectorizer = HashingVectorizer(n_features=self.places, dtype=np.float32, **self.runs.options)
        _write(vectorizer, values, out)

    def notes(self, surprises: dict[str, int]) -> Iterable[Note]:
        yield f"text as {self.runs} hashed to {self.places:,} places", self.name

    def saved(self) -> Saved:
        return Saved({"places": self.places, **asdict(self.runs)})

    @classmethod
    def restored(cls, name: str, saved: Saved) -> Self:
        return cls(name, saved.facts["places"], Runs.of(saved))


def fit_words(values: pl.Series, config: RunConfig) -> TfidfCode | HashingCode | None:
    """From the training rows' texts; None where they all are the same, or no word stands in them."""
    if values.n_unique() < 2:
        return None
    runs = Runs(config.text.analyzer, config.text.ngrams)
    if config.text.features == "hashing":
        return HashingCode(values.name, config.text.size, runs)
    vectorizer = _tfidf(runs, max_features=config.text.size)
    try:
        vectorizer.fit(values.fill_null(""))
    except ValueError as error:
        if "empty vocabulary" in str(error):
            return None
        raise
    words = tuple(vectorizer.get_feature_names_out().tolist())
    return TfidfCode(values.name, words, vectorizer.idf_, runs)


def _tfidf(runs: Runs, **options: Any) -> Any:
    from sklearn.feature_extraction.text import TfidfVectorizer

    return TfidfVectorizer(sublinear_tf=True, dtype=np.float32, **runs.options, **options)


def _write(vectorizer: Any, values: pl.Series, out: np.ndarray) -> None:
    for start in range(0, len(values), ROWS_AT_ONCE):
        texts = values.slice(start, ROWS_AT_ONCE).fill_null("")
        out[start : start + ROWS_AT_ONCE] = vectorizer.transform(texts).toarray()
