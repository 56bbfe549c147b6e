"""Events and commands: what is written is read back, what is foreign is passed over, garbage harms nothing."""

import json
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import BaseModel

from tui_trainer import commands, events
from tui_trainer.inside_events import Histogram, LayerFacts, Remedy, WeightPicture
from tui_trainer.words import describe

numbers = st.floats(allow_nan=False, allow_infinity=False)


def of(kind: type[BaseModel]) -> st.SearchStrategy[BaseModel]:
    """Any event of a kind, its optional figures now there, now not."""
    figures = {
        name: numbers if field.annotation is float else st.none() | numbers
        for name, field in kind.model_fields.items()
        if field.annotation is float or field.annotation == (float | None)
    }
    changes = {
        name: st.just({"lr": 0.1, "batch_size": "full"}) for name in ("values", "before") if name in kind.model_fields
    }
    kind.model_rebuild()  # its signature is made when it is first used
    return st.builds(kind, **figures, **changes)


PARTS = (Histogram, Remedy, WeightPicture, LayerFacts)
for part in PARTS:
    st.register_type_strategy(part, of)


def kinds() -> list[type[BaseModel]]:
    return list(get_args(events.Event))


@given(st.sampled_from(kinds()).flatmap(of))
def test_an_event_survives_the_way_through_its_line(event: events.Event) -> None:
    line = event.to_line()
    assert line.endswith("\n")
    assert "\n" not in line[:-1]
    raw = json.loads(line)
    assert list(raw)[:2] == ["event", "time"]
    back = events.parse(line)
    assert back is not None
    assert events.parse(back.to_line()) == back


def test_names_that_programs_rely_on_are_always_there() -> None:
    epoch = events.EpochEnded(
        epoch=1, epochs=2, step=3, train_loss=0.5, lr=0.1, samples_per_second=9, seconds=1, is_best=True,
        val_loss=0.4, val_accuracy=0.9,
    )  # fmt: skip
    named = {"epoch", "epochs", "step", "train_loss", "val_loss", "val_accuracy", "lr", "samples_per_second", "seconds"}
    assert named <= set(json.loads(epoch.to_line()))
    end = json.loads(events.RunEnded(reason="failed", message="no space").to_line())
    assert {"reason", "test_loss", "test_accuracy", "best_epoch", "run_dir", "seconds"} <= set(end)
    values = json.loads(
        events.RunEnded(reason="completed", message="", test_loss=1, test_rmse=2, test_r2=0.5).to_line()
    )
    assert {"test_rmse", "test_r2"} <= set(values)
    assert "test_accuracy" not in values


def test_later_fields_are_ignored_and_later_events_passed_over() -> None:
    line = '{"event":"paused","time":1.0,"step":3,"mood":"calm"}'
    assert events.parse(line) == events.Paused(time=1.0, step=3)
    assert events.parse('{"event":"danced","time":1.0}') is None


@given(st.one_of(st.text(), st.binary()))
def test_no_line_breaks_the_reader(line: str | bytes) -> None:
    events.parse(line)


@pytest.mark.parametrize(
    "command",
    [commands.Pause(id="a"), commands.Resume(), commands.Stop(), commands.Save(), commands.Evaluate(),
     commands.SetHyperparameters(values={"lr": 0.1, "batch_size": "full"}, id="b")],
)  # fmt: skip
def test_a_command_survives_the_way_through_its_line(command: commands.Command) -> None:
    assert commands.parse(commands.to_line(command)) == command


@pytest.mark.parametrize(
    ("line", "why"),
    [
        ("pause", "not JSON"),
        ("[]", "no command named"),
        ('{"command": 3}', "no command named"),
        ('{"command": "pasue"}', "did you mean 'pause'"),
        ('{"command": "set"}', "nothing to set"),
        ('{"command": "pause", "now": true}', "now"),
        ("[" * 100_000, "not JSON"),
        ('{"command": "stop", "signal": "SIGTERM"}', "by the worker alone"),
    ],
)
def test_a_malformed_command_is_refused_with_a_reason(line: str, why: str) -> None:
    with pytest.raises(commands.MalformedCommandError, match=why):
        commands.parse(line)


json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(max_size=5),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(), inner),
)


@given(
    st.one_of(
        st.text(), json_values.map(json.dumps),
        st.dictionaries(st.sampled_from(["command", "id", "lr", "values", "epochs"]), json_values).map(json.dumps),
        json_values.map(lambda value: json.dumps({"command": "set", "values": value})),
    )
)  # fmt: skip
def test_any_line_is_a_command_or_a_reason(line: str) -> None:
    try:
        commands.parse(line)
    except commands.MalformedCommandError as error:
        assert str(error)  # noqa: PT017


def test_set_takes_the_flags_names_with_dashes_too() -> None:
    assert commands.parse('{"command":"set","batch-size":32}') == commands.SetHyperparameters(values={"batch_size": 32})


def test_a_command_cannot_steer_the_terminal_that_shows_it() -> None:
    with pytest.raises(commands.MalformedCommandError) as caught:
        commands.parse('{"command":"pause","\\u001b]0;owned\\u0007":1}')
    said = describe(events.CommandRejected(line="", why=str(caught.value)))
    assert "owned" in said
    assert said.isprintable()


def test_values_that_changed_are_written_as_the_form_writes_them() -> None:
    values, before = {"lr": 5.0, "patience": 3}, {"lr": 50.0, "patience": 0}
    changed = events.HyperparametersChanged(step=7, epoch=1, values=values, before=before)
    assert describe(changed) == "Changed at step 7: lr 50 -> 5, patience 0 -> 3"
