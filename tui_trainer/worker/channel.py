"""How our agent and the processes that it started talk: a folder that lives as long as the agent.

task.json    what they train, and how they show it
asked        a FIFO: signals that the agent was sent, one a line, for the first process; its end is the agent's end
begun        the first process has said that the run began
end.json     the first process ended in good order, with this exit code: whatever follows is no accident
died         why they were started again
story-N      what process N says of its own failure
"""

from __future__ import annotations

import json
import os
import select
import shutil
import tempfile
import threading
from contextlib import suppress
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tui_trainer.commands import Stop


@dataclass(frozen=True)
class Task:
    """What the processes are started for."""

    run: str  # its folder
    resumes: bool = False  # what earlier processes began
    changes: dict[str, Any] = field(default_factory=dict)  # of a resume
    apply: str = ""  # the remedy that it begins with, `divergence-1:2`
    tells_phases: bool = False  # to viewers: they see nothing else while data are read
    as_json: bool = False  # on standard output


class Channel:
    """The agent's end."""

    def __init__(self, task: Task) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="tui-trainer-"))
        (self.folder / "task.json").write_text(json.dumps(asdict(task)))
        os.mkfifo(self.folder / "asked")
        self._asked = os.open(self.folder / "asked", os.O_RDWR)

    def ask(self, stop: Stop) -> None:
        """Hand a signal on to the first process, be it this one or the next that is started in its place."""
        os.write(self._asked, f"{stop.signal}\n".encode())

    @property
    def has_begun(self) -> bool:
        """Whether the run began, or went on, in these processes."""
        return (self.folder / "begun").exists()

    @property
    def end(self) -> int | None:
        """The exit code of an end in good order."""
        with suppress(OSError, ValueError):
            return int(json.loads((self.folder / "end.json").read_bytes()))
        return None

    def story(self, rank: int) -> str:
        """What a process said of its failure, or ""; it is forgotten then."""
        path = self.folder / f"story-{rank}"
        with suppress(OSError):
            text = path.read_text()
            path.unlink()
            return text
        return ""

    def starts_again(self, why: str) -> None:
        """Leave word for the next ones."""
        (self.folder / "died").write_text(why)

    def close(self) -> None:
        """Hang up: whoever still listens ends."""
        os.close(self._asked)
        shutil.rmtree(self.folder, ignore_errors=True)


class Line:
    """The end of one of the processes. From its making on, the process ends when the agent does."""

    def __init__(self, folder: Path, rank: int) -> None:
        self._folder, self._rank = folder, rank
        self.task = Task(**json.loads((folder / "task.json").read_bytes()))
        self._asked = os.open(folder / "asked", os.O_RDONLY | os.O_NONBLOCK)
        threading.Thread(target=self._end_with_agent, daemon=True).start()

    def asked(self) -> list[Stop]:
        """The signals that came in since the last look. For the first process alone."""
        with suppress(BlockingIOError):
            return [Stop(signal=name) for name in os.read(self._asked, 4096).decode().split()]
        return []

    def is_begun(self) -> bool:
        """Whether earlier processes of this agent have begun."""
        return (self._folder / "begun").exists()

    def say_begun(self) -> None:
        """From now on there is something to save when a signal comes."""
        (self._folder / "begun").touch()

    def say_end(self, code: int) -> None:
        """The run ended in good order, with this exit code."""
        temporary = self._folder / "end.json.new"
        temporary.write_text(json.dumps(code))
        temporary.replace(self._folder / "end.json")

    def has_ended(self) -> bool:
        """Whether the first process ended in good order."""
        return (self._folder / "end.json").exists()

    def tell(self, story: str) -> None:
        """Why this process dies."""
        with suppress(OSError):
            (self._folder / f"story-{self._rank}").write_text(story)

    def why_again(self) -> str:
        """Why the group was started again, or ""."""
        with suppress(OSError):
            return (self._folder / "died").read_text()
        return ""

    def _end_with_agent(self) -> None:
        """An agent that was killed has let go of the run's lock: nobody may write to its folder any more."""
        waiting = select.poll()
        waiting.register(self._asked, 0)  # nothing but the hang-up
        waiting.poll()
        shutil.rmtree(self._folder, ignore_errors=True)
        os._exit(1)
