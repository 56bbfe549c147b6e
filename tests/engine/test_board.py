"""`--tensorboard`: TensorBoard's own reader finds what the run said, and after a resume only what still holds."""

from __future__ import annotations

import os
import resource
import sys
from itertools import chain
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import Said
from tests.engine import board
from tests.engine.small import At, same_bits, session
from tui_trainer import worker
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.training import train
from tui_trainer.errors import InputError
from tui_trainer.events import CheckpointSaved, EpochEnded, Event, HyperparametersChanged, Progress, RunEnded, Warned
from tui_trainer.inside_events import Alerted, Histogram, LayerFacts, NetMeasured, Remedy, WeightPicture, WentBack
from tui_trainer.knobs import build
from tui_trainer.run_dir import RunDir
from tui_trainer.worker.board.installed import check_installed


def near(points: list[tuple[int, float]]) -> list[tuple[int, Any]]:
    """TensorBoard's numbers are 32 bits wide."""
    return [(step, pytest.approx(value, rel=1e-6)) for step, value in points]


def test_every_number_that_a_run_says_is_there_at_its_step_and_moment(tmp_path: Path) -> None:
    events = board.apart([board.started(), *board.trained(session())])
    board.told(tmp_path, events)
    read = board.scalars(tmp_path)
    reports = [event for event in events if isinstance(event, Progress)]
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    end = events[-1]
    assert len(reports) == 63
    assert isinstance(end, RunEnded)
    assert read["loss/train"] == near([(event.step, event.loss) for event in reports])
    assert read["learning_rate"] == near([(event.step, event.lr) for event in reports])
    assert read["loss/train_epoch"] == near([(event.step, event.train_loss) for event in epochs])
    assert read["loss/validation"] == near([(event.step, event.val_loss or 0) for event in epochs])
    assert read["accuracy/validation"] == near([(event.step, event.val_accuracy or 0) for event in epochs])
    assert read["macro_f1/validation"] == near([(event.step, event.macro_f1 or 0) for event in epochs])
    assert read["accuracy/test"] == near([(end.step, end.test_accuracy or 0)])
    assert [one.wall_time for one in board.read(tmp_path).Scalars("loss/train_epoch")] == [one.time for one in epochs]


def test_a_regression_has_its_own_figures(tmp_path: Path) -> None:
    of = session(data="diabetes")
    events = board.apart([board.started(), *board.trained(of)])
    board.told(tmp_path, events, of)
    read = board.scalars(tmp_path)
    epochs = [event for event in events if isinstance(event, EpochEnded)]
    assert read["rmse/validation"] == near([(event.step, event.val_rmse or 0) for event in epochs])
    assert {"mae/validation", "r2/validation", "rmse/test", "mae/test", "r2/test"} <= set(read)
    assert not [tag for tag in read if "accuracy" in tag]
    [(_, worst)] = board.texts(tmp_path)["largest_errors_samples/validation"][-1:]
    assert worst.splitlines()[2] == "| sample | true | predicted | loss |"


def test_hyperparameters_stand_beside_the_final_figures(tmp_path: Path) -> None:
    from tensorboard.plugins.hparams import metadata

    of = session(lr=0.003, hidden="32,16", optimizer="sgd", momentum=0.9)
    board.told(tmp_path, [board.started(), *board.trained(of)], of)
    found = board.read(tmp_path)
    content = found.SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    told = metadata.parse_session_start_info_plugin_data(content).hparams
    assert (told["lr"].number_value, told["hidden"].string_value, told["data"].string_value) == (
        0.003, "32,16", "digits",
    )  # fmt: skip
    assert {"momentum", "epochs", "seed"} <= set(told)
    assert not {"device", "threads", "tensorboard", "beta1", "step_factor", "image_size"} & set(told)
    content = found.SummaryMetadata("_hparams_/session_end_info").plugin_data.content
    assert metadata.parse_session_end_info_plugin_data(content).status == 1  # STATUS_SUCCESS in its api.proto


def test_hyperparameters_that_were_changed_live_are_those_that_the_run_ended_with(tmp_path: Path) -> None:
    of = session(epochs=2)
    steered = train(of, Saver(None), At({3: ['{"command":"set","lr":0.02}']}), seconds_between_reports=0.0)
    board.told(tmp_path, chain([board.started()], steered), of)
    assert hyperparameter(tmp_path, "lr").number_value == 0.02
    assert board.texts(tmp_path)["changed/lr"] == [(3, "lr 0.001 → 0.02")]
    assert len(board.texts(tmp_path)["run"]) == 1


def hyperparameter(run: Path, name: str) -> Any:
    from tensorboard.plugins.hparams import metadata

    content = board.read(run).SummaryMetadata("_hparams_/session_start_info").plugin_data.content
    return metadata.parse_session_start_info_plugin_data(content).hparams[name]


def test_histograms_have_the_bins_that_were_measured(tmp_path: Path) -> None:
    counts = [3, 0, 5, 2]
    layer = LayerFacts(
        name="linear1", units=4, parameters=20, flops=32, weight_norm=2.5, gradient_norm=None, update_ratio=1e-3,
        dead=0.25, activations=Histogram(low=-1.0, high=3.0, counts=counts),
    )  # fmt: skip
    unit = WeightPicture(unit=0, width=2, height=1, scale=0.5, pixels="AP8=")
    of = session(epochs=1)
    events = board.trained(of)
    measured = NetMeasured(epoch=1, step=21, layers=[layer], pictures=[unit])
    others = [event for event in events if not isinstance(event, NetMeasured)]
    board.told(tmp_path, [board.started(), *others[:-1], measured, others[-1]], of)
    [one] = board.read(tmp_path).Histograms("activations/linear1")
    told = one.histogram_value
    assert (one.step, told.min, told.max, told.num) == (21, -1.0, 3.0, 10)
    assert (list(told.bucket_limit), list(told.bucket)) == ([0.0, 1.0, 2.0, 3.0], counts)
    read = board.scalars(tmp_path)
    assert (read["weight_norm/linear1"], read["dead_units/linear1"]) == ([(21, 2.5)], [(21, 0.25)])
    assert "gradient_norm/linear1" not in read
    [(_, drawn)] = board.images(tmp_path)["weights_of_first_layer"]
    left, right = drawn.getpixel((20, 40)), drawn.getpixel((70, 40))
    assert isinstance(left, tuple)
    assert isinstance(right, tuple)
    assert left[0] > left[2]  # orange: below 0
    assert right[2] > right[0]


def test_the_confusion_matrix_and_the_worst_mistakes_can_be_looked_at(tmp_path: Path) -> None:
    of = session(epochs=2)
    events = [board.started(), *board.trained(of)]
    board.told(tmp_path, events, of)
    last = next(event for event in reversed(events) if isinstance(event, EpochEnded))
    assert last.confusion is not None
    images = board.images(tmp_path)
    assert {"confusion_matrix/validation", "confusion_matrix/test", "misclassified/validation"} <= set(images)
    [*_, (step, drawn)] = images["confusion_matrix/validation"]
    assert (step, drawn.size) == (last.step, (500, 391))
    table = board.texts(tmp_path)["confusion_counts/validation"][-1][1].splitlines()
    rows = [[int(cell) for cell in line.split("|")[2:-1]] for line in table[2:]]
    assert rows == last.confusion


def test_what_is_said_in_sentences_is_there_to_read(tmp_path: Path) -> None:
    alert = Alerted(
        alert="plateau-1", kind="plateau", epoch=1, step=21, cause="The loss stands still.", evidence="0.1 % in 9",
        remedies=[Remedy(sentence="Halve the learning rate", where="here", values={"lr": 0.1})],
    )  # fmt: skip
    changed = HyperparametersChanged(step=30, epoch=2, values={"lr": 0.1}, before={"lr": 0.2})
    board.told(tmp_path, [board.started(evaluated_on="test"), alert, changed])
    read = board.texts(tmp_path)
    assert read["alerts/plateau"] == [
        (21, "**The loss stands still.** 0.1 % in 9\n\n- Halve the learning rate"),
    ]
    assert read["changed/lr"] == [(30, "lr 0.2 → 0.1")]
    assert "measured on the test split" in read["run"][0][1]


def test_a_run_that_goes_back_has_no_step_twice_and_nothing_of_what_it_took_back(tmp_path: Path) -> None:
    events = board.apart([board.started(), *board.trained(session())])
    reports = [event for event in events if isinstance(event, Progress)]
    before, again = reports[:40], [event.model_copy(update={"loss": 7.0}) for event in reports[29:45]]
    back = WentBack(epochs=3, epochs_done=1, step=reports[24].step)
    board.told(tmp_path, board.apart([events[0], *before, back, *again]))
    kept = [(event.step, event.loss) for event in reports[:25]] + [(event.step, 7.0) for event in again]
    assert board.scalars(tmp_path)["loss/train"] == near(kept)
    assert len(board.texts(tmp_path)["run"]) == 1


def until_orphans(events: Any) -> list[Event]:
    """A run's events up to some epochs after a checkpoint: what a kill would have left behind."""
    seen: list[Event] = []
    since = 0
    for event in events:
        seen.append(event)
        if any(isinstance(one, CheckpointSaved) for one in seen):
            since += isinstance(event, Progress)
        if since == 3:
            events.close()
            return seen
    raise AssertionError("the run ended before it had saved")


def test_after_a_resume_only_what_still_holds_is_there(tmp_path: Path) -> None:
    config = build({"epochs": 100_000, "tensorboard": True, "threads": 1, "hidden": (8,)})
    first = until_orphans(worker.start(config, tmp_path, "it", "digits"))
    path = tmp_path / "it"
    orphans = board.scalars(path)["loss/train"]
    end_of_first = max(step for step, _ in orphans)
    epochs = 20 + sum(isinstance(event, EpochEnded) for event in first)
    second = list(worker.resume(RunDir(path), {"epochs": epochs, "lr": 0.5}))
    resumed = second[0]
    assert resumed.event == "run_resumed"
    assert end_of_first > resumed.step  # there was something to take back
    holds = [event for event in first if isinstance(event, Progress) and event.step <= resumed.step]
    holds += [event for event in second if isinstance(event, Progress)]
    said = {event.step: event.loss for event in holds}
    read = board.scalars(path)
    assert len(read["loss/train"]) > 3
    assert read["loss/train"] == near([(step, said[step]) for step, _ in read["loss/train"]])
    for tag, points in read.items():
        steps = [step for step, _ in points]
        assert steps == sorted(set(steps)), tag
    assert hyperparameter(path, "lr").number_value == 0.5


def test_a_run_that_began_without_the_flag_shows_its_whole_story(cli: Any) -> None:
    words = ("--no-ui", "--threads", "1", "--name", "it", "--epochs", "3")
    assert cli(*words).code == 0
    assert cli("resume", "it", "--no-ui", "--epochs", "5", "--tensorboard").code == 0
    written = [event for event in RunDir(Path("runs/it")).read_events() if isinstance(event, EpochEnded)]
    said = {event.step: event.train_loss for event in written}
    read = board.scalars(Path("runs/it"))["loss/train_epoch"]
    assert read == near([(step, said[step]) for step, _ in read])
    assert (read[0][0], read[-1][0]) == (21, 105)
    assert "tensorboard = true" in Path("runs/it/config.toml").read_text()


def test_a_torn_record_is_left_out_when_the_run_goes_on(tmp_path: Path) -> None:
    events = board.apart([board.started(), *board.trained(session())])
    reports = [event for event in events if isinstance(event, Progress)]
    board.told(tmp_path, [events[0], *reports[:10]])
    [file] = (tmp_path / "tensorboard").iterdir()
    os.truncate(file, file.stat().st_size - 5)
    back = WentBack(epochs=3, epochs_done=1, step=10_000)
    board.told(tmp_path, board.apart([events[0], *reports[:10], back, *reports[10:12]])[11:])
    kept = [*reports[:9], *reports[10:12]]
    assert board.scalars(tmp_path)["loss/train"] == near([(event.step, event.loss) for event in kept])


def test_a_folder_that_cannot_be_made_is_said_once_and_the_run_goes_on(tmp_path: Path) -> None:
    (tmp_path / "tensorboard").write_text("a file stands here")
    events = [board.started(), *board.trained(session())]
    out = board.told(tmp_path, events)
    warned = [event for event in out if isinstance(event, Warned)]
    assert [event for event in out if not isinstance(event, Warned)] == events
    assert [event.message for event in warned] == [
        f"{tmp_path / 'tensorboard'}: cannot be written: File exists; the run goes on without TensorBoard"
    ]


def test_a_full_disk_is_said_once_and_leaves_whole_records(tmp_path: Path) -> None:
    events = board.apart([board.started(), *board.trained(session(epochs=1))])
    of, (soft, hard) = session(), resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (3_000, hard))
    try:
        out = board.told(tmp_path, events, of)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
    [warning] = [event for event in out if isinstance(event, Warned)]
    assert "cannot be written: File too large; the run goes on" in warning.message
    assert out[-1] == events[-1]
    reports = [(event.step, event.loss) for event in events if isinstance(event, Progress)]
    read = board.scalars(tmp_path)["loss/train"]
    assert 2 < len(read) < len(reports)
    assert read == near(reports[: len(read)])


def test_looking_at_mistakes_changes_no_bit_of_the_training(tmp_path: Path) -> None:
    values: dict[str, Any] = {"dropout": 0.3, "normalization": "batch", "ema": 0.9}
    plain = session(**values)
    board.trained(plain)
    shown = session(**values)  # seeds anew
    board.told(tmp_path, chain([board.started()], train(shown, Saver(None), seconds_between_reports=0.0)), shown)
    assert "misclassified/validation" in board.images(tmp_path)
    assert same_bits(plain, shown)


def test_without_the_package_it_is_refused_before_anything_is_read(cli: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in [name for name in sys.modules if name.startswith(("tensorboard", "tui_trainer.worker.board."))]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "tensorboard", None)
    said: Said = cli("--no-ui", "--tensorboard", "--epochs", "1")
    assert (said.code, said.out) == (2, "")
    assert "--tensorboard needs the package tensorboard, which is not installed: pip install" in said.err
    assert not Path("runs").exists() or not list(Path("runs").iterdir())
    with pytest.raises(InputError, match="or leave the flag out"):
        check_installed()
