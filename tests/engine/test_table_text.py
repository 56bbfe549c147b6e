"""Text columns as words: as scikit-learn weighs them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import polars as pl
import torch
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from tests.engine.tables import encoded, from_disk, table_encoding
from tui_trainer.data_sections import ColumnKind

TEXT: dict[str, ColumnKind] = {"t": "text"}
TEXTS = [
    "the cat sat on the mat",
    "the dog sat",
    None,
    "a cat and a dog and a cat",
    "never a quagga",
    "",
    "dogs, cats; mats! the dog",
    "an unseen zebra sat",
]


def test_tfidf_is_scikit_learns_and_restored_bit_for_bit() -> None:
    table = pl.DataFrame({"t": TEXTS})
    found = encoded(table, TEXT, 6, text_size=8, text_ngrams=2)

    theirs = TfidfVectorizer(max_features=8, ngram_range=(1, 2), sublinear_tf=True, dtype=np.float32)
    texts = [text or "" for text in TEXTS]
    theirs.fit(texts[:6])
    expected = theirs.transform(texts).toarray()
    assert found.inputs["train"].shape == (6, 8)
    np.testing.assert_allclose(found.inputs["train"], expected[:6], atol=1e-6)
    np.testing.assert_allclose(found.inputs["test"], expected[6:], atol=1e-6)
    assert torch.equal(from_disk(table_encoding(found)).encode(table)[:6], found.inputs["train"])
    assert "text as the TF-IDF weights of runs of words: t (8)" in found.notes


def test_hashed_words_are_scikit_learns() -> None:
    table = pl.DataFrame({"t": TEXTS})
    found = encoded(table, TEXT, 6, text_features="hashing", text_size=32)

    theirs = HashingVectorizer(n_features=32, dtype=np.float32)
    np.testing.assert_allclose(found.inputs["test"], theirs.transform(TEXTS[6:]).toarray(), atol=1e-6)
    assert torch.equal(from_disk(table_encoding(found)).encode(table)[6:], found.inputs["test"])


def test_several_text_columns_have_words_of_their_own() -> None:
    table = pl.DataFrame({"t": ["one two", "two three", "one"], "u": ["red", "blue", "green"], "x": [1.0, 2.0, 3.0]})
    found = encoded(table, {"t": "text", "u": "text", "x": "number"}, 3)

    assert found.columns == (("t", 0, 3), ("u", 3, 6), ("x", 6, 7))
    assert found.inputs["train"][:, 3:6].tolist() == [[0, 0, 1], [1, 0, 0], [0, 1, 0]]


def test_a_text_without_words_is_left_out_by_name() -> None:
    found = encoded(pl.DataFrame({"t": ["a", "!", "?"], "x": [1.0, 2.0, 3.0]}), {"t": "text", "x": "number"}, 3)

    assert found.columns == (("x", 0, 1),)
    assert "left out (no words, or the same in every training row): t" in found.notes


def test_the_words_of_real_messages_find_the_nearest_message(data_dir: Path) -> None:
    lines = [line.split("\t") for line in (data_dir / "sms_spam" / "SMSSpamCollection").read_text().splitlines()]
    table = pl.DataFrame({"t": [text for _, text in lines]})
    is_spam = torch.tensor([label == "spam" for label, _ in lines])
    found = encoded(table, TEXT, 4000)

    train, test = found.inputs["train"], found.inputs["test"]
    assert train.shape == (4000, 2000)
    nearest = (test @ train.T).argmax(1)
    accuracy = (is_spam[:4000][nearest] == is_spam[4000:]).float().mean().item()
    assert accuracy > 0.96
