"""One optimizer step, with as little around it as PyTorch allows."""

from __future__ import annotations

import contextlib

import torch
from torch import Tensor, nn

from tui_trainer.config import RunConfig
from tui_trainer.engine.data.dataset import Samples
from tui_trainer.engine.evaluation import LossFunction
from tui_trainer.engine.meter import LossMeter
from tui_trainer.engine.model import forward_calls, linear_weights
from tui_trainer.engine.optim import Constraints, Update, set_lr

ENGINE = getattr(torch.autograd.Variable, "_execution_engine", None)  # what torch's own checkpointing calls


class EagerStep:
    """Gather, forward, backward, constraints, update: for any model and option."""

    def __init__(
        self, model: nn.Sequential, optimizer: torch.optim.Optimizer, loss: LossFunction, config: RunConfig,
        samples: Samples, meter: LossMeter,
    ) -> None:  # fmt: skip
        self.config = config
        self.loss = loss
        self.meter = meter
        self.look_every = 0  # every how many steps the predictions are compared with the targets; 0: never
        self.update = Update(optimizer)
        self._model, self._optimizer, self._samples = model, optimizer, samples
        self._calls = forward_calls(model)
        self._parameters = list(model.parameters())
        rules = config.regularization
        self._constraints = Constraints(linear_weights(model), l1=rules.l1, max_norm=rules.max_norm)
        self._one = torch.ones((), device=samples.inputs.device)
        device = samples.inputs.device.type
        is_bf16 = config.hardware.precision == "bf16"
        self._precision = torch.autocast(device, torch.bfloat16) if is_bf16 else contextlib.nullcontext()

    def __call__(self, rows: Tensor, lr: float, step: int) -> None:
        """One update from these rows of the training split. `step` is its number, from 1."""
        inputs = self._samples.inputs.index_select(0, rows)
        targets = self._samples.targets.index_select(0, rows)
        with self._precision:
            for call in self._calls:
                inputs = call(inputs)
            loss = self.loss(inputs, targets)
        poisoned = self.meter.add(loss, len(rows), step)
        if self.look_every and step % self.look_every == 0:
            self.meter.look(inputs.detach(), targets)
        for parameter in self._parameters:
            parameter.grad = None
        self._backward(loss)
        set_lr(self._optimizer, lr)
        with torch.no_grad():
            if poisoned is not None and not self._optimizer.defaults.get("fused"):
                self._cancel(poisoned)
            self._constraints.before_step(self._parameters, self.config.optimizer, lr, self._optimizer)
            self.update(poisoned)
            self._constraints.after_step()

    def _backward(self, loss: Tensor) -> None:
        """`loss.backward()`; its checks of the arguments alone take a twentieth of a small net's step."""
        if ENGINE is None or loss.dtype != torch.float32:
            loss.backward()  # type: ignore[no-untyped-call]
            return
        ENGINE.run_backward((loss,), (self._one,), False, False, (), allow_unreachable=True, accumulate_grad=True)

    def change(self, config: RunConfig, loss: LossFunction) -> None:
        """Settings and loss that hold from the next step on; the net's dropout was set already."""
        self.config, self.loss = config, loss
        self._calls = forward_calls(self._model)

    def _cancel(self, poisoned: Tensor) -> None:
        """For an optimizer that cannot skip a step on the device: no gradient, so that the weights stay finite."""
        for parameter in self._parameters:
            if parameter.grad is not None:
                parameter.grad.masked_fill_(poisoned.bool(), 0.0)
