"""What people would use instead: each as its own documentation has it, on the same samples.

Everything beyond PyTorch is imported when it is measured; an ImportError says that it is not installed.
"""

from __future__ import annotations

import contextlib
import io
import logging
import warnings
from collections.abc import Callable, Iterator
from importlib import metadata, util
from typing import Any

import torch
from torch import nn
from torch.nn import functional as F
from torch.utils.data import DataLoader, Subset, TensorDataset

from tui_trainer.bench_plan import RIVALS
from tui_trainer.engine.bench.job import Epoch, Job, NotMeasuredError, Timed

PACKAGES = {"skorch": "skorch", "lightning": "lightning", "jax": "jax"}  # of the extra; the others are there anyway
RATE = 1e-3


def maker(name: str) -> Callable[[Job], Epoch]:
    """What makes the program of this name. Raises NotMeasuredError where its package is missing."""
    package = PACKAGES.get(name)
    if package and util.find_spec(package) is None:
        raise NotMeasuredError("not installed (pip install 'tui-trainer[bench]')")
    if name == "jax":
        from tui_trainer.engine.bench import jax_scan

        return jax_scan.scan
    made: dict[str, Callable[[Job], Epoch]] = {
        "tutorial": tutorial,
        "plain": plain_loop,
        "skorch": skorch,
        "lightning": lightning,
        "scikit-learn": scikit_learn,
    }
    return made[name]


def versions(names: tuple[str, ...]) -> dict[str, str]:
    """{package: version} of those that are installed and have a version of their own."""
    found = {}
    for name in names:
        with contextlib.suppress(metadata.PackageNotFoundError):
            found[name] = metadata.version(name)
    return found


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """No banners, tips and warnings of other people's libraries; what they raise comes through."""
    before = {name: logging.getLogger(name).level for name in ("lightning", "lightning.pytorch", "lightning.fabric")}
    with (
        warnings.catch_warnings(),
        contextlib.redirect_stdout(io.StringIO()),
        contextlib.redirect_stderr(io.StringIO()),
    ):
        warnings.simplefilter("ignore")
        for name in before:
            logging.getLogger(name).setLevel(logging.ERROR)
        try:
            yield
        finally:
            for name, level in before.items():
                logging.getLogger(name).setLevel(level)


def tutorial(job: Job) -> Epoch:
    """The program people start from: torchvision's MNIST, ToTensor, a DataLoader, one `.item()` a step."""
    from torchvision import datasets, transforms

    pictures: Any = datasets.MNIST(str(job.data_dir), train=True, transform=transforms.ToTensor())
    if job.samples < len(pictures):
        pictures = Subset(pictures, range(job.samples))
    loader = DataLoader(pictures, batch_size=job.batch, shuffle=True)
    model = nn.Sequential(nn.Flatten(), *job.net()).to(job.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE)
    criterion = nn.CrossEntropyLoss()

    def epoch() -> Timed:
        began, running = job.settled(), 0.0
        for images, labels in loader:
            optimizer.zero_grad()
            loss = criterion(model(images.to(job.device)), labels.to(job.device))
            loss.backward()
            optimizer.step()
            running += loss.item()
        return Timed(job.settled() - began, running / len(loader))

    return epoch


def plain_loop(job: Job) -> Epoch:
    """What a careful person writes by hand: tensors on the device, fused Adam, the loss read once an epoch."""
    inputs, targets = job.pictures()
    model = job.net().to(job.device)
    optimizer = torch.optim.Adam(model.parameters(), lr=RATE, fused=True)
    precision = torch.autocast(job.device.type, torch.bfloat16, enabled=job.is_bf16)

    def epoch() -> Timed:
        began, total = job.settled(), torch.zeros((), device=job.device)
        for rows in torch.split(torch.randperm(len(targets), device=job.device), job.batch):
            optimizer.zero_grad(set_to_none=True)
            with precision:
                loss = F.cross_entropy(model(inputs[rows]), targets[rows])
            loss.backward()  # type: ignore[no-untyped-call]
            optimizer.step()
            total += loss.detach()
        mean = total.item() / job.steps
        return Timed(job.settled() - began, mean)

    return epoch


def skorch(job: Job) -> Epoch:
    """Its classifier around the same module, without the validation split that it would cut off by itself."""
    from skorch import NeuralNetClassifier

    inputs, targets = (tensor.cpu().numpy() for tensor in job.pictures())
    net = NeuralNetClassifier(
        job.net(), criterion=nn.CrossEntropyLoss, optimizer=torch.optim.Adam, lr=RATE, batch_size=job.batch,
        iterator_train__shuffle=True, train_split=None, verbose=0, device=str(job.device),
    )  # fmt: skip
    net.initialize()

    def epoch() -> Timed:
        began = job.settled()
        net.partial_fit(inputs, targets, epochs=1)
        return Timed(job.settled() - began, float(net.history[-1, "train_loss"]))

    return epoch


def lightning(job: Job) -> Epoch:
    """A LightningModule and a DataLoader of tensors; logger, checkpoints and progress bar off.

    The epoch's own time, without what `fit` sets up before and takes down after it.
    """
    import lightning as pl

    class Net(pl.LightningModule):  # type: ignore[misc]  # untyped where it is not installed
        def __init__(self) -> None:
            super().__init__()
            self.model = job.net()
            self.adam = torch.optim.Adam(self.parameters(), lr=RATE)
            self.losses: list[torch.Tensor] = []
            self.seconds = 0.0

        def training_step(self, batch: Any, _number: int) -> torch.Tensor:
            images, labels = batch
            loss = F.cross_entropy(self.model(images), labels)
            self.losses.append(loss.detach())
            return loss

        def configure_optimizers(self) -> torch.optim.Optimizer:
            return self.adam  # the same at every fit: its averages go on

        def on_train_epoch_start(self) -> None:
            self.losses.clear()
            self.seconds = -job.settled()

        def on_train_epoch_end(self) -> None:
            self.seconds += job.settled()

    inputs, targets = (tensor.cpu() for tensor in job.pictures())
    loader = DataLoader(TensorDataset(inputs, targets), batch_size=job.batch, shuffle=True)
    net = Net()
    where: dict[str, Any] = {"accelerator": "cpu"}
    if job.device.type == "cuda":
        where = {"accelerator": "gpu", "devices": [job.device.index or 0]}

    def epoch() -> Timed:
        trainer = pl.Trainer(
            max_epochs=1, logger=False, enable_checkpointing=False, enable_progress_bar=False,
            enable_model_summary=False, **where,
        )  # fmt: skip
        trainer.fit(net, loader)
        return Timed(net.seconds, torch.stack(net.losses).mean().item())

    return epoch


def scikit_learn(job: Job) -> Epoch:
    """Its MLPClassifier with Adam and without the L2 term that it has by default; on the CPU, whatever the device."""
    import numpy as np
    from sklearn.neural_network import MLPClassifier
    from threadpoolctl import threadpool_limits

    inputs, targets = (tensor.cpu().numpy() for tensor in job.pictures())
    model = MLPClassifier(job.hidden, solver="adam", alpha=0, batch_size=job.batch, learning_rate_init=RATE)
    classes = np.arange(job.data.outputs)

    def epoch() -> Timed:
        began = job.settled()
        with threadpool_limits(job.threads):
            model.partial_fit(inputs, targets, classes=classes)  # one pass over the samples, Adam's averages kept
        return Timed(job.settled() - began, float(model.loss_))

    return epoch


def spoken(name: str) -> str:
    """A rival's name in the tables."""
    return RIVALS[name]
