"""What looking inside the net costs: `python -m tests.engine.inside_cost [DATA_DIR]`.

Training with looks as they are paced and without any, in alternating rounds, by the processor's time: other people's
work on the machine does not count.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

from tests.engine.small import session
from tui_trainer.engine.inside import Inside
from tui_trainer.engine.inside.affordable import Affordable
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.training import train

ROUNDS = 5


def seconds(values: dict[str, Any], *, looks: bool) -> tuple[float, int]:
    """Processor time of a training, and how often it was looked into."""
    made = session(**values)
    affordable = Affordable() if looks else Affordable(-1.0)
    affordable.spent = 0.0 if looks else 1e-9  # no look at the end either
    began = time.process_time()
    events = [event.event for event in train(made, Saver(None), inside=Inside(made, affordable))]
    return time.process_time() - began, events.count("net_measured")


def main() -> None:
    """A line for each training."""
    trainings: list[dict[str, Any]] = [{"epochs": 300}, {"epochs": 20, "hidden": "256,256"}]
    if len(sys.argv) > 1:
        trainings.append({"data": "mnist", "data_dir": sys.argv[1], "normalize": "unit", "validation": 0, "epochs": 3})
    for values in trainings:
        rounds = [(seconds(values, looks=True), seconds(values, looks=False)) for _ in range(ROUNDS)]
        (with_looks, without), looks = (
            [statistics.median(pair[n][0] for pair in rounds) for n in (0, 1)],
            [pair[0][1] for pair in rounds],
        )
        shown = " ".join(f"{name}={value}" for name, value in values.items() if name != "data_dir")
        print(f"{shown}: {with_looks:.3f} s with {min(looks)} to {max(looks)} looks, {without:.3f} s without, ", end="")
        print(f"{with_looks / without - 1:+.1%} (medians of {ROUNDS} rounds)")


if __name__ == "__main__":
    main()
