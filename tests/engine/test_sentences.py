"""Text columns as a sentence model's vectors. Where Transformers is installed, by a tiny model made on the spot."""

from __future__ import annotations

import sys
import threading
from pathlib import Path

import numpy as np
import polars as pl
import pytest
import torch

from tests.engine.tables import config, encoded, from_disk, table_encoding
from tui_trainer.data_sections import ColumnKind
from tui_trainer.engine.data.table import sentences
from tui_trainer.errors import InputError

TEXT: dict[str, ColumnKind] = {"t": "text"}
WORDS = ["the", "cat", "sat", "on", "a", "mat", "dog"]
TABLE = pl.DataFrame(
    {
        "t": [
            "the cat sat",
            "a dog",
            None,
            "the dog sat on a mat the dog sat on a mat the dog sat on a mat",
            "the cat sat",
        ]
    }
)


@pytest.fixture(autouse=True)
def _own_cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))


@pytest.fixture
def model(tmp_path: Path) -> Path:
    """A random BERT of one layer and 8 numbers, saved as Hugging Face's library saves."""
    transformers = pytest.importorskip("transformers", reason="needs the extra hf")
    folder = tmp_path / "tiny"
    folder.mkdir()
    (folder / "vocab.txt").write_text("\n".join(["[PAD]", "[UNK]", "[CLS]", "[SEP]", "[MASK]", *WORDS]))
    transformers.BertTokenizer(str(folder / "vocab.txt"), model_max_length=16).save_pretrained(folder)
    torch.manual_seed(0)
    shape = transformers.BertConfig(
        vocab_size=12, hidden_size=8, num_hidden_layers=1, num_attention_heads=2, intermediate_size=16,
        max_position_embeddings=16,
    )  # fmt: skip
    transformers.BertModel(shape).save_pretrained(folder)
    return folder


@pytest.mark.slow  # Transformers alone takes seconds to import
def test_a_vector_is_the_normalised_mean_over_a_texts_own_tokens(model: Path) -> None:
    import transformers

    found = encoded(TABLE, TEXT, 4, text_features="sentences", text_model=str(model))

    tokenizer = transformers.AutoTokenizer.from_pretrained(model)
    net = transformers.AutoModel.from_pretrained(model).eval()
    for row, text in enumerate(TABLE["t"][:4].fill_null("")):
        with torch.no_grad():
            states = net(**tokenizer(text, truncation=True, max_length=16, return_tensors="pt")).last_hidden_state
        expected = torch.nn.functional.normalize(states[0].mean(0), dim=0)
        torch.testing.assert_close(found.inputs["train"][row], expected, atol=1e-5, rtol=0)
    assert torch.equal(found.inputs["test"][0], found.inputs["train"][0])
    assert found.columns == (("t", 0, 8),)
    assert "texts that are longer than the sentence model reads were cut: t (1)" in found.notes


@pytest.mark.slow  # Transformers alone takes seconds to import
def test_vectors_are_computed_once_and_again_where_the_cache_is_damaged(
    model: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    capfd.readouterr()
    values = TABLE["t"]
    asked = config(text_features="sentences", text_model=str(model))
    first = sentences.fit_sentences(values, asked)
    (file,) = (model.parent / "cache").rglob("*.safetensors")
    written = file.stat()
    again = sentences.fit_sentences(values, asked)
    assert file.stat().st_ino == written.st_ino  # a file that is written anew is another one
    assert first.vectors is not None
    assert again.vectors is not None
    assert np.array_equal(first.vectors, again.vectors)

    whole = file.read_bytes()
    file.write_bytes(whole[:-3])
    sentences.fit_sentences(values, asked)
    assert file.read_bytes() == whole
    assert capfd.readouterr() == ("", "")


@pytest.mark.slow  # Transformers alone takes seconds to import
def test_a_restored_encoding_computes_new_texts_and_refuses_another_model(model: Path) -> None:
    found = encoded(TABLE, TEXT, 4, text_features="sentences", text_model=str(model))
    restored = from_disk(table_encoding(found))
    torch.testing.assert_close(restored.encode(TABLE)[:4], found.inputs["train"], atol=1e-5, rtol=0)
    assert torch.equal(restored.encode(TABLE), from_disk(table_encoding(found)).encode(TABLE))

    (model / "vocab.txt").write_text("changed")
    with pytest.raises(InputError, match="not the sentence model that t was trained with"):
        from_disk(table_encoding(found)).encode(TABLE)


def test_a_folder_without_a_model_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"--text-model .*nothing: no sentence model .* \(no config.json\)"):
        encoded(TABLE, TEXT, 4, text_features="sentences", text_model=str(tmp_path / "nothing"))


@pytest.mark.slow  # Transformers alone takes seconds to import
def test_a_damaged_model_is_refused_in_a_sentence(model: Path) -> None:
    (model / "model.safetensors").write_bytes(b"nonsense")

    with pytest.raises(InputError, match="not a sentence model that Transformers can read"):
        encoded(TABLE, TEXT, 4, text_features="sentences", text_model=str(model))


def test_without_transformers_the_sentence_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "config.json").write_text("{}")
    monkeypatch.setitem(sys.modules, "transformers", None)  # an import of it raises ImportError

    with pytest.raises(InputError, match=r"pip install 'tui-trainer\[hf\]'"):
        encoded(TABLE, TEXT, 4, text_features="sentences", text_model=str(tmp_path))


@pytest.mark.slow  # as above
def test_columns_on_several_threads_leave_transformers_as_loud_as_it_was() -> None:
    logging = pytest.importorskip("transformers", reason="needs the extra hf").utils.logging
    before, entered, may_leave = logging.get_verbosity(), threading.Event(), threading.Event()

    def second() -> None:
        with sentences._quiet():
            entered.set()
            may_leave.wait(60)

    other = threading.Thread(target=second)
    with sentences._quiet():
        other.start()
        is_among_us = entered.wait(0.1)
    may_leave.set()
    other.join(60)
    assert not is_among_us
    assert logging.get_verbosity() == before
