"""TOML: what is written is read back, and every mistake is said with its file and line."""

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer import config_file
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, build


@st.composite
def configs(draw: st.DrawFn) -> dict[str, object]:
    values: dict[str, object] = {
        "lr": draw(st.floats(1e-12, 1000)),
        "hidden": draw(st.lists(st.integers(1, 65536), max_size=5)),
        "batch_size": draw(st.one_of(st.just("full"), st.integers(2, 10_000))),
        "seed": draw(st.integers(0, 2**63 - 1)),
        "shuffle": draw(st.booleans()),
        "data_dir": draw(st.text(min_size=1, max_size=20).filter(lambda text: "\x00" not in text)),
        "max_norm": draw(st.one_of(st.floats(0, 1e6), st.lists(st.floats(0, 1e6), min_size=2, max_size=2))),
        "activation": draw(st.sampled_from(KNOBS["activation"].choices)),
        "rotation_of": draw(
            st.dictionaries(st.text("abc 1=._", min_size=1, max_size=5), st.floats(0, 180), max_size=3)
        ),
    }
    return {name: value for name, value in values.items() if draw(st.booleans())}


@given(configs())
def test_a_config_survives_the_way_through_its_file(
    tmp_path_factory: pytest.TempPathFactory, values: dict[str, object]
) -> None:
    path = tmp_path_factory.mktemp("toml") / "config.toml"
    try:
        config = build(values)
        text = config_file.to_toml(config).encode("utf-8")
    except (InputError, UnicodeEncodeError):  # lone surrogates are no TOML
        return
    path.write_bytes(text)
    assert config_file.load(path) == config


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("[training\n", "not valid TOML: Expected ']' at the end of a table declaration (at line 1, column 10)"),
        ("[training]\n\nepochs = 0\n", "line 3: training.epochs: 0 is not allowed; expected a whole number at least 1"),
        ("[training]\nepoch = 3\n", "line 2: unknown key training.epoch; did you mean 'epochs'?"),
        ("[trainin]\nepochs = 3\n", "line 1: unknown table 'trainin'; did you mean 'training'?"),
        ("lr = 0.1\n", "line 1: lr stands outside its table; write it as lr below [optimizer]"),
        ("model = 3\n", "line 1: model is a table"),
        ("optimizer.lr = -3\n", "line 1: optimizer.lr: -3 is not allowed"),
        ("[training]\nepochs = true\n", "line 2: training.epochs: true is not allowed"),
        ("[data]\nname = 'mnits'\n", "line 2: data.name: unknown data set 'mnits'; did you mean 'mnist'?"),
        ("a = " + "[" * 5000, "not valid TOML"),
    ],
)
def test_a_mistake_is_said_with_file_and_line(tmp_path: Path, text: str, said: str) -> None:
    path = tmp_path / "wrong.toml"
    path.write_text(text)
    with pytest.raises(InputError) as caught:
        config_file.load(path)
    assert str(caught.value).startswith(str(path))
    assert said in str(caught.value)


def test_what_is_no_readable_file_is_said(tmp_path: Path) -> None:
    (tmp_path / "bytes.toml").write_bytes(b"\xff\xfe")
    for path, said in [
        (tmp_path / "absent.toml", "no such file"),
        (tmp_path, "a folder"),
        (tmp_path / "bytes.toml", "byte 0 is not UTF-8"),
        (Path("nul\x00.toml"), "cannot be read"),
    ]:
        with pytest.raises(InputError, match=said):
            config_file.load(path)


@given(st.text(max_size=200))
def test_any_text_is_a_config_or_a_sentence(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    path = tmp_path_factory.mktemp("toml") / "any.toml"
    path.write_bytes(text.encode("utf-8", "surrogatepass"))
    try:
        config_file.load(path)
    except InputError as error:
        assert str(path) in str(error)  # noqa: PT017
