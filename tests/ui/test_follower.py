"""What a viewer makes of a run's folder, whatever happens to it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.ui.scenes import ended, recorded, run_with, scene, until_epoch
from tests.ui.screens import opened, shown, text_of
from tui_trainer.config import RunConfig
from tui_trainer.events import EpochEnded, RunResumed, RunStarted
from tui_trainer.run_state import RunState, advance
from tui_trainer.ui.desk import Desk, Wish
from tui_trainer.ui.follower import EpochIndex, RunFollower


def resumed(epochs_done: int, step: int) -> RunResumed:
    facts = next(event for event in recorded() if isinstance(event, RunStarted))
    place = {"epochs": 10, "epochs_done": epochs_done, "step": step, "checkpoint": "last", "live": {"lr": 0.01}}
    return RunResumed.model_validate({**facts.model_dump(exclude={"event", "epochs"}), **place})


def test_the_state_is_the_fold_of_all_events(tmp_path: Path) -> None:
    events = [*until_epoch(recorded(), 6.3), resumed(4, 3752), *until_epoch(recorded(), 2.2)[3:]]
    follower = RunFollower(run_with(tmp_path, events))
    follower.read(10)
    state = RunState()
    for event in events:
        state = advance(state, event)
    assert follower.state == state
    assert follower.is_complete


def test_any_epoch_is_read_back_from_the_file(tmp_path: Path) -> None:
    follower = RunFollower(run_with(tmp_path, recorded()))
    follower.read(10)
    said = {event.epoch: event for event in recorded() if isinstance(event, EpochEnded)}
    assert {number: follower.epoch(number) for number in said} == said
    assert follower.epoch(99) is None


@given(st.integers(1, 20_000), st.integers(0, 20_000))
def test_the_index_of_epochs_stays_small_and_ends_with_the_newest(epochs: int, cut: int) -> None:
    index = EpochIndex()
    for epoch in range(1, epochs + 1):
        index.add(epoch, epoch * 10)
    assert len(index.epochs) <= 4097
    assert index.epochs[-1] == epochs
    assert index.place_of(epochs) == epochs * 10
    index.cut_after(cut)
    assert not index.epochs or index.epochs[-1] <= cut


def test_a_file_that_was_cut_is_read_anew(tmp_path: Path) -> None:
    run = run_with(tmp_path, recorded())
    follower = RunFollower(run)
    follower.read(10)
    assert follower.state.status == "completed"
    run.events.write_text("".join(event.to_line() for event in until_epoch(recorded(), 2.5)))
    follower.read(10)
    assert follower.state.epochs_done == 2
    assert follower.state.ended is None


def test_the_live_settings_in_force_are_those_last_said(tmp_path: Path) -> None:
    follower = RunFollower(run_with(tmp_path, recorded()))
    follower.read(10)
    config = follower.config()
    assert config
    assert config.optimizer.lr == 0.0003
    with follower.run.events.open("a") as file:
        file.write(resumed(4, 3752).to_line())
    follower.read(10)
    config = follower.config()
    assert config
    assert config.optimizer.lr == 0.01


async def test_a_run_that_falls_silent_is_said_to_be(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, (120, 40)) as (app, pilot):
            assert desk.follower
            monkeypatch.setattr(desk.follower, "heard_at", desk.follower.heard_at - 45)
            await shown(pilot, lambda: "training, silent for 0:40" in text_of(app))


async def test_a_folder_that_is_gone_is_said_to_be(tmp_path: Path) -> None:
    run = run_with(tmp_path, until_epoch(recorded(), 4.5))
    async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), (120, 40)) as (app, pilot):
        run.remove()
        await shown(pilot, lambda: "was moved or deleted" in text_of(app))
        await pilot.press("n")
        await shown(pilot, lambda: "○ ready" in text_of(app))


async def test_a_viewer_that_slept_catches_up(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    run = run_with(tmp_path, until_epoch(recorded(), 2.5))
    with run.take_lock():
        async with opened(Desk(Wish(tmp_path, RunConfig(), "x", run=run)), (120, 40)) as (app, pilot):
            monkeypatch.setattr("tui_trainer.ui.stage.SECONDS_READING", 1e-4)  # of work: much less than there is
            late = [event for event in recorded() if event.event == "progress"] * 2000
            with run.events.open("a") as file:
                file.write("".join(event.to_line() for event in late) + recorded()[-1].to_line())
            await shown(pilot, lambda: "✔ completed" in text_of(app))


def test_a_worker_that_dies_while_it_resumes_is_told(tmp_path: Path) -> None:
    run = run_with(tmp_path, ended(until_epoch(recorded(), 6.3), reason="stopped"))
    desk = Desk(Wish(tmp_path, RunConfig(), "x", run=run))
    desk.read(5)
    desk._waits_for_worker = True
    run.lock.write_text("process 4711 on gpu-box\n")
    run.log.write_text("MemoryError: no room\n")
    run.exit.write_text(json.dumps({"exit": 1, "pid": 4711, "log_start": 0}))
    assert desk.read(5) == ["the worker ended with exit code 1: MemoryError: no room"]
    assert desk.view().status == "stopped"
    assert desk.read(5) == []


async def test_the_palette_survives_a_page_down_while_it_fills(tmp_path: Path) -> None:
    with scene("training", tmp_path) as desk:
        async with opened(desk, (120, 40)) as (app, pilot):
            await pilot.press("ctrl+p", "z", "pagedown", "pageup", "backspace", "pagedown", "escape", "escape")
            await shown(pilot, lambda: len(app.screen_stack) == 1)
