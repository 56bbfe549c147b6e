"""The form without a screen: steps, folding, search, validation, and live drafts."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, build, read_value, values_of
from tui_trainer.ui.form import Form, spoken
from tui_trainer.ui.stepping import stepped


def form(**values: object) -> Form:
    return Form(build(values), "digits")


@given(st.sampled_from(sorted(KNOBS)), st.lists(st.sampled_from([-1, 1]), max_size=60))
def test_whatever_is_stepped_stays_allowed(name: str, steps: list[int]) -> None:
    knob = KNOBS[name]
    value = knob.default
    for direction in steps:
        value = stepped(knob, value, direction)
        assert read_value(name, value) == value


@pytest.mark.parametrize(
    ("name", "values"),
    [
        ("lr", [0.0005, 0.001, 0.002, 0.005, 0.01]),
        ("batch_size", [16, 32, 64, 128]),
        ("dropout", [0.0, 0.05, 0.1, 0.15]),
        ("weight_decay", [0.0, 0.0001, 0.0002, 0.0005]),
        ("hidden", [(64,), (128,), (256,)]),
        ("beta2", [0.99, 0.995, 0.998, 0.999]),
        ("activation", ["relu", "leaky_relu", "elu"]),
        ("shuffle", [False, True, False]),
        ("clip_norm", [0.0, 0.1, 0.2, 0.5, 1.0]),
        ("dropout", [(0.1, 0.0, 0.45), (0.15, 0.0, 0.5), (0.2, 0.0, 0.55)]),  # what is off stays off
        ("init_scale", [(0.01, 0.05, 0.0), (0.02, 0.1, 0.0)]),
    ],
)
def test_steps_go_up_and_come_back_the_same_way(name: str, values: list[object]) -> None:
    knob = KNOBS[name]
    for below, above in pairwise(values):
        assert stepped(knob, below, 1) == pytest.approx(above)
        assert stepped(knob, above, -1) == pytest.approx(below)


def test_a_step_never_leaves_the_range() -> None:
    assert stepped(KNOBS["validation"], 0.9, 1) == 0.9
    assert stepped(KNOBS["epochs"], 1, -1) == 1
    assert stepped(KNOBS["batch_size"], 1, -1) == 1
    assert stepped(KNOBS["batch_size"], "full", -1) == 4096


def test_only_fields_with_an_effect_are_there() -> None:
    shown = form()
    names = [row.knob.name for row in shown.rows() if row.knob]
    assert "beta1" in names
    assert "momentum" not in names
    shown.set_text("optimizer", "sgd")
    names = [row.knob.name for row in shown.rows() if row.knob]
    assert "beta1" not in names
    assert "momentum" in names


def test_a_value_without_effect_is_left_out_of_the_run() -> None:
    one = form(optimizer="sgd", momentum="0.9")
    one.set_text("optimizer", "adam")
    assert one.problem() == ""
    assert one.config().optimizer.momentum == 0.0


def test_numbers_by_layer_are_typed_shown_and_sent() -> None:
    one = form(hidden="8,4")
    one.set_text("dropout", "0.2,0.5")
    assert one.config().model.dropout == (0.2, 0.5)
    assert spoken(one.values["dropout"], "dropout") == "0.2,0.5"
    one.set_text("hidden", "8")
    assert "2 numbers for 1 hidden layer" in one.problem()
    live = Form(build({"hidden": "8,4", "dropout": "0.2,0.5"}), "digits", is_live=True)
    live.set_text("dropout", "0.1,0.4")
    assert live.drafts == {"dropout": (0.1, 0.4)}
    live.hold({"dropout": [0.1, 0.4]})
    assert (live.drafts, live.values["dropout"]) == ({}, (0.1, 0.4))


def test_folding_hides_fields_and_a_search_finds_them_all_the_same() -> None:
    one = form()
    one.fold("model")
    assert not [row for row in one.rows() if row.knob and row.section == "model"]
    one.filter = "drop"
    found = {row.knob.name for row in one.rows() if row.knob}
    assert {"dropout", "input_dropout", "drop_last"} <= found
    one.go_to("max_norm")
    assert one.current.knob is KNOBS["max_norm"]
    assert one.filter == ""


@pytest.mark.parametrize(
    ("name", "text", "expected"),
    [("lr", "fast", "above 0"), ("hidden", "128,0", "sizes from 1"), ("device", "tpu", "auto, cpu, cuda"),
     ("data", "mnits", "mnist"), ("batch_size", "0", "full"), ("seed", "-1", "at least 0")],
)  # fmt: skip
def test_a_bad_value_is_refused_with_what_is_expected(name: str, text: str, expected: str) -> None:
    one = form()
    before = dict(one.values)
    with pytest.raises(InputError, match=expected):
        one.set_text(name, text)
    assert one.values == before


def test_values_that_contradict_each_other_are_a_problem_not_a_refusal() -> None:
    one = form()
    one.set_text("loss", "cross_entropy")
    one.set_text("data", "diabetes")
    assert "needs classes" in one.problem()
    one.set_text("loss", "auto")
    assert one.problem() == ""


def test_a_live_form_changes_live_fields_alone_and_as_drafts() -> None:
    live = Form(RunConfig(), "digits", is_live=True)
    live.go_to("hidden")
    assert not live.step(1)
    live.go_to("lr")
    assert live.step(1)
    assert live.drafts == {"lr": 0.002}
    assert live.values["lr"] == 0.001
    assert live.step(-1)
    assert live.drafts == {}
    live.set_text("lr", "0.5")
    live.hold({"lr": 0.5, "epochs": 9})
    assert (live.drafts, live.values["lr"], live.values["epochs"]) == ({}, 0.5, 9)


def test_a_locked_form_changes_nothing() -> None:
    locked = Form(RunConfig(), "digits", is_live=True, is_locked=True)
    locked.go_to("lr")
    assert not locked.step(1)
    assert locked.drafts == {}


def test_the_form_gives_the_config_it_was_given() -> None:
    config = build({"data": "iris", "hidden": "32,16", "optimizer": "sgd", "momentum": "0.9", "batch_size": "full"})
    assert values_of(Form(config, "x").config()) == values_of(config)


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [("shuffle", True, "on"), ("eps", 1e-8, "1e-08"), ("hidden", (), "linear"), ("hidden", (512, 256), "512,256"),
     ("target", (), "none"), ("columns", {}, "none"), ("columns", {"zip": "category"}, "zip=category"),
     ("data", "/home/somebody/some/where/people.csv", "…/people.csv"), ("data", "./people.csv", "./people.csv")],
)  # fmt: skip
def test_values_as_the_form_says_them(name: str, value: object, words: str) -> None:
    assert spoken(value, name) == words
