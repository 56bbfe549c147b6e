"""What deforming every picture adds to a step: `python -m tests.engine.augmentation_cost [cpu|cuda] [BATCH ...]`.

784-800-10 on 60,000 random pictures, whole epochs with and without, in turn; medians of the rounds.
"""

from __future__ import annotations

import statistics
import sys
import time
from typing import Any

import torch

from tui_trainer.engine import device
from tui_trainer.engine.data.dataset import DataSet, Samples, Scaling
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.session import Session
from tui_trainer.knobs import build

ROUNDS = 7
DEFORMED: dict[str, dict[str, float]] = {
    "elastic": {"elastic_alpha": 34, "elastic_sigma": 4},
    "elastic and affine": {"elastic_alpha": 34, "elastic_sigma": 4, "rotation": 15, "stretch": 0.15, "shear": 5},
    "and erasing": {"elastic_alpha": 34, "elastic_sigma": 4, "rotation": 15, "stretch": 0.15, "erasing": 0.25},
}


def pictures(samples: int) -> DataSet:
    """Of noise: what is on them costs nothing."""
    made = Samples(torch.randint(0, 256, (samples, 784), dtype=torch.uint8), torch.randint(0, 10, (samples,)))
    names = tuple("0123456789")
    scaling = Scaling(torch.zeros(1), torch.full((1,), 255.0))
    shape = PictureShape(1, 28, 28, 255)
    return DataSet("noise", "classes", made, None, made.part(0, 1000), names, scaling, pictures=shape)


def seconds_a_step(session: Session, steps: int) -> float:
    """Of so many steps or a few more, from the epoch's start; then the device is waited for."""
    session.position = 0
    first = session.step
    clock = time.perf_counter if session.device.type == "cuda" else time.process_time  # others may use the CPU, too
    _wait(session)
    began = clock()
    while session.step - first < steps and session.take_steps():
        pass
    _wait(session)
    return (clock() - began) / (session.step - first)


def _wait(session: Session) -> None:
    if session.device.type == "cuda":
        torch.cuda.synchronize()


def main(where: str, batches: list[int]) -> None:
    """A line for each batch size and kind of deformation."""
    chosen = device.choose(build({"device": where}).hardware)
    data = pictures(60_000).to(chosen)
    if chosen.type == "cpu":
        torch.set_num_threads(1)
    for batch in batches:
        common: dict[str, Any] = {"device": where, "hidden": (800,), "optimizer": "adam", "batch_size": batch}
        made = {"plain": Session(build(common), data, chosen)}
        made |= {name: Session(build({**common, **more}), data, chosen) for name, more in DEFORMED.items()}
        for session in made.values():
            session.start_epoch()
            if session.work_ahead:
                session.prepare_steps()
        steps = 60_000 // batch if chosen.type == "cuda" else max(2, 4000 // batch)
        rounds = [{name: seconds_a_step(session, steps) for name, session in made.items()} for _ in range(ROUNDS + 1)]
        medians = {name: statistics.median(each[name] for each in rounds[1:]) for name in made}
        for name in DEFORMED:
            ratio = medians[name] / medians["plain"]
            print(
                f"{chosen} batch {batch} ({made[name].steps.name}): {medians['plain'] * 1e6:,.1f} µs a step, "
                f"{name}: {medians[name] * 1e6:,.1f} µs, {ratio:.3f} times",
                flush=True,
            )


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "cpu", [int(word) for word in sys.argv[2:]] or [128, 1024])
