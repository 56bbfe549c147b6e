"""A look inside the net: its figures against autograd and forward hooks, and training that it leaves as it was."""

from __future__ import annotations

import base64
import copy
from typing import Any

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from torch import Tensor, nn

from tests.engine.small import At, run, same_bits, session, the_end
from tests.engine.task_data import session_of
from tests.engine.test_blocks import Replayed, in_blocks
from tui_trainer.commands import Command, Stop
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.evaluation import loss_function
from tui_trainer.engine.inside import Inside
from tui_trainer.engine.inside.affordable import SECONDS_EXPECTED, Affordable
from tui_trainer.engine.inside.picturing import BINS, histogram_of
from tui_trainer.engine.saver import Saver
from tui_trainer.engine.session import Session
from tui_trainer.engine.training import train
from tui_trainer.inside_events import LayerFacts, NetMeasured

ALWAYS = 1e9  # of the training's time: every epoch
NETS: list[dict[str, Any]] = [
    {"hidden": "48,32"},
    {"hidden": ""},
    {"hidden": "40,40,40", "activation": "tanh", "optimizer": "sgd", "lr": 0.05, "dropout": 0.5, "weight_decay": 0.1},
    {"hidden": "32,16", "activation": "sigmoid", "normalization": "batch", "init": "he_normal", "max_norm": 0.5},
    {"activation": "gelu", "normalization": "layer", "clip_norm": 0.1, "optimizer": "sgd"},
    {"activation": "scaled_tanh", "loss": "mse", "batch_size": "full"},
    {"table": "labels", "embedded": True, "hidden": "24"},
    {"table": "several", "activation": "selu", "hidden": "24", "batch_size": 7},
]  # fmt: skip


def made_of(values: dict[str, Any]) -> Session:
    others = {name: value for name, value in values.items() if name != "table"}
    return session_of(values["table"], **others) if "table" in values else session(**others)


def looks(of: Session, share: float) -> list[NetMeasured]:
    events = train(of, Saver(None), inside=Inside(of, Affordable(share)))
    return [event for event in events if isinstance(event, NetMeasured)]


class Independent:
    """The same figures by forward hooks, autograd and torch.optim, of a copy of the net without dropout."""

    def __init__(self, made: Session, samples: Samples) -> None:
        model = copy.deepcopy(made.model).requires_grad_(True).train()
        for module in model:
            if isinstance(module, nn.Dropout):
                module.p = 0.0
        self.answers: dict[str, Tensor] = {}
        name = ""
        for own, module in model.named_children():
            name = own if isinstance(module, nn.Linear) else name
            if name and not own.startswith(("norm", "dropout")):
                module.register_forward_hook(self._keep(name))
        model(samples.inputs)
        rows = min(len(samples), max(2, made.batch_size))
        answers = dict(self.answers)
        loss = loss_function(made.config.loss, made.data)(model(samples.inputs[:rows]), samples.targets[:rows])
        loss.backward()
        self.answers = answers
        self.gradients = {key: p.grad.clone() for key, p in model.named_parameters() if p.grad is not None}
        self.before = {key: p.detach().clone() for key, p in model.named_parameters()}
        self._step(model, made)
        self.after = {key: p.detach() for key, p in model.named_parameters()}

    def _keep(self, name: str) -> Any:
        def keep(module: nn.Module, given: Any, answers: Tensor) -> None:
            self.answers[name] = answers.detach().clone()

        return keep

    def _step(self, model: nn.Sequential, made: Session) -> None:
        optimizer = made.config.optimizer
        if optimizer.clip_norm:
            nn.utils.clip_grad_norm_(model.parameters(), optimizer.clip_norm)
        kinds = {"adam": torch.optim.Adam, "sgd": torch.optim.SGD}
        kinds[optimizer.name](model.parameters(), lr=optimizer.lr, weight_decay=optimizer.weight_decay).step()
        if isinstance(limit := made.config.regularization.max_norm, float) and limit:
            for module in model:
                if isinstance(module, nn.Linear):
                    module.weight.data = torch.renorm(module.weight.data, 2, 0, limit)

    def check(self, facts: LayerFacts) -> None:
        names = [key for key in self.before if key.startswith(f"{facts.name}.") and not key.endswith(".bias")]
        weight, gradient, change = (
            float(torch.cat([of(key).flatten() for key in names]).norm())
            for of in (
                lambda key: self.before[key],
                lambda key: self.gradients[key],
                lambda key: self.after[key] - self.before[key],
            )
        )
        assert facts.weight_norm == pytest.approx(weight, rel=1e-3)
        assert facts.gradient_norm == pytest.approx(gradient, rel=1e-3)
        assert facts.update_ratio == pytest.approx(change / weight, rel=2e-3)
        if facts.name == "embeddings":
            return
        answers = self.answers[facts.name]
        counts, edges = np.histogram(answers.numpy(), BINS)
        assert facts.activations is not None
        assert (facts.activations.low, facts.activations.high) == pytest.approx((edges[0], edges[-1]), rel=1e-3)
        assert np.abs(np.array(facts.activations.counts) - counts).sum() <= 0.01 * answers.numel() + 4  # rounding


@pytest.mark.parametrize("values", NETS, ids=str)
def test_its_figures_are_those_of_hooks_and_autograd(values: dict[str, Any]) -> None:
    made = made_of(values)
    inside = Inside(made)
    told = inside.measured()
    samples = inside._samples
    assert samples is not None
    assert len(samples) == min(512, len(made.data.train))
    independent = Independent(made, samples)
    for facts in told.layers:
        independent.check(facts)
    assert sum(facts.parameters for facts in told.layers) == sum(p.numel() for p in made.model.parameters())
    layers = [facts for facts in told.layers if facts.name != "embeddings"]
    modules = [(name, module) for name, module in made.model.named_children() if isinstance(module, nn.Linear)]
    for facts, (name, module) in zip(layers, modules, strict=True):
        assert (facts.name, facts.units) == (name, module.out_features)
        assert facts.flops == 2 * module.in_features * module.out_features


@pytest.mark.parametrize(
    ("values", "blocks"),
    [
        ({"dropout": 0.4, "input_dropout": 0.1, "normalization": "batch"}, True),
        ({"dropout": 0.4, "input_dropout": 0.1, "normalization": "batch"}, False),
        ({"optimizer": "sgd", "lr": 0.05, "momentum": 0.9, "l1": 1e-4, "max_norm": 1.0}, True),
        ({"optimizer": "rmsprop", "schedule": "cosine", "precision": "bf16", "hidden": "40,40"}, False),
        ({"table": "labels", "embedded": True, "dropout": 0.2}, False),
        ({"hidden": "", "batch_size": "full"}, False),
        ({"rotation": 15.0, "mixup": 0.2, "ema": 0.9}, False),
    ],
    ids=str,
)
def test_training_is_the_same_to_the_last_bit_with_looks_and_without(values: dict[str, Any], blocks: bool) -> None:
    if blocks and "table" in values:
        pytest.skip("blocks of the digits are enough")

    def make() -> Session:
        return in_blocks(Replayed(), **values) if blocks else made_of(values)

    taken = []
    for share, epochs in ((-1.0, [3]), (ALWAYS, [1, 2, 3])):
        made = make()
        assert [told.epoch for told in looks(made, share)] == epochs
        taken.append((made, made.capture()))
    (one, first), (other, second) = taken
    assert all(torch.equal(first.training[key], second.training[key]) for key in first.training)
    torch.set_rng_state(first.training["random.cpu"])
    assert same_bits(one, other)


def test_dead_units_are_those_that_answer_nothing_at_all() -> None:
    made = session(hidden="40,40")
    with torch.no_grad():
        made.model.get_submodule("linear1").get_parameter("bias")[:10] = -1e6
        made.model.get_submodule("linear2").get_parameter("bias")[:] = -1e6
    first, second, output = Inside(made).measured().layers
    assert first.dead == 0.25
    assert second.dead == 1.0
    assert output.dead is None
    assert first.saturated is None


@pytest.mark.parametrize("activation", ["tanh", "sigmoid", "scaled_tanh"])
def test_saturated_answers_lie_within_a_hundredth_of_a_bound(activation: str) -> None:
    made = session(activation=activation)
    with torch.no_grad():
        made.model.get_submodule("linear1").get_parameter("bias")[:32] = 1e6
        made.model.get_submodule("linear1").get_parameter("bias")[32:64] = -1e6
        made.model.get_submodule("linear1").get_parameter("weight").mul_(0.01)
    facts = Inside(made).measured().layers[0]
    assert facts.saturated == 0.5
    assert facts.dead is None


def test_weights_of_the_first_layer_are_pictures_where_inputs_are() -> None:
    made = session()
    pictures = Inside(made).measured().pictures
    assert pictures is not None
    weights = made.model.get_submodule("linear1").get_parameter("weight").detach().numpy()
    for picture in pictures:
        assert (picture.width, picture.height) == (8, 8)
        pixels = np.frombuffer(base64.b64decode(picture.pixels), np.uint8)
        shown = (pixels.astype(float) - 128) / 127 * picture.scale
        assert shown == pytest.approx(weights[picture.unit], abs=picture.scale / 127)
        assert np.abs(shown).max() == pytest.approx(picture.scale, rel=0.01)
    assert Inside(session_of("classes")).measured().pictures is None


def test_a_net_whose_weights_are_no_numbers_gives_no_numbers_and_no_error() -> None:
    made = session()
    with torch.no_grad():
        made.model.get_submodule("linear1").get_parameter("weight")[0] = float("nan")
    first, output = Inside(made).measured().layers
    assert first.weight_norm is None
    assert output.gradient_norm is None
    assert first.activations is not None
    assert sum(first.activations.counts) == 512 * 127
    assert "NaN" not in Inside(made).measured().to_line()


@pytest.mark.parametrize("values", [[], [float("nan")], [3.0, 3.0], [0.0], [1e38, -1e38], [float("inf"), 1.0]])
def test_a_histogram_counts_what_is_finite(values: list[float]) -> None:
    told, count = histogram_of(torch.tensor(values)), int(np.isfinite(values).sum())
    assert (told is None) == (count == 0)
    assert told is None or sum(told.counts) == count


@given(st.lists(st.tuples(st.floats(0.0, 0.5), st.floats(0.0, 0.1)), max_size=200))
def test_looks_take_at_most_their_share_of_the_time_and_one(epochs: list[tuple[float, float]]) -> None:
    affordable, passed, dearest = Affordable(0.01), 0.0, SECONDS_EXPECTED
    for seconds, cost in epochs:
        passed += seconds
        if affordable.allows(passed):
            affordable.pay(cost)
            passed += cost
            dearest = max(dearest, cost)
        assert affordable.spent <= 0.01 * passed + dearest


def test_a_short_run_is_looked_into_at_its_end() -> None:
    events = run(session(epochs=2))
    assert [event.epoch for event in events if isinstance(event, NetMeasured)][-1] == 2
    assert the_end(events).reason == "completed"


STOP = '{"command":"stop"}'


@pytest.mark.parametrize(
    ("values", "asked", "reason"),
    [
        ({"epochs": 3}, {}, "completed"),
        ({"epochs": 30, "patience": 1, "min_change": 9.0}, {}, "early_stopped"),
        ({"epochs": 3}, {30: [STOP]}, "stopped"),  # in the second epoch
        ({"epochs": 3}, {30: ['{"command":"pause"}', STOP]}, "stopped"),
    ],
    ids=str,
)
@pytest.mark.parametrize("share", [-1.0, ALWAYS])
def test_a_run_ends_with_one_look_at_the_weights_that_it_ends_with(
    values: dict[str, Any], asked: dict[int, list[str | Command]], reason: str, share: float
) -> None:
    made = session(**values)
    affordable = Affordable(share)
    affordable.pay(0.001)  # an earlier look
    events = list(train(made, Saver(None), At(asked), 0.0, Inside(made, affordable)))
    end, told = the_end(events), [event for event in events if isinstance(event, NetMeasured)]
    assert end.reason == reason
    assert [look.step for look in told if look.is_last] == [end.step] == [made.step]
    assert len({look.step for look in told}) == len(told)  # each once
    assert told[-1].layers[0].weights == Inside(made).measured().layers[0].weights


def test_a_signal_leaves_no_time_for_a_look() -> None:
    made = session()
    events = list(train(made, Saver(None), At({30: [Stop(signal="SIGTERM")]}), 0.0, Inside(made, Affordable(-1.0))))
    assert the_end(events).signal == "SIGTERM"
    assert not any(isinstance(event, NetMeasured) for event in events)
