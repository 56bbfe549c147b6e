"""Opening the app in a test, waiting for what it shows, and comparing screens with those on disk."""

from __future__ import annotations

import difflib
import os
import re
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path

from rich.color import ColorSystem
from textual.pilot import Pilot

from tui_trainer.ui.app import TrainerApp
from tui_trainer.ui.desk import Desk
from tui_trainer.ui.stage import Stage

SNAPSHOTS = Path(__file__).parent / "snapshots"
UPDATE = "UPDATE_SNAPSHOTS"  # in the environment: write the screens instead of comparing them
Size = tuple[int, int]


def text_of(app: TrainerApp) -> str:
    """The screen as lines of text, as the terminal would get it."""
    strips = app.screen._compositor.render_strips()
    return "\n".join(strip.text.rstrip() for strip in strips) + "\n"


def picture_of(app: TrainerApp, title: str) -> str:
    """The screen as SVG, without the fonts and the numbers that differ from run to run."""
    svg = app.export_screenshot(title=title)
    svg = re.sub(r"@font-face\s*\{.*?\}", "", svg, flags=re.DOTALL)
    svg = re.sub(r"terminal-\d+", "terminal", svg).replace("Fira Code", "ui-monospace, Menlo, DejaVu Sans Mono")
    return "\n".join(line.rstrip() for line in svg.splitlines()) + "\n"


@asynccontextmanager
async def opened(desk: Desk, size: Size, *, is_ascii: bool = False) -> AsyncIterator[tuple[TrainerApp, Pilot[None]]]:
    """The app over a desk, once it has read everything and the devices have been seen."""
    app = TrainerApp(desk, is_ascii=is_ascii)
    app.console._color_system = ColorSystem.TRUECOLOR  # whatever terminal the tests run in
    async with app.run_test(size=size, notifications=True) as pilot:
        await shown(pilot, lambda: "AMD EPYC" in text_of(app) or size[0] < 100 or size[1] < 34)
        await settled(pilot)
        yield app, pilot


async def settled(pilot: Pilot[None]) -> None:
    """Until nothing more is pending: two looks at the screen give the same."""
    app = pilot.app
    assert isinstance(app, TrainerApp)
    before = ""
    end = time.monotonic() + 10
    while time.monotonic() < end:
        if isinstance(app.screen, Stage):
            app.screen.look()
            for panel in app.screen.query("Panel"):
                panel.repaint()  # type: ignore[attr-defined]
        await pilot.pause()
        if (now := text_of(app)) == before:
            return
        before = now
    raise AssertionError("the screen does not come to rest")


async def shown(pilot: Pilot[None], condition: Callable[[], object], seconds: float = 20) -> None:
    """Wait for a condition; the failure shows the screen."""
    end = time.monotonic() + seconds
    while not condition():
        app = pilot.app
        assert isinstance(app, TrainerApp)
        assert time.monotonic() < end, "this is what is shown:\n" + text_of(app)
        await pilot.pause(0.01)


def check_snapshot(name: str, now: str) -> None:
    """The same as on disk, or a difference that can be read; UPDATE_SNAPSHOTS=1 writes it."""
    path = SNAPSHOTS / name
    if os.environ.get(UPDATE):
        path.parent.mkdir(exist_ok=True)
        path.write_text(now)
        return
    assert path.exists(), f"no snapshot {name}; look at the screen, then run with {UPDATE}=1"
    before = path.read_text()
    difference = difflib.unified_diff(before.splitlines(), now.splitlines(), "on disk", "now", lineterm="", n=1)
    assert now == before, "\n".join(line[:200] for line in list(difference)[:60])
