"""Which panels are seen in which size: never crowded, never without the present one."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from tui_trainer.ui.keybar import PANELS
from tui_trainer.ui.layout import Layout

layouts = st.builds(
    Layout,
    st.integers(1, 400),
    st.integers(1, 200),
    st.sampled_from(PANELS),
    st.booleans(),
    st.just(False),
    st.booleans(),
)


@given(layouts)
def test_the_present_panel_is_seen(layout: Layout) -> None:
    chosen = layout.current == "inside"
    seen = Layout(layout.width, layout.height, layout.current, layout.is_maximised, chosen, layout.has_inside).seen
    assert layout.current in seen
    assert len(seen) == 1 or {"hyperparameters", "losses", "devices"} < seen


def test_in_the_middle_the_inside_takes_turns_with_the_matrix_and_the_log() -> None:
    assert Layout(120, 40, "losses").seen == set(PANELS) - {"inside"}
    assert Layout(120, 40, "losses", takes_turn=True).seen == set(PANELS) - {"confusion", "log"}
    assert Layout(120, 40, "losses").turn_of("log") == "6 inside"


def test_a_wide_screen_has_a_column_for_it_once_there_is_something_in_it() -> None:
    assert not Layout(160, 50, "losses").has_column
    assert Layout(160, 50, "losses", has_inside=True).has_column
    assert Layout(160, 50, "inside").has_column
    assert Layout(160, 50, "losses", has_inside=True).seen == set(PANELS)
    assert not Layout(160, 50, "losses", has_inside=True, is_maximised=True).has_column


def test_a_small_screen_shows_one_at_a_time() -> None:
    assert Layout(80, 24, "inside", has_inside=True).seen == {"inside"}
    assert Layout(200, 30, "log", has_inside=True).seen == {"log"}
