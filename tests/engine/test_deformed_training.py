"""Training on deformed pictures: reproducible, across a resume, from any memory, in blocks; evaluation sees none."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import torch

from tests.engine.small import At, resumed, run, same_bits, session
from tests.engine.test_blocks import Replayed, in_blocks, losses
from tests.engine.test_feed_training import LOWERED, from_tier
from tui_trainer.engine.passes import Batch
from tui_trainer.errors import InputError
from tui_trainer.events import EpochEnded

EVERYTHING: dict[str, Any] = {
    "rotation": 15.0, "rotation_of": {"1": 7.5}, "scale": 0.1, "stretch": 0.1, "shear": 10.0, "shift": 1.0,
    "elastic_alpha": 8.0, "elastic_sigma": 2.0, "erasing": 0.3,
}  # fmt: skip


def test_off_is_the_same_bits_and_touches_no_random_number() -> None:
    plain = session()
    assert plain.steps.step.augmentation is None
    samples = plain.data.train.part(0, 32)
    before = torch.get_rng_state()
    assert plain.steps.step.deformed(samples, Batch(32, slice(0, 32))) is samples
    assert torch.equal(torch.get_rng_state(), before)


def test_training_repeats_itself_and_sees_other_pictures_in_every_epoch() -> None:
    run(one := session(**EVERYTHING))
    run(two := session(**EVERYTHING))
    assert same_bits(one, two)
    still = session(epochs=2, lr=1e-12, **EVERYTHING)  # the same weights in both epochs
    first, second = losses(still)
    assert first != pytest.approx(second, rel=1e-4)


def test_evaluation_sees_the_pictures_as_they_are() -> None:
    values = {"epochs": 1, "lr": 1e-12, "data": "digits"}
    plain, deformed = session(**values), session(rotation=90, elastic_alpha=20, **values)
    ends = [next(e for e in run(made) if isinstance(e, EpochEnded)) for made in (plain, deformed)]
    assert ends[0].val_loss == pytest.approx(ends[1].val_loss, rel=1e-6)
    assert ends[0].train_loss != pytest.approx(ends[1].train_loss, rel=1e-3)


def test_a_stop_in_the_middle_of_an_epoch_leaves_no_trace(tmp_path: Path) -> None:
    values = {"dropout": 0.2, **EVERYTHING}
    run(uninterrupted := session(**values))
    run(session(**values), tmp_path, At({30: ['{"command":"stop"}']}), every_step=True)
    again = resumed(tmp_path, **values)
    assert again.position > 0
    run(again)
    assert same_bits(uninterrupted, again)


@pytest.mark.parametrize("tier", LOWERED)
def test_samples_from_the_host_or_a_file_are_deformed_alike(tier: str) -> None:
    run(near := session(**EVERYTHING))
    far = from_tier(tier, **EVERYTHING)
    run(far)
    assert all(torch.equal(near.capture().weights[name], weight) for name, weight in far.capture().weights.items())
    far.feed.close()


def test_blocks_give_the_losses_of_single_steps() -> None:
    capture = Replayed()
    assert losses(in_blocks(capture, **EVERYTHING)) == pytest.approx(losses(session(**EVERYTHING)), rel=1e-5)
    assert (capture.captures, capture.replays) == (1, 15)


def test_blocks_deform_a_few_batches_at_once_where_all_would_be_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    whole_blocks = losses(in_blocks(**EVERYTHING))
    monkeypatch.setattr("tui_trainer.engine.augmentation.NUMBERS_AT_ONCE", 3 * 64 * 64)
    made = in_blocks(**EVERYTHING)
    assert made.steps.step.batches_at_once(Batch(64, slice(0, 64)), 4) == 3
    assert losses(made) == pytest.approx(whole_blocks, rel=1e-5)


def test_limits_change_while_it_trains() -> None:
    asked = At(
        {
            5: ['{"command":"set","rotation":30,"elastic_alpha":4}'],
            25: ['{"command":"set","rotation":0,"elastic_alpha":0}'],
        }
    )
    made = session(epochs=2)
    run(made, inbox=asked, every_step=True)
    assert made.steps.step.augmentation is None
    halfway = session(epochs=2)
    run(halfway, inbox=At({5: ['{"command":"set","rotation":30}']}), every_step=True)
    assert halfway.steps.step.augmentation is not None
    assert not same_bits(made, halfway)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"data": "iris", "rotation": 5}, "augmentation deforms pictures, and the samples of iris are not known to be"),
        ({"data": "iris", "elastic_alpha": 5}, "leave --elastic-alpha out"),
        ({"rotation_of": {"11": 5.0}}, "--rotation-of 11=5: digits has no class '11'"),
        ({"shear_of": {"x": 5.0}}, "--shear-of x=5: digits has no class 'x'"),
    ],
)  # fmt: skip
def test_what_cannot_be_deformed_is_refused(values: dict[str, Any], said: str) -> None:
    with pytest.raises(InputError, match=said):
        session(**values)


@pytest.mark.slow
def test_compiled_blocks_give_the_losses_of_single_steps() -> None:
    ours = losses(in_blocks(compiled=True, block=2, **EVERYTHING))
    assert ours == pytest.approx(losses(session(**EVERYTHING)), rel=2e-4)
