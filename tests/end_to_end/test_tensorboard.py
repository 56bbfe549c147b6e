"""The real `tensorboard` server over the folder of runs, asked through its own API while a run trains and after."""

from __future__ import annotations

import json
import re
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from PIL import Image

from tests.conftest import wait_until
from tests.end_to_end.runs import written

pytestmark = pytest.mark.slow
pytest.importorskip("tensorboard", reason="needs the extra `tensorboard`")
RUN = "it/tensorboard"
READERS = ("--load_fast=true", "--load_fast=false")  # TensorBoard has two; where the first runs it is taken
TRAIN = (
    "--no-ui", "--tensorboard", "--threads", "1", "--name", "it", "--epochs", "100000", "--hidden", "256,256", "--lr",
    "0.0001",
)  # fmt: skip
Start = Callable[..., Any]


class Server:
    """A TensorBoard on a free port of this machine."""

    def __init__(self, folder: Path, *flags: str) -> None:
        command = [sys.executable, "-m", "tensorboard.main", "--logdir", str(folder), "--host", "127.0.0.1"]
        self.log = folder.with_name("tensorboard.log")
        with self.log.open("wb") as log:
            self.process = subprocess.Popen([*command, "--port", "0", "--reload_interval", "1", *flags], stderr=log)
        found = wait_until(lambda: re.search(r"http://127\.0\.0\.1:(\d+)/", self.log.read_text()))
        self._address = found[0]

    def close(self) -> None:
        """Ends it and its data server."""
        self.process.terminate()
        self.process.wait(20)

    def bytes_of(self, path: str, body: Any = None, **query: Any) -> bytes:
        """What it answers."""
        request = urllib.request.Request(
            f"{self._address}data/{path}{'?' + urlencode(query) if query else ''}",
            None if body is None else json.dumps(body).encode(),
            {"Content-Type": "application/json"},
        )
        with urllib.request.urlopen(request, timeout=30) as answer:
            return bytes(answer.read())

    def scalars(self, tag: str) -> dict[int, float]:
        """{step: value} of the run's curve, which has no step twice; nothing while it is not there."""
        try:
            told = json.loads(self.bytes_of("plugin/scalars/scalars", run=RUN, tag=tag))
        except urllib.error.HTTPError:
            return {}
        steps = [step for _, step, _ in told]
        assert steps == sorted(set(steps)), f"{tag} goes back: {steps}"
        return {step: value for _, step, value in told}

    def image(self, tag: str) -> Image.Image:
        """The newest picture of a tag."""
        told = json.loads(self.bytes_of("plugin/images/images", run=RUN, tag=tag, sample=0))
        return Image.open(BytesIO(self.bytes_of(f"plugin/images/individualImage?{told[-1]['query']}")))

    def histograms(self, tag: str) -> dict[int, list[list[float]]]:
        """{step: [[left edge, right edge, count], ...]}."""
        told = json.loads(self.bytes_of("plugin/histograms/histograms", run=RUN, tag=tag))
        return {step: bins for _, step, bins in told}

    def rows(self, *hyperparameters: str) -> list[dict[str, Any]]:
        """The HPARAMS tab, a row a run, with these columns and all figures."""
        experiment = json.loads(self.bytes_of("plugin/hparams/experiment", {"includeMetrics": True}))
        asked = {
            "startIndex": 0, "sliceSize": 10,
            "allowedStatuses": [f"STATUS_{word}" for word in ("UNKNOWN", "SUCCESS", "FAILURE", "RUNNING")],
            "colParams": [
                *({"hparam": name, "includeInResult": True} for name in hyperparameters),
                *({"metric": one["name"], "includeInResult": True} for one in experiment["metricInfos"]),
            ],
        }  # fmt: skip
        return list(json.loads(self.bytes_of("plugin/hparams/session_groups", asked))["sessionGroups"])


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    started: list[Server] = []

    def start(*arguments: Any) -> Server:
        started.append(Server(*arguments))
        return started[-1]

    yield start
    for server in started:
        server.close()


def said(run: Path, kind: str, figure: str) -> dict[int, Any]:
    """{step: figure} of the events that still hold: what came after the checkpoint of a resume does not."""
    figures: dict[int, Any] = {}
    for event in written(run):
        if event["event"] == "run_resumed":
            figures = {step: value for step, value in figures.items() if step <= event["step"]}
        elif event["event"] == kind:
            figures[event["step"]] = pytest.approx(event[figure], rel=1e-6)
    return figures


def all_show(servers: list[Server], tag: str, points: int) -> bool:
    """Whether each has read so many points of a curve."""
    return all(len(server.scalars(tag)) >= points for server in servers)


def agrees(read: dict[int, float], events: dict[int, Any]) -> bool:
    """Whether all that TensorBoard shows was said and still holds."""
    return all(read[step] == events.get(step) for step in read)


def test_a_run_is_watched_killed_resumed_and_read_to_its_end(
    spawn: Start, serve: Callable[..., Server], tmp_path: Path
) -> None:
    run = tmp_path / "runs" / "it"
    training = spawn(*TRAIN)
    wait_until(lambda: (run / "tensorboard").is_dir())
    servers = [serve(tmp_path / "runs", reader) for reader in READERS]
    for tag in ("loss/train", "loss/validation"):
        wait_until(partial(all_show, servers, tag, 6))
    for server in servers:
        assert agrees(server.scalars("loss/train"), said(run, "progress", "loss"))
        assert agrees(server.scalars("loss/validation"), said(run, "epoch_ended", "val_loss"))
        assert server.image("misclassified/validation").width > 300
    wait_until(lambda: (run / "checkpoints" / "last").is_dir())
    training.kill()  # -9: what was said since the last checkpoint is taken back by the resume
    training.wait()
    end_of_first = max(said(run, "progress", "loss"))
    wait_until(lambda: all(max(server.scalars("loss/train")) >= end_of_first for server in servers))
    epochs = 10 + sum(event["event"] == "epoch_ended" for event in written(run))
    again = spawn("resume", "it", "--no-ui", "--threads", "1", "--epochs", str(epochs), "--lr", "0.02")
    out, err = again.communicate(timeout=120)
    assert again.returncode == 0, out + err
    resumed, ended = next(event for event in written(run) if event["event"] == "run_resumed"), written(run)[-1]
    assert resumed["step"] < end_of_first  # there was something to take back
    for server in servers:
        shows_what_holds(server, run, ended)
        server.close()
    fresh = serve(tmp_path / "runs")  # by one that did not see the kill
    shows_what_holds(fresh, run, ended)
    [row] = fresh.rows("lr", "hidden")
    assert (row["name"], row["hparams"]) == (RUN, {"lr": 0.02, "hidden": "256,256"})
    assert row["sessions"][0]["status"] == "STATUS_SUCCESS"
    metrics = {one["name"]["tag"]: one["value"] for one in row["metricValues"]}
    assert metrics["accuracy/test"] == pytest.approx(ended["test_accuracy"])
    assert metrics["loss/test"] == pytest.approx(ended["test_loss"])


def shows_what_holds(server: Server, run: Path, ended: dict[str, Any]) -> None:
    """And nothing else."""
    wait_until(lambda: server.scalars("loss/test"))
    assert server.scalars("loss/test") == {ended["step"]: pytest.approx(ended["test_loss"])}
    for tag, kind, figure in (
        ("loss/train", "progress", "loss"),
        ("loss/train_epoch", "epoch_ended", "train_loss"),
        ("accuracy/validation", "epoch_ended", "val_accuracy"),
    ):
        read = server.scalars(tag)
        assert len(read) > 5
        assert agrees(read, said(run, kind, figure)), tag
    assert server.image("confusion_matrix/test").size == (500, 391)
    measured = {event["step"]: event["layers"] for event in written(run) if event["event"] == "net_measured"}
    shown = server.histograms("weights/output")
    assert shown
    for step, bins in shown.items():
        weights = measured[step][-1]["weights"]
        assert [count for _, _, count in bins] == weights["counts"]
        assert [bins[0][0], bins[-1][1]] == pytest.approx([weights["low"], weights["high"]])
