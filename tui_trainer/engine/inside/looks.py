"""One look inside the net: a batch forward and backward, and an optimizer step that is taken back."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import torch
from torch import Tensor, nn

from tui_trainer.engine.activations import ACTIVATIONS
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.embeddings import Embeddings
from tui_trainer.engine.group import ALONE
from tui_trainer.engine.inside.affordable import Affordable
from tui_trainer.engine.inside.picturing import finite, histogram_of, weight_pictures
from tui_trainer.engine.model import Scale, ScaledTanh
from tui_trainer.engine.passes import Batch, Passes
from tui_trainer.engine.rehearsal import rehearsal
from tui_trainer.engine.session import Session
from tui_trainer.inside_events import LayerFacts, NetMeasured, WeightPicture

MOST_SAMPLES = 512
NEAR = 0.01  # of a bound: saturated
BOUNDS: dict[type[nn.Module], tuple[float, float]] = {
    nn.Tanh: (-1.0, 1.0), nn.Sigmoid: (0.0, 1.0), ScaledTanh: (-1.7159, 1.7159),
}  # fmt: skip


@dataclass
class _Layer:
    """What belongs to one layer: its parameters by name, and what came out of it."""

    name: str
    units: int
    flops: int
    weights: list[str] = field(default_factory=list)
    others: list[str] = field(default_factory=list)  # biases, normalisation
    answers: Tensor | None = None  # (samples, units)
    activation: type[nn.Module] | None = None


class Inside:
    """Looks inside a session's net. Of several processes the first one does, on its own device and asking nobody.

    It looks at the same training samples each time, drawn by the run's seed. They pass without dropout and without
    augmentation, in batch normalisation by their own figures. Nothing that training depends on is changed.
    """

    def __init__(self, session: Session, affordable: Affordable | None = None) -> None:
        self._session = session
        self.affordable = affordable or Affordable()
        self._began = session.pace.seconds
        self._looked = -1  # at the end of this step
        self._samples: Samples | None = None
        self._passes: Passes | None = None
        children = session.model.named_children()
        kept = [(name, module) for name, module in children if not isinstance(module, nn.Dropout)]
        self._model = nn.Sequential()
        for name, module in kept:
            self._model.add_module(name, module)

    def look(self) -> Iterator[NetMeasured]:
        """One look at an epoch's end, where it can be afforded; at the last epoch's, whatever it costs."""
        session, training = self._session, self._session.config.training
        is_over = session.epochs_done >= training.epochs or session.record.is_exhausted(training.patience)
        is_affordable = self.affordable.allows(session.pace.seconds - self._began)
        self._looked = -1
        if session.group.is_first and (is_affordable or is_over):
            yield self.measured(is_last=is_over)

    def last_look(self) -> Iterator[NetMeasured]:
        """One look at the weights that a run ends with, unless the latest one was at them."""
        if self._session.group.is_first and self._looked != self._session.step:
            yield self.measured(is_last=True)

    @torch.no_grad()
    def measured(self, *, is_last: bool = False) -> NetMeasured:
        """One look, whatever it costs."""
        session, began = self._session, time.perf_counter()
        with rehearsal(session):
            layers = self._facts()
        pictures = self._pictures()
        seconds = time.perf_counter() - began
        self.affordable.pay(seconds)
        self._looked = session.step
        return NetMeasured(
            epoch=session.epochs_done,
            step=session.step,
            layers=layers,
            pictures=pictures,
            seconds=round(seconds, 5),
            is_last=is_last,
        )

    def _facts(self) -> list[LayerFacts]:
        """See `LayerFacts`. Changes weights and optimizer."""
        step = self._session.steps.step
        samples, passes = self._taken(), self._laid()
        layers = self._layers(samples, passes)
        told = [(histogram_of(layer.answers), *_shares(layer)) for layer in layers if layer.answers is not None]
        before, gradient_of, change_of = map(step.parameters.views, self._one_step(samples, passes))
        facts = []
        for layer, (answers, dead, saturated) in zip(layers, told, strict=True):
            norms = [
                torch.stack([torch.linalg.vector_norm(views[name]) for name in layer.weights]).norm()
                for views in (before, gradient_of, change_of)
            ]
            weight, gradient, change = torch.stack(norms).tolist()
            shapes = step.parameters.shapes
            facts.append(
                LayerFacts(
                    name=layer.name,
                    units=layer.units,
                    parameters=sum(shapes[name].numel() for name in layer.weights + layer.others),
                    flops=layer.flops,
                    weight_norm=finite(weight),
                    gradient_norm=finite(gradient),
                    update_ratio=finite(change / weight) if weight else None,
                    dead=dead,
                    saturated=saturated,
                    activations=answers,
                    weights=histogram_of(torch.cat([before[name].reshape(-1) for name in layer.weights])),
                )
            )
        return facts

    def _layers(self, samples: Samples, passes: Passes) -> list[_Layer]:
        """The layers with what all samples make of them."""
        count = len(samples)
        outputs, kept = passes.forward(samples.inputs, Batch(count, slice(0, count)))
        children = [(name, module) for name, module in self._model.named_children() if not isinstance(module, Scale)]
        layers: list[_Layer] = []
        for (name, module), own in zip(children, kept, strict=True):
            names = [f"{name}.{parameter}" for parameter, _ in module.named_parameters()]
            if isinstance(module, Embeddings):
                sizes = [table.shape[1] for table in module.parameters()]
                layers.append(_Layer(name, sum(sizes), 0, names))
            elif isinstance(module, nn.Linear):
                if layers and layers[-1].answers is None:  # embedded categories: what the next layer was given
                    layers[-1].answers = own[:, -layers[-1].units :].float()
                units, inputs = module.weight.shape
                layers.append(_Layer(name, units, 2 * units * inputs, names[:1], names[1:]))
            elif type(module) in ACTIVATIONS:
                forward, _, keeps_outputs = ACTIVATIONS[type(module)]
                layers[-1].answers = (own if keeps_outputs else forward(own)).float()
                layers[-1].activation = type(module)
            else:
                layers[-1].others += names
        layers[-1].answers = outputs.float()
        return layers

    def _one_step(self, samples: Samples, passes: Passes) -> tuple[Tensor, Tensor, Tensor]:
        """Weights, the gradient of one batch's loss, and what an optimizer step by it changes; (n,) each."""
        session = self._session
        step, flat = session.steps.step, session.steps.step.parameters.flat
        count = min(len(samples), max(2, session.batch_size))
        inputs, targets = samples.inputs[:count], samples.targets[:count]
        outputs, kept = passes.forward(inputs, Batch(count, slice(0, count)))
        _, grad = step.criterion(outputs, targets, count)
        gradients = passes.backward(grad, kept)
        told, before = gradients.clone(), flat.clone()
        step.update(gradients, session.lr)
        return before, told, flat - before

    def _pictures(self) -> list[WeightPicture] | None:
        data = self._session.data
        first = next(module for module in self._model if isinstance(module, nn.Linear))
        if data.pictures is None or data.embedded or first.in_features != data.inputs:
            return None
        return weight_pictures(first.weight, data.pictures)

    def _taken(self) -> Samples:
        if self._samples is None:
            session, train = self._session, self._session.data.train
            generator = torch.Generator().manual_seed(session.config.training.seed)
            rows = torch.randperm(len(train), generator=generator)[:MOST_SAMPLES].to(train.inputs.device)
            self._samples = train.pick(rows).to(session.device)
        return self._samples

    def _laid(self) -> Passes:
        """Passes of their own: those of the training keep memory for its batches, and are laid anew now and then."""
        if self._passes is None:
            is_bf16 = self._session.config.hardware.precision == "bf16"
            self._passes = Passes(self._model, self._session.steps.step.parameters, ALONE, is_bf16=is_bf16)
        return self._passes


def _shares(layer: _Layer) -> tuple[float | None, float | None]:
    """Dead units and saturated answers, where the activation can have them."""
    answers = layer.answers
    if answers is None or layer.activation is None:
        return None, None
    if layer.activation is nn.ReLU:
        return finite((answers <= 0).all(0).float().mean().item()), None
    if bounds := BOUNDS.get(layer.activation):
        low, high = bounds
        near = NEAR * max(abs(low), abs(high))
        return None, finite(((answers < low + near) | (answers > high - near)).float().mean().item())
    return None, None
