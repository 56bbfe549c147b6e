"""The command line up to the point where training starts."""

import json
import tomllib
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import Said
from tui_trainer.cli import main
from tui_trainer.knobs import KNOBS

Cli = Callable[..., Said]


def test_a_flag_overrides_the_file_and_the_file_the_default(cli: Cli, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("[optimizer]\nlr = 0.5\n[training]\nepochs = 7\n")
    said = cli(str(file), "--lr", "0.25", "--print-config")
    values = tomllib.loads(said.out)
    assert said.code == 0
    assert (values["optimizer"]["lr"], values["training"]["epochs"], values["training"]["batch_size"]) == (0.25, 7, 64)


def test_another_optimizer_by_flag_drops_what_the_recipe_set_for_its_own(cli: Cli) -> None:
    said = cli("keras-mnist-mlp", "--optimizer", "adam", "--print-config")
    assert tomllib.loads(said.out)["optimizer"]["rho"] == KNOBS["rho"].default


def test_print_config_gives_a_file_that_gives_the_same_config(cli: Cli, tmp_path: Path) -> None:
    first = cli("simplenet", "--hidden", "", "--batch-size", "full", "--print-config").out
    (tmp_path / "again.toml").write_text(first)
    assert cli("again.toml", "--print-config").out == first


def test_without_the_dashboard_the_bare_command_points_to_no_ui(cli: Cli) -> None:
    said = cli()
    assert said.code == 2
    assert "--no-ui" in said.err
    assert not Path("runs").exists()


def test_help_shows_groups_the_value_in_force_and_its_range(cli: Cli) -> None:
    said = cli("keras-mnist-mlp", "--lr", "0.5", "--help")
    text = " ".join(said.out.split())
    assert said.code == 0
    assert "[512,512; up to 64 sizes" in text
    assert "[0.5; a number above 0 and at most 1,000; may change while it trains]" in text
    for heading in ("Data:", "Model:", "Optimizer:", "Learning-rate schedule:", "Training:", "Hardware:"):
        assert heading in said.out
    for knob in KNOBS.values():
        assert knob.flag in said.out


@pytest.mark.parametrize(
    "command", ["attach", "runs", "resume", "predict", "export", "lr-find", "batch-find", "recipes", "devices", "bench"]
)
def test_every_command_has_its_help(cli: Cli, command: str) -> None:
    said = cli(command, "--help")
    assert said.code == 0
    assert f"usage: tui-trainer {command}" in said.out


@pytest.mark.parametrize(
    ("arguments", "said_words"),
    [
        (["--epoch", "3"], "unknown flag --epoch; did you mean '--epochs'?"),
        (["--lr"], "--lr: expected a value"),
        (["--lr", "20000"], "--lr: 20000 is not allowed; expected a number above 0 and at most 1,000"),
        (["simplnet"], "'simplnet' is no recipe; did you mean 'simplenet'?"),
        (["absent.toml"], "absent.toml: no such file"),
        (["simplenet", "extra"], "unexpected argument 'extra'"),
        (["--no-ui", "--data", "mnits"], "did you mean 'mnist'"),
        (["--no-ui", "--name", "../up"], "--name ../up: expected up to 100 letters"),
        (["--no-ui", "--device", "cuda:99"], "--device cuda:99"),
        (["resume"], "the name of a run is missing"),
        (["resume", "nothing"], "no run 'nothing' in runs (no runs there yet)"),
        (["resume", "x", "--seed", "3"], "unknown flag --seed"),
        (["bench", "--rounds", "0"], "expected a whole number from 1 to 100"),
        (["--no-ui", "--runs-dir", "/dev/null/runs"], "is a file; name a folder"),
        (["\x1b[31mred\x07"], "is no recipe"),
        (["--data-dir", "\udcff"], "not UTF-8"),
        (["--no-ui", "--runs-dir", "~nobody-here/x"], "not a folder's name"),
        (["--no-ui", "--runs-dir", "a\0b"], "not a folder's name"),
    ],
)
def test_bad_usage_is_one_sentence_and_code_2(cli: Cli, arguments: list[str], said_words: str) -> None:
    said = cli(*arguments)
    assert said.code == 2
    assert said.out == ""
    assert said.err.startswith("tui-trainer: ")
    assert said.err.count("\n") == 1
    assert said_words in said.err
    assert "\x1b" not in said.err
    assert not Path("runs").exists()


def test_runs_recipes_and_devices_speak_json(cli: Cli) -> None:
    assert json.loads(cli("runs", "--json").out) == []
    names = {recipe["name"] for recipe in json.loads(cli("recipes", "--json").out)}
    assert {"digits", "simplenet", "keras-mnist-mlp", "linear"} <= names
    devices = json.loads(cli("devices", "--json").out)
    assert devices["cpu"]["cores"] >= 1
    assert "digits" in cli("recipes").out
    assert "cpu" in cli("devices").out
    assert "No runs in runs yet" in cli("runs").out


words = st.one_of(
    st.sampled_from(
        [
            *(knob.flag for knob in KNOBS.values()), "--no-shuffle", "--runs-dir", "--name", "--help", "--json",
            "simplenet", "digits", "runs", "resume", "recipes", "adam", "sgd", "0.1", "1e400", "-1", "full", "",
        ]
    ),
    st.text(max_size=10),
)  # fmt: skip


@settings(max_examples=2000)
@given(st.lists(words, max_size=8).filter(lambda arguments: "devices" not in arguments))
def test_any_argument_list_ends_in_a_code_and_never_in_a_traceback(arguments: list[str]) -> None:
    assert main([*arguments, "--print-config"]) in (0, 2)
