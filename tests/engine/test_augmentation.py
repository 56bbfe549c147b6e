"""Deformed pictures: torchvision's geometry, the limits that were asked for, a fresh draw for every sample."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import numpy as np
import pytest
import torch
from scipy.ndimage import gaussian_filter
from torch import Tensor
from torchvision.transforms.v2 import InterpolationMode
from torchvision.transforms.v2 import functional as transforms

from tests.engine.small import CPU
from tests.engine.test_deformed_training import EVERYTHING
from tui_trainer.augment_sections import Augment
from tui_trainer.engine.augmentation import Augmentation, augmentation_for
from tui_trainer.engine.data import DataSet, Samples, load
from tui_trainer.engine.data.picture_shape import PictureShape
from tui_trainer.engine.elastic import DEVIATION_OF_NOISE, components
from tui_trainer.engine.passes import Batch
from tui_trainer.knobs import build

HEIGHT, WIDTH = 20, 28


@pytest.fixture(autouse=True)
def _one_thread() -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(before)


@cache
def digits() -> DataSet:
    return load(build({"data": "digits"}))


def pictures(channels: int = 1) -> Tensor:
    """Smooth random ones, so that interpolation has something to be right about."""
    noise = np.random.default_rng(3).uniform(0, 255, (4, channels, HEIGHT, WIDTH))
    return torch.from_numpy(gaussian_filter(noise, (0, 0, 1.5, 1.5))).float() * 2


def of(config: Augment, channels: int = 1, *, classes: int = 0, is_transposed: bool = False) -> Augmentation:
    """Without class limits; black outside."""
    shape = PictureShape(channels, HEIGHT, WIDTH, 255, is_transposed)
    limits = {
        "rotation": torch.tensor([math.radians(config.rotation)]),
        "shear": torch.tensor([math.radians(config.shear)]),
    }
    return Augmentation(config, shape, torch.zeros(channels, 1, 1), limits)


def sampled(shown: Tensor, grid: Tensor) -> Tensor:
    return torch.nn.functional.grid_sample(shown, grid, align_corners=False)


def still(made: Augmentation, count: int) -> Tensor:
    """No waves."""
    rows, columns = made._sizes
    return torch.zeros(rows, count, 2, columns)


def whole(samples: Samples) -> Batch:
    return Batch(len(samples), slice(0, len(samples)))


@pytest.mark.parametrize(
    ("drawn", "angle", "scale", "shear", "translate"),
    [
        ({0: 0.5}, 10.0, 1.0, 0.0, (0.0, 0.0)),
        ({0: -1.0}, -20.0, 1.0, 0.0, (0.0, 0.0)),
        ({1: 1.0}, 0.0, 1.3, 0.0, (0.0, 0.0)),
        ({4: -1.0}, 0.0, 1.0, -12.0, (0.0, 0.0)),
        ({5: 1.0, 6: -0.5}, 0.0, 1.0, 0.0, (3.0, -1.5)),
        ({0: 0.7, 1: -0.6, 4: 0.9, 5: 0.2, 6: 0.9}, 14.0, 0.82, 10.8, (0.6, 2.7)),
    ],
)
def test_an_affine_map_is_torchvisions(
    drawn: dict[int, float], angle: float, scale: float, shear: float, translate: tuple[float, float]
) -> None:
    made, shown = of(Augment(rotation=20, scale=0.3, shear=12, shift=3), 3), pictures(3)
    numbers = torch.zeros(4, 12)
    for column, value in drawn.items():
        numbers[:, column] = value
    ours = sampled(shown, made.grid(made.maps(numbers, torch.zeros(4)), still(made, 4)))
    matrix = transforms.affine(
        shown, angle=angle, translate=list(translate), scale=scale, shear=[shear, 0.0],
        interpolation=InterpolationMode.BILINEAR, fill=None,
    )  # fmt: skip
    assert (ours - matrix).abs().max() < 0.02  # of 255 levels


def test_an_elastic_field_is_torchvisions_and_adds_to_the_map() -> None:
    made, shown = of(Augment(rotation=20, elastic_alpha=30, elastic_sigma=3)), pictures()
    waves = torch.randn(made._sizes[0], 4, 2, made._sizes[1])
    numbers = torch.zeros(4, 12)
    field = made.grid(made.maps(numbers, torch.zeros(4)), waves) - made.grid(
        made.maps(numbers, torch.zeros(4)), still(made, 4)
    )
    assert 0.5 < float((field * torch.tensor([WIDTH / 2, HEIGHT / 2])).square().mean().sqrt()) < 4  # pixels
    ours = sampled(shown, made.grid(made.maps(numbers, torch.zeros(4)), waves))
    for one, displaced, here in zip(shown, field, ours, strict=True):
        theirs = transforms.elastic(one[None], displaced[None], InterpolationMode.BILINEAR, fill=None)
        assert (here - theirs[0]).abs().max() < 0.02
    numbers[:, 0] = 0.8
    both = made.grid(made.maps(numbers, torch.zeros(4)), waves)
    turned = made.grid(made.maps(numbers, torch.zeros(4)), still(made, 4))
    assert torch.allclose(both, turned + field, atol=1e-5)


def test_width_and_height_stretch_by_themselves() -> None:
    made = of(Augment(stretch=0.5))
    numbers = torch.zeros(1, 12)
    numbers[0, 2], numbers[0, 3] = 0.5, -0.5
    assert torch.allclose(made.maps(numbers, torch.zeros(1))[0], torch.tensor([[1 / 1.25, 0, 0], [0, 1 / 0.75, 0]]))


@pytest.mark.parametrize("sigma", [0.5, 1.0, 4.0, 6.0])
def test_an_elastic_field_has_the_covariance_of_smoothed_uniform_noise(sigma: float) -> None:
    """Simard et al. 2003, by scipy's Gaussian filter; the noise goes on beyond the picture."""
    beyond = math.ceil(4 * sigma)
    noise = np.random.default_rng(1).uniform(-1, 1, (4000, 28 + 2 * beyond))
    smoothed = gaussian_filter(noise, (0, sigma), truncate=beyond / sigma)[:, beyond:-beyond]
    theirs = np.cov(smoothed, rowvar=False)
    ours = (DEVIATION_OF_NOISE**2 * components(28, sigma) @ components(28, sigma).t()).numpy()
    assert np.abs(ours - theirs).max() < 0.1 * theirs.max()
    assert np.trace(ours) == pytest.approx(np.trace(theirs), rel=0.05)


def test_a_field_of_sigma_4_and_alpha_34_moves_pixels_by_1_4_on_average() -> None:
    made = of(Augment(elastic_alpha=34, elastic_sigma=4))
    numbers, waves = made._draw(torch.zeros(()), Batch(500, slice(0, 500)), 1)
    moves = (made.grid(made.maps(numbers, torch.zeros(500)), waves) - made._here.permute(1, 0, 3, 2)) * torch.tensor(
        [WIDTH / 2, HEIGHT / 2]
    )
    wanted = 34 / math.sqrt(3) / (2 * math.sqrt(math.pi) * 4)  # of a continuous Gaussian
    assert float(moves.std()) == pytest.approx(wanted, rel=0.05)
    assert float(moves[..., 0].std(0).min()) > 0.8 * wanted  # nowhere weaker, at the edges neither


def test_what_is_drawn_fills_the_limits_and_keeps_them() -> None:
    config = Augment(rotation=15, scale=0.2, stretch=0.1, shear=10, shift=2)
    made = of(config)
    numbers, _ = made._draw(torch.zeros(()), Batch(20_000, slice(0, 20_000)), 1)
    only = {
        "rotation": (Augment(rotation=15), lambda m: torch.atan2(m[:, 0, 1], m[:, 0, 0]).rad2deg(), -15, 15),
        "scale": (Augment(scale=0.2), lambda m: 1 / m[:, 0, 0], 0.8, 1.2),
        "stretch": (Augment(stretch=0.1), lambda m: 1 / m[:, 1, 1], 0.9, 1.1),
        "shear": (Augment(shear=10), lambda m: torch.atan(m[:, 0, 1]).rad2deg(), -10, 10),
        "shift": (Augment(shift=2), lambda m: m[:, 1, 2], -2, 2),
    }
    for name, (alone, read, low, high) in only.items():
        values = read(of(alone).maps(numbers, torch.zeros(20_000)))
        reach = high - low
        assert low - 1e-4 <= float(values.min()) < low + 0.01 * reach, name
        assert high - 0.01 * reach < float(values.max()) <= high + 1e-4, name
        assert float(values.mean()) == pytest.approx((low + high) / 2, abs=0.02 * reach), name
        assert float(values.std()) == pytest.approx(reach / math.sqrt(12), rel=0.03), name


def test_a_class_has_limits_of_its_own() -> None:
    data = digits()
    made = augmentation_for(Augment(rotation=20, rotation_of={"1": 5.0, "7": 0.0}, shear_of={"3": 10.0}), data, CPU)
    assert made is not None
    targets = data.train.targets
    numbers, _ = made._draw(torch.zeros(()), Batch(len(targets), slice(0, len(targets))), 1)
    maps = made.maps(numbers, targets)
    degrees = torch.atan2(-maps[:, 1, 0], maps[:, 1, 1]).rad2deg().abs()
    most = {name: float(degrees[targets == number].max()) for number, name in enumerate(data.class_names)}
    assert most["7"] == 0
    assert 4 < most["1"] <= 5.001
    assert all(17 < most[name] <= 20.001 for name in most if name not in "17")
    leaning = maps[:, 0, 1] * maps[:, 1, 1] - maps[:, 0, 0] * -maps[:, 1, 0]  # of the shear alone: the turn taken off
    assert set(targets[leaning.abs() > 1e-3].tolist()) == {3}


def test_a_rectangle_takes_the_share_that_was_asked_for_of_so_many_pictures() -> None:
    made = of(Augment(erasing=0.4, erasing_least=0.1, erasing_most=0.3))
    numbers, _ = made._draw(torch.zeros(()), Batch(4000, slice(0, 4000)), 1)
    masks = made.erased(numbers)[:, 0]
    shares = masks.flatten(1).float().mean(1)
    hit = shares[shares > 0]
    assert len(hit) / 4000 == pytest.approx(0.4, abs=0.03)
    assert 0.08 < float(hit.min()) < 0.12
    assert 0.27 < float(hit.max()) < 0.33
    some = masks[shares > 0][0]
    rows, columns = some.any(1), some.any(0)
    assert torch.equal(some, rows[:, None] & columns[None, :])  # a rectangle
    assert float(masks.float().mean(0).min()) > 0  # that may lie anywhere


def test_every_sample_and_every_draw_is_its_own() -> None:
    data = digits()
    made = augmentation_for(Augment(rotation=20), data, CPU)
    assert made is not None
    one = Samples(data.train.inputs[:1].repeat(20, 1), data.train.targets[:1].repeat(20))
    first, second = (made(one, whole(one)).inputs for _ in range(2))
    assert len({tuple(row.tolist()) for row in torch.cat((first, second))}) == 40
    torch.manual_seed(0)
    again = made(one, whole(one)).inputs
    torch.manual_seed(0)
    assert torch.equal(made(one, whole(one)).inputs, again)


def test_colours_move_together_and_a_bright_background_stays_bright(tmp_path: Path) -> None:
    grey = np.random.default_rng(0).integers(0, 255, (40, 1, 8, 8), dtype=np.uint8)
    colours = np.concatenate((grey, grey, 255 - grey), 1)
    colours[:, :, [0, -1]] = colours[:, :, :, [0, -1]] = 200  # a frame of one grey
    np.savez(tmp_path / "a.npz", x=colours, y=np.arange(40) % 2)
    data = load(build({"data": str(tmp_path / "a.npz"), "validation": 0}))
    made = augmentation_for(Augment(rotation=30, elastic_alpha=5, elastic_sigma=2, erasing=0.5), data, CPU)
    assert made is not None
    out = made(data.train, whole(data.train)).inputs.reshape(-1, 3, 8, 8)
    assert torch.allclose(out[:, 0], out[:, 1], atol=1e-3)
    assert float((out[:, 0] - out[:, 2]).abs().max()) > 50
    assert torch.allclose(out[:, :, [0, 0, -1, -1], [0, -1, 0, -1]].median(), torch.tensor(200.0), atol=1)


def test_pictures_that_lie_column_by_column_are_deformed_upright() -> None:
    config, shown, seen = Augment(rotation=20, shear=10, shift=2), pictures(), []
    for is_transposed in (False, True):
        made = of(config, is_transposed=is_transposed)
        rows = Samples(made._shape.in_rows(shown), torch.zeros(4, dtype=torch.int64))
        torch.manual_seed(1)
        seen.append(made._shape.upright(made(rows, whole(rows)).inputs))
    assert torch.equal(*seen)


def test_a_process_of_several_draws_for_all_and_takes_its_share() -> None:
    data = digits()
    made = augmentation_for(Augment(**EVERYTHING), data, CPU)
    assert made is not None
    ours = data.train.part(0, 60)
    torch.manual_seed(1)
    together = made(ours, Batch(60, slice(0, 60))).inputs
    after = torch.get_rng_state()
    for own in (slice(0, 20), slice(20, 60)):
        torch.manual_seed(1)
        mine = made(ours.part(own.start, own.stop), Batch(60, own)).inputs
        assert torch.allclose(mine, together[own], atol=1e-4)
        assert torch.equal(torch.get_rng_state(), after)


def test_several_batches_at_once_are_drawn_as_one_after_the_other() -> None:
    data = digits()
    made = augmentation_for(Augment(**EVERYTHING), data, CPU)
    assert made is not None
    torch.manual_seed(1)
    at_once = made(data.train.part(0, 96), Batch(32, slice(0, 32)), 3).inputs
    torch.manual_seed(1)
    single = [made(data.train.part(n, n + 32), Batch(32, slice(0, 32))).inputs for n in (0, 32, 64)]
    assert torch.allclose(torch.cat(single), at_once, atol=1e-4)
