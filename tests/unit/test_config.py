"""The declarations: every knob is usable, every range holds, every contradiction is refused with a sentence."""

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.conftest import ROOT
from tui_trainer import config_file
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, build, changed, changed_live, live_names, values_of

LIVE = {
    "lr", "weight_decay", "momentum", "dropout", "input_dropout", "label_smoothing", "batch_size", "clip_norm",
    "epochs", "patience", "min_change", "final_momentum", "mixup", "on_alert",
    "rotation", "scale", "stretch", "shear", "shift", "elastic_alpha", "erasing",
}  # fmt: skip


def test_every_knob_has_a_sentence_a_range_and_a_name_of_its_own() -> None:
    assert sum(len(vars(section)) for section in vars(RunConfig()).values()) == len(KNOBS)
    for knob in KNOBS.values():
        assert len(knob.sentence) > 5
        assert len(knob.expected) > 3
        assert knob.of(RunConfig()) == knob.default


def test_the_knobs_that_the_issue_of_steering_names_are_live() -> None:
    assert set(live_names()) == LIVE


def test_the_default_recipe_spells_the_defaults_out() -> None:
    assert config_file.load(ROOT / "configs" / "digits.toml") == RunConfig()


@pytest.mark.parametrize(
    ("name", "value", "range_in_words"),
    [
        ("lr", "-1", "above 0 and at most 1,000"),
        ("lr", "nan", "above 0"),
        ("lr", "inf", "above 0"),
        ("epochs", "0", "at least 1"),
        ("epochs", "2.5", "a whole number"),
        ("dropout", "1", "at least 0 and below 1"),
        ("batch_size", "0", 'or "full"'),
        ("batch_size", True, 'or "full"'),
        ("hidden", "512,,256", "up to 64 sizes"),
        ("hidden", "0", "from 1 to 65536"),
        ("activation", "rleu", "one of relu"),
        ("device", "gpu", "cuda:N"),
        ("seed", str(2**64), "a whole number"),
        ("shuffle", "maybe", "true or false"),
        ("dropout", "0.2,1", "at least 0 and below 1; or one for each hidden layer"),
        ("dropout", "0.2,", "one for each hidden layer"),
        ("init_scale", "0", "above 0 and at most 10; or one for each hidden layer and the output"),
        ("max_norm", "1,-1", "at least 0"),
    ],
)
def test_a_value_out_of_range_names_flag_value_and_range(name: str, value: object, range_in_words: str) -> None:
    with pytest.raises(InputError) as caught:
        build({name: value})
    said = str(caught.value)
    assert said.startswith(KNOBS[name].flag + ":")
    assert str(value).lower() in said.lower()
    assert range_in_words in said


@pytest.mark.parametrize(
    ("values", "hint"),
    [
        ({"patience": 3, "validation": 0}, "give a validation share"),
        ({"label_smoothing": 0.1, "loss": "mse"}, "cross_entropy"),
        ({"data": "diabetes", "loss": "cross_entropy"}, "use --loss mse"),
        ({"data": "diabetes", "monitor": "val_accuracy"}, "val_rmse"),
        ({"monitor": "val_rmse"}, "val_accuracy"),
        ({"optimizer": "sgd", "nesterov": True}, "--momentum above 0"),
        ({"momentum": 0.9}, "sgd or rmsprop only"),
        ({"rho": 0.9}, "rmsprop only"),
        ({"optimizer": "sgd", "beta1": 0.8}, "adam or adamw only"),
        ({"optimizer": "adamw", "weight_decay_mode": "coupled"}, "--optimizer adam"),
        ({"schedule": "one_cycle", "warmup": 1}, "warms up by itself"),
        ({"warmup": 30}, "make it shorter"),
        ({"step_factor": 0.5}, "schedule step only"),
        ({"normalization": "batch", "batch_size": 1}, "at least 2 samples"),
        ({"data": "mnits"}, "did you mean 'mnist'"),
        ({"dropout": "0.2,0.5"}, "--dropout has 2 numbers for 1 hidden layer: 1 expected, or a single number"),
        ({"hidden": "8,4", "dropout": [0.5]}, "--dropout has 1 number for 2 hidden layers: 2 expected"),
        ({"hidden": "", "dropout": [0.5]}, "--dropout has 1 number for 0 hidden layers"),
        ({"hidden": "8,4", "init_scale": "1,2"}, "--init-scale has 2 numbers for 2 hidden layers and the output: 3"),
        ({"max_norm": [1, 2, 3]}, "--max-norm has 3 numbers for 1 hidden layer and the output: 2 expected"),
        ({"optimizer": "sgd", "final_momentum": 0.9}, "--momentum-epochs"),
        ({"schedule_epochs": 5}, "linear or cosine or one_cycle only"),
        ({"schedule": "linear", "schedule_epochs": 5, "epochs": 9}, "or give --final-factor"),
        ({"schedule": "one_cycle", "schedule_epochs": 5, "epochs": 9}, "make it at least as long"),
        ({"ema_warmup": False}, "with --ema only"),
        ({"data": "./x.csv", "categories": "embedding", "mixup": 0.2}, "--categories one_hot"),
    ],
)
def test_a_combination_that_makes_no_sense_is_refused_with_a_way_out(values: dict[str, object], hint: str) -> None:
    with pytest.raises(InputError, match=hint.replace("(", r"\(")):
        build(values)


def test_early_stopping_on_the_training_loss_needs_no_validation() -> None:
    assert build({"patience": 3, "validation": 0, "monitor": "train_loss"}).training.patience == 3


def test_hidden_sizes_are_read_as_people_type_them() -> None:
    assert build({"hidden": "512, 256"}).model.hidden == (512, 256)
    assert build({"hidden": ""}).model.hidden == ()
    assert build({"hidden": 64}).model.hidden == (64,)
    assert build({"batch_size": "full"}).training.batch_size == "full"


def test_numbers_by_layer_are_read_as_people_type_them() -> None:
    read = build({"hidden": "8,4", "dropout": "0.2, 0.5", "init_scale": [0.1, 0, 0], "max_norm": "3"})
    assert (read.model.dropout, read.model.init_scale) == ((0.2, 0.5), (0.1, 0.0, 0.0))
    assert read.regularization.max_norm == 3.0
    assert build({"dropout": [0.2]}).model.dropout == (0.2,)
    with pytest.raises(InputError, match="2 numbers for 1 hidden layer"):
        changed_live(build({}), {"dropout": [0.1, 0.2]})


def test_a_live_change_is_checked_like_any_other() -> None:
    config = build({"optimizer": "sgd"})
    assert changed_live(config, {"lr": 0.5, "momentum": 0.9}).optimizer.momentum == 0.9
    wrong: list[tuple[dict[str, object], str]] = [
        ({"lr": -1}, "above 0"),
        ({"seed": 3}, "cannot change while a run trains"),
        ({"lrr": 3}, "did you mean 'lr'"),
        ({"patience": "many"}, "a whole number"),
    ]
    for changes, hint in wrong:
        with pytest.raises(InputError, match=hint):
            changed_live(config, changes)
    with pytest.raises(InputError, match="sgd or rmsprop"):
        changed_live(build({}), {"momentum": 0.9})


anything = st.one_of(
    st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8), st.lists(st.integers(), max_size=3),
    st.sampled_from(["full", "auto", "sgd", "cosine", "batch", "mse", "512,256", "1e-3", "cuda:1"]),
)  # fmt: skip


@settings(max_examples=3000)
@given(st.dictionaries(st.sampled_from(sorted(KNOBS)), anything, max_size=8))
def test_any_values_give_a_config_or_a_sentence(values: dict[str, object]) -> None:
    try:
        config = build(values)
    except InputError as error:
        assert re.fullmatch(r".+", str(error))  # noqa: PT017
        return
    assert build(values_of(config)) == config
    assert changed(config, {}) == config
