"""The training accuracy: counted on batches as they are trained on, under the weights of that moment."""

from __future__ import annotations

import pytest
import torch
from sklearn.metrics import accuracy_score

from tests.engine.small import CPU, run, session
from tests.engine.test_training import of_kind
from tui_trainer.engine.meter import DeviceLossMeter, LossMeter
from tui_trainer.events import EpochEnded, Progress


def test_of_one_full_batch_it_is_the_accuracy_before_the_step() -> None:
    made = session(epochs=1, batch_size="full")
    with torch.no_grad():
        predicted = made.model(made.data.train.inputs).argmax(1)
    expected = accuracy_score(made.data.train.targets, predicted)
    assert of_kind(run(made), EpochEnded)[0].train_accuracy == pytest.approx(expected)


def test_it_rises_with_training_and_is_reported_within_the_epoch() -> None:
    events = run(session(epochs=12), every_step=True)
    shares = [event.train_accuracy for event in of_kind(events, EpochEnded)]
    assert shares[0] < 0.8 < 0.95 < shares[-1] <= 1
    assert any(event.accuracy is not None for event in of_kind(events, Progress))


def test_a_regression_has_none() -> None:
    assert of_kind(run(session(data="diabetes", epochs=1)), EpochEnded)[0].train_accuracy is None


def test_looking_changes_nothing_that_is_trained() -> None:
    run(plain := session(epochs=2, dropout=0.3))
    looked = session(epochs=2, dropout=0.3)
    looked._is_looked_at = lambda step: True  # type: ignore[method-assign]
    run(looked)
    assert all(torch.equal(a, b) for a, b in zip(plain.model.parameters(), looked.model.parameters(), strict=True))


def test_the_meter_of_the_gpu_counts_the_same() -> None:
    outputs = torch.tensor([[0.1, 0.9], [0.8, 0.2], [0.3, 0.7], [0.6, 0.4]])
    targets = torch.tensor([1, 1, 1, 0])
    for meter in (LossMeter(), DeviceLossMeter(CPU)):
        meter.start_accuracy(correct=2, looked=4)
        meter.count(4, looked=4)
        meter.add_right((outputs.argmax(1) == targets).sum())
        assert (meter.correct, meter.looked) == (5, 8)
        assert meter.accuracy() == pytest.approx(5 / 8)
        assert meter.accuracy_since_report() == pytest.approx(3 / 4)
        assert meter.accuracy_since_report() is None
