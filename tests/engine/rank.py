"""One of several processes that train small sessions together: `python -m tests.engine.rank RANK SIZE MEETING CASES`.

CASES is JSON, a list of hyperparameters; what each gave is printed by every process.
"""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import torch

from tests.conftest import ROOT
from tests.engine.small import run, session_in, the_end
from tests.engine.task_data import session_of
from tui_trainer.engine.group import ALONE, Group
from tui_trainer.engine.ranks import join, leave
from tui_trainer.events import EpochEnded
from tui_trainer.inside_events import NetMeasured
from tui_trainer.placement import Place


def figures(values: dict[str, Any], group: Group = ALONE) -> dict[str, Any]:
    """What a training gave."""
    task = values.get("table")  # one of `tables.py`, or a data set by its name
    others = {name: value for name, value in values.items() if name != "table"}
    made = session_of(task, group=group, **others) if task else session_in(group, **values)
    events = run(made)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    end = the_end(events)
    return {
        "losses": [event.train_loss for event in epochs],
        "accuracies": [event.train_accuracy for event in epochs],
        "val_losses": [event.val_loss for event in epochs],
        "confusions": [event.confusion for event in epochs],
        "areas": [event.val_roc_auc for event in epochs if event.val_roc_auc is not None],
        "pairs": [event.pairs for event in epochs],
        "test_loss": end.test_loss,
        "figure": end.test_accuracy if end.test_accuracy is not None else end.test_rmse,
        "steps": made.step,
        "looks": len([event for event in events if isinstance(event, NetMeasured)]),
        "random": int(torch.randint(2**40, ()).item()),  # the state in which the training left the generator
        "weights": sum(float(tensor.double().sum()) for tensor in made.model.state_dict().values()),
    }


def of_several(size: int, folder: Path, cases: list[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """What so many processes found, process by process."""
    command = [sys.executable, "-m", "tests.engine.rank"]
    arguments = [str(size), (folder / "meeting").as_uri(), json.dumps(cases)]
    started = [
        subprocess.Popen([*command, str(rank), *arguments], stdout=subprocess.PIPE, text=True, cwd=ROOT)
        for rank in range(size)
    ]
    said = [process.communicate(timeout=120)[0] for process in started]
    assert [process.returncode for process in started] == [0] * size
    return [json.loads(text) for text in said]


def main(rank: int, size: int, meeting: str, cases: list[dict[str, Any]]) -> None:
    """Be process `rank` of `size`."""
    group = join(Place(rank, size, rank, size, "torchrun", meets_at=meeting))
    print(json.dumps([figures(values, group) for values in cases]))
    leave(group)


if __name__ == "__main__":
    main(int(sys.argv[1]), int(sys.argv[2]), sys.argv[3], json.loads(sys.argv[4]))
