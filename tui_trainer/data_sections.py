"""The declarations of the settings that say which data a run learns from, and how they become numbers.

`[data]` holds for every source; `[data.split]`, `[data.table]`, `[data.text]`, `[data.images]` and `[data.speech]` for
some. As in `sections.py`, a field here is a flag, a key and a field of the form.
"""

from __future__ import annotations

import os
import re
from typing import Annotated, Any, Literal, get_args

from pydantic import BeforeValidator, Field, field_validator

from tui_trainer.data_sets import DATA_SETS
from tui_trainer.errors import nearest
from tui_trainer.sections import Section, knob

ColumnKind = Literal["number", "category", "text", "date", "identifier", "constant", "ignore"]
MOST_OF_A_FORMULA = 1000  # characters: of 16,000 polars overflows the stack
KINDS: tuple[str, ...] = get_args(ColumnKind)
TABLE_OF = {name: f"data.{name}" for name in ("split", "table", "text", "images", "speech")}
"""Where a section stands in TOML, where that is not its own name."""


def is_path(name: str) -> bool:
    """Whether a data set's name is the path of somebody's own file or folder."""
    return name not in DATA_SETS and ("/" in name or "." in name or os.path.exists(name))  # noqa: PTH110


_COMMA = re.compile(r",(?![^()]*\))")  # none inside the brackets of a formula


def _pairs(value: Any) -> Any:
    """`age=number,zip=category` as people type it -> a table."""
    if not isinstance(value, str):
        return value
    parts = [part.partition("=") for part in _COMMA.split(value) if part.strip()]
    if any(not sign or not word.strip() or not name.strip() for name, sign, word in parts):
        raise ValueError("pairs expected")
    pairs = {name.strip(): word.strip() for name, _, word in parts}
    if len(pairs) < len(parts):
        raise ValueError("a name stands there twice")
    return pairs


def _words(value: Any) -> Any:
    """`a,b` -> ["a", "b"]."""
    return [part.strip() for part in value.split(",") if part.strip()] if isinstance(value, str) else value


def _compiled(pattern: str) -> re.Pattern[str]:
    """Raises ValueError for what is no regular expression."""
    try:
        return re.compile(pattern)
    except (re.error, RecursionError, OverflowError) as error:
        raise ValueError(str(error)) from None


ColumnKinds = Annotated[dict[str, ColumnKind], BeforeValidator(_pairs)]
Formulas = Annotated[dict[str, Annotated[str, Field(max_length=MOST_OF_A_FORMULA)]], BeforeValidator(_pairs)]
Words = Annotated[tuple[str, ...], BeforeValidator(_words)]


class Data(Section):
    """Data"""

    name: str = knob(
        "digits",
        "data set to train on, by name, or the path of your own file or folder",
        flag="data",
        choices=tuple(DATA_SETS),
        expected=f"one of {', '.join(DATA_SETS)}; or the path of a table (CSV, TSV, Parquet, Feather), of arrays "
        "(.npz, .npy, .pt, .safetensors), of a folder with a folder of pictures or WAV files per class, or of a "
        "Hugging Face data set saved on disk",
    )
    dir: str = knob(
        "data",
        "folder that holds the data sets, in torchvision's layout; paths of your own are looked for there too",
        flag="data_dir",
        min_length=1,
    )
    test_data: str = knob("", "file or folder with the test samples, where they do not lie with the others")
    target: Words = knob(
        (),
        "column to predict, or the file of targets beside an array; several, or a column of lists, are labels",
        expected="a column's name, or several as in red,green,blue",
    )
    task: Literal["auto", "classes", "values", "labels"] = knob(
        "auto",
        "what is predicted: one class, values, or any number of labels; auto: as the target looks",
    )
    columns: ColumnKinds = knob(
        {},
        "kinds of columns, where they are not what they look like; ignore leaves one out",
        expected=f"pairs as in zip=category,note=ignore, of {', '.join(KINDS)}",
    )
    derived: Formulas = knob(
        {},
        "columns made of others, each by a formula in SQL",
        expected=f"pairs as in rooms=total_rooms/households, each name once, of at most {MOST_OF_A_FORMULA} characters",
    )
    label_pattern: str = knob(
        "", "regular expression that finds a file's class in its name, as its first group", expected="one group in ()"
    )
    normalize: Literal["none", "unit", "standard", "quantile"] = knob(
        "standard",
        "inputs as they are, scaled to 0..1, to mean 0 and deviation 1, or to a normal distribution by their quantiles "
        "(tables), measured on the training split",
    )
    quantile_noise: float = knob(
        0.0, "deviation of the noise under which quantiles are measured, against ties", ge=0, le=1
    )
    target_scaling: Literal["none", "standard"] = knob(
        "standard", "targets of a regression as they are, or to mean 0 and deviation 1; errors are in original units"
    )
    validation: float = knob(
        0.1,
        "share of the training split kept for validation (stratified, seeded); 0 evaluates on the test set",
        ge=0,
        le=0.9,
    )
    test_share: float = knob(0.2, "share kept for the final test where the data set has no test split", gt=0, le=0.9)

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in DATA_SETS and not is_path(name):
            raise ValueError(
                f"unknown data set {name!r}{nearest(name, DATA_SETS)}; expected one of {', '.join(DATA_SETS)}, "
                "or the path of a file or folder"
            )
        return name

    @field_validator("label_pattern")
    @classmethod
    def _has_a_group(cls, pattern: str) -> str:
        if pattern and _compiled(pattern).groups < 1:
            raise ValueError("no group")
        return pattern


class Split(Section):
    """Split"""

    group: str = knob(
        "", "column whose rows stay together: a patient is never both trained and tested on", flag="split_group"
    )
    time: str = knob(
        "", "column by which the latest rows are the test, and those before them the validation", flag="split_time"
    )
    column: str = knob("", "column that names each row's split: train, validation or test", flag="split_column")
    pattern: str = knob(
        "", "regular expression that names of test files match", flag="test_pattern", expected="a regular expression"
    )
    train_rows: str = knob("", "file of the training rows' numbers, counted from 0; without it, those left over")
    validation_rows: str = knob("", "file of the validation rows' numbers")
    test_rows: str = knob("", "file of the test rows' numbers; several lines of several numbers are several splits")
    last_rows: int = knob(
        0, "so many rows at the end of the file are the test; 0 is off", flag="test_last", ge=0, le=10**12
    )
    folds: int = knob(0, "k of a k-fold cross-validation, a run each; 0 is off", ge=0, le=1000)
    number: int = knob(
        0, "which fold or published split to run, counted from 1; 0 runs all, one after the other", flag="split_number",
        ge=0, le=1_000_000,
    )  # fmt: skip

    @field_validator("pattern")
    @classmethod
    def _is_a_pattern(cls, pattern: str) -> str:
        _compiled(pattern)
        return pattern


class Table(Section):
    """Tables"""

    delimiter: Literal["auto", "comma", "semicolon", "tab", "pipe", "space"] = knob(
        "auto", "what stands between two values of a text file; auto: what its first lines look like"
    )
    header: Literal["auto", "yes", "no"] = knob(
        "auto", "whether the first line names the columns (without names they are column_1, column_2, ...)"
    )
    missing: Words = knob(
        ("NA", "N/A", "NaN", "nan", "null", "NULL", "None"),
        "words that mean a missing value, beside an empty field",
        expected="words, as in NA,unknown",
    )
    label_trim: str = knob("", "marks cut off the end of class names, as a dot that only the test file has")
    categories: Literal["one_hot", "embedding"] = knob(
        "one_hot", "categories as an input each, or as vectors that are learned along"
    )
    embedding_size: int = knob(
        0, "numbers in a learned vector; 0: half the categories, at most 50", ge=0, le=4096,
        only_with="categories=embedding",
    )  # fmt: skip
    rare_below: int = knob(1, "categories with fewer training rows than this share one", ge=1, le=1_000_000)
    most_categories: int = knob(
        256, "categories kept of a column; the rarest beyond that share one", ge=2, le=1_000_000
    )


class Text(Section):
    """Text"""

    features: Literal["tfidf", "hashing", "sentences"] = knob(
        "tfidf",
        "text columns as TF-IDF weights of their words, as hashed words, or as a sentence model's vectors",
        flag="text_features",
    )
    size: int = knob(2000, "words kept, or places words are hashed to", flag="text_size", ge=2, le=1_000_000)
    analyzer: Literal["words", "characters"] = knob(
        "words", "what features are runs of: words, or characters inside words", flag="text_analyzer"
    )
    ngrams: int = knob(
        1, "longest run of words or characters that counts as one feature", flag="text_ngrams", ge=1, le=8
    )
    model: str = knob(
        "",
        "folder of a sentence model in Hugging Face's layout",
        flag="text_model",
        only_with="text_features=sentences",
    )


class Images(Section):
    """Images"""

    size: int = knob(28, "pixels that pictures are resized to, in width and height", flag="image_size", ge=1, le=1024)
    colour: Literal["grey", "colour"] = knob("grey", "pictures in grey or in red, green and blue", flag="image_colour")


class Speech(Section):
    """Speech"""

    features: Literal["log_mel", "statistics"] = knob(
        "log_mel",
        "the log-mel spectrum of a fixed window, frame by frame, or each band's mean, deviation and change",
        flag="speech_features",
    )
    seconds: float = knob(
        1.0, "window taken of each recording; shorter ones are filled with silence", flag="speech_seconds", gt=0, le=60
    )
    mels: int = knob(40, "bands of the mel scale", flag="speech_mels", ge=4, le=256)
