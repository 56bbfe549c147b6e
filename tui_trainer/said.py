"""What all events have in common: a name, a time, and a line of JSON."""

from __future__ import annotations

import time
from typing import Annotated, ClassVar

from pydantic import BaseModel, ConfigDict, Field

Count = Annotated[int, Field(ge=0, lt=2**53)]  # more is a damaged line, not a run


class Said(BaseModel):
    """Common to all events. Fields that are None stay out of the line, except the `promised` ones."""

    model_config = ConfigDict(frozen=True, extra="ignore", defer_build=True)  # 12 ms that not every start needs
    promised: ClassVar[frozenset[str]] = frozenset()
    event: str
    time: float = Field(default_factory=lambda: round(time.time(), 3))

    def to_line(self) -> str:
        """The event as one line of JSON, newline included. Numbers that are not finite become null."""
        absent = {name for name, value in self if value is None and name not in self.promised}
        return self.model_dump_json(exclude=absent) + "\n"
