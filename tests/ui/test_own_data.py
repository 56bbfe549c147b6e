"""The form for data of one's own: a path in place of a name, words, mappings, and which of several splits is meant."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from tests.ui.screens import opened, shown, text_of
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.knobs import KNOBS, build, values_of
from tui_trainer.run_dir import RunDir
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.field import OF_YOUR_OWN, asking_for
from tui_trainer.ui.form import Form, spoken, typed

TWENTY = "20 splits: choose one with split number 1..20, or run all of them with --no-ui"


@pytest.fixture
def people(tmp_path: Path) -> Path:
    """A file of one's own, in the present folder."""
    path = tmp_path / "people.csv"
    path.write_text("age,income\n40,low\n50,high\n")
    return path


def own(path: Path | str = "./people.csv", **values: object) -> Form:
    return Form(build({"data": str(path), **values}), "people")


def names_in(form: Form) -> list[str]:
    return [row.knob.name for row in form.rows() if row.knob]


def test_a_path_is_typed_in_place_of_a_name_and_holds_from_anywhere(people: Path) -> None:
    form = Form(RunConfig(), "digits")
    form.set_text("data", "people.csv")
    assert form.values["data"] == str(people)
    assert form.config().data.name == str(people)
    assert form.stem == "people"
    assert form.problem() == ""


def test_a_home_is_expanded(people: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME", str(people.parent))
    form = Form(RunConfig(), "digits")
    form.set_text("data", "~/people.csv")
    assert form.values["data"] == str(people)


def test_a_file_that_is_not_there_is_a_problem() -> None:
    form = own("./nobody.csv")
    assert form.problem().startswith("--data ./nobody.csv: no such file or folder")


def test_fields_for_own_files_come_with_a_path_and_go_with_a_name(people: Path) -> None:
    form = Form(RunConfig(), "digits")
    assert not {"target", "columns", "test_data"} & set(names_in(form))
    sections = [row.section for row in form.rows()]
    assert "split" in sections
    assert not {"table", "text", "images", "speech"} & set(sections)
    form.set_text("data", str(people))
    assert {"target", "columns", "test_data"} <= set(names_in(form))
    assert {"split", "table", "text", "images", "speech"} <= form.folded
    assert {"split", "table", "text", "images", "speech"} <= {row.section for row in form.rows()}
    form.set_text("target", "income")
    form.set_text("data", "mnist")
    assert form.problem() == ""
    assert form.config().data.target == ()
    assert "split" not in [row.section for row in form.rows()]


def test_words_and_mappings_are_typed_as_they_are_shown(people: Path) -> None:
    form = own(people)
    form.set_text("target", "red, green,blue")
    form.set_text("columns", "zip=category,note=ignore")
    form.set_text("derived", "rooms=total/households")
    form.set_text("missing", "")
    config = form.config()
    assert config.data.target == ("red", "green", "blue")
    assert config.data.columns == {"zip": "category", "note": "ignore"}
    assert config.data.derived == {"rooms": "total/households"}
    assert config.table.missing == ()
    assert spoken(form.values["columns"], "columns") == "zip=category,note=ignore"
    with pytest.raises(InputError, match="zip=colour is not allowed; expected pairs as in zip=category"):
        form.set_text("columns", "zip=colour")


words = st.text("abcé xyz_.-", min_size=1).map(str.strip).filter(bool)


@given(
    target=st.lists(words, max_size=30),
    kinds=st.dictionaries(words, st.sampled_from(["number", "category", "ignore"]), max_size=30),
)
def test_however_long_a_value_is_editing_it_loses_nothing(target: list[str], kinds: dict[str, str]) -> None:
    assume(not any(kinds.get(name) in ("ignore", "constant") for name in target))  # which is refused
    form = own(target=tuple(target), columns=kinds)
    for name in ("target", "columns", "missing", "data"):
        before = form.values[name]
        form.set_text(name, typed(before))
        assert form.values[name] == before


@given(st.sampled_from(sorted(KNOBS)), st.lists(st.sampled_from([-1, 1]), max_size=8))
def test_no_key_breaks_the_form_of_own_data(name: str, steps: list[int]) -> None:
    form = own(target="a,b", columns="a=number", derived="c=a+b", missing="NA,?", folds=5)
    form.go_to(name)
    for direction in steps:
        form.step(direction)
    form.to_default()
    for row in form.rows():
        if row.knob:
            assert spoken(form.value(row.knob), row.knob.name)
            asking_for(row.knob, form, ["cpu"])
    form.problem()


def test_a_step_does_not_throw_a_typed_path_away(people: Path) -> None:
    form = own(people)
    form.go_to("data")
    assert not form.step(1)
    assert form.values["data"] == str(people)


def test_of_several_splits_one_has_to_be_chosen(people: Path) -> None:
    Path("splits.txt").write_text("".join(f"{number} {number + 1}\n" for number in range(20)))
    form = own(people)
    assert "split_number" not in [row.knob.name for row in form.rows() if row.knob]
    form.set_text("test_rows", "splits.txt")
    assert form.problem() == TWENTY
    form.go_to("split_number")
    assert form.step(1)
    assert form.problem() == ""
    assert form.config().split.number == 1
    form.set_text("split_number", "21")
    assert "has 20 splits; choose one of 1..20" in form.problem()


def test_a_desk_does_not_start_several_splits(tmp_path: Path) -> None:
    desk = Desk(Wish(runs_dir=tmp_path / "runs", config=build({"data": "iris", "folds": 20}), stem="iris"))
    assert desk.view().problem == TWENTY
    with pytest.raises(InputError, match="20 splits"):
        desk.start()
    assert not (tmp_path / "runs").exists()


@pytest.mark.parametrize("name", ["concrete-20-1.split-07", "concrete-20-3.fold-1", "concrete-20-5"])
def test_a_run_made_from_one_of_several_splits_is_named_after_their_recipe(name: str) -> None:
    assert Desk.stem_of(RunDir(Path(name))) == "concrete-20"


async def test_the_list_of_data_sets_asks_for_a_path_too(people: Path) -> None:
    desk = Desk(Wish(runs_dir=Path("runs"), config=RunConfig(), stem="digits"))
    async with opened(desk, (80, 24)) as (app, pilot):
        desk.form.go_to("data")
        await pilot.press("enter")
        await shown(pilot, lambda: OF_YOUR_OWN in text_of(app))
        await pilot.press("home", "enter")
        await shown(pilot, lambda: "~ is your home" in text_of(app))
        await pilot.press(*"peopl", "enter")
        await shown(pilot, lambda: "no such file or folder" in text_of(app))
        await pilot.press(*"e.csv", "enter")
        await shown(pilot, lambda: desk.form.values["data"] == str(people))
        await shown(pilot, lambda: "/people.csv" in text_of(app))
        assert "target" in text_of(app)
        assert values_of(desk.form.config())["data"] == str(people)
