"""A screen that waits for a process of its own: seconds go by in its heading, and one is at work at a time."""

from __future__ import annotations

import time
from collections.abc import AsyncGenerator, Callable
from contextlib import aclosing
from typing import ClassVar, TypeVar

from textual.screen import Screen

from tui_trainer.errors import InputError
from tui_trainer.ui.attempt import attempt
from tui_trainer.ui.form import Form
from tui_trainer.ui.run_table import Told

SECONDS_BETWEEN_LOOKS = 0.5
Step = TypeVar("Step")


class WaitingScreen(Screen[None]):
    """Over a form. Subclasses have a heading (`Told`) and show everything in `show_all`."""

    BUSY: ClassVar[str] = ""  # why nothing else can begin
    NAME: ClassVar[str] = ""  # of what is done, in a sentence

    def __init__(self, form: Form) -> None:
        super().__init__()
        self._form = form
        self._phase, self._problem, self._began = "", "", 0.0

    def on_mount(self) -> None:
        """The clock starts."""
        self.set_interval(SECONDS_BETWEEN_LOOKS, self.look)
        self.app.theme_changed_signal.subscribe(self, lambda _theme: self.show_all())

    def show_all(self) -> None:
        """Everything, from what is known."""
        raise NotImplementedError

    @property
    def is_busy(self) -> bool:
        """Whether the process is at work."""
        return bool(self._phase)

    def look(self) -> None:
        """Seconds go by."""
        if self.is_busy:
            self.query_one("#heading", Told).repaint()

    def begin(self) -> bool:
        """Whether it may begin: nothing else is at work, and the form holds together; if not, why is told."""
        if self.is_busy:
            self.notify(self.BUSY, timeout=4)
            return False
        if not attempt(self, self._form.config):
            return False
        self._phase, self._problem, self._began = "starting", "", time.monotonic()
        return True

    async def follow(self, steps: AsyncGenerator[Step, None], take_in: Callable[[Step], None]) -> None:
        """Until the process ends; whatever ends this ends it."""
        began = self._began
        try:
            async with aclosing(steps):
                async for step in steps:
                    take_in(step)
        except InputError as error:
            self._problem = str(error)
        except OSError as error:
            self._problem = f"{self.NAME} cannot be started: {error.strerror or error}"
        finally:
            if self._began == began:  # nothing else has begun while this one ended
                self._phase = ""
