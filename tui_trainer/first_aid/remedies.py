"""Remedies, each where it makes sense under the present settings."""

from __future__ import annotations

from typing import Any

from tui_trainer.first_aid.case import Case
from tui_trainer.inside_events import Remedy
from tui_trainer.per_layer import by_layer

MOST = 3
FACTORS = {0.5: "half the learning rate", 0.1: "a tenth of the learning rate"}
HIGHEST_LR = 1000.0
BACK = "Go back to the last good checkpoint"
RELU_LIKE = ("relu", "leaky_relu", "elu", "gelu", "silu")


def chosen(*remedies: Remedy | None) -> tuple[Remedy, ...]:
    """Those that there are, the likeliest first, at most three."""
    return tuple(remedy for remedy in remedies if remedy)[:MOST]


def from_the_beginning(remedy: Remedy) -> Remedy:
    """The same where no step was good: there is no checkpoint to go back to."""
    return remedy.model_copy(update={"sentence": remedy.sentence.replace(BACK, "Go back to the beginning")})


def other_rate(case: Case, factor: float, *, goes_back: bool = False) -> Remedy | None:
    """The learning rate times a factor."""
    lr = float(f"{case.config.optimizer.lr * factor:.6g}")
    if not 0 < lr <= HIGHEST_LR:
        return None
    start = f"{BACK} with" if goes_back else "Go on with"
    sentence = f"{start} {FACTORS.get(factor, f'{factor:,.0f} times the learning rate')} ({lr:g})"
    return Remedy(sentence=sentence, where="here", goes_back=goes_back, values={"lr": lr})


def clipped(case: Case, *, goes_back: bool = False) -> Remedy | None:
    """Gradients cut to a norm of 1, or to a tenth of the norm that they are cut to already."""
    present = case.config.optimizer.clip_norm
    norm = float(f"{present / 10:.3g}") if present else 1.0
    start = f"{BACK} and clip" if goes_back else "Clip"
    return Remedy(
        sentence=f"{start} gradients to a norm of {norm:g}", where="here", goes_back=goes_back,
        values={"clip_norm": norm},
    )  # fmt: skip


def more_dropout(case: Case, *, goes_back: bool = False) -> Remedy | None:
    """Dropout of hidden layers: .2, or .2 more."""
    model = case.config.model
    present = by_layer(model.dropout, len(model.hidden))
    if not present or max(present) >= 0.5:
        return None
    shares = tuple(round(share + 0.2, 2) for share in present)
    shown = ",".join(f"{share:g}" for share in sorted(set(shares)))
    start = "Go back to the best epoch and drop" if goes_back else "Drop"
    return Remedy(
        sentence=f"{start} a share of {shown} of the hidden layers' outputs", where="here", goes_back=goes_back,
        values={"dropout": shares if isinstance(model.dropout, tuple) else shares[0]},
    )  # fmt: skip


def more_decay(case: Case, *, goes_back: bool = False) -> Remedy | None:
    """Weight decay: what is usual with the optimizer, or ten times what there is."""
    optimizer = case.config.optimizer
    usual = 1e-2 if optimizer.name == "adamw" else 1e-4
    decay = float(f"{min(10.0, optimizer.weight_decay * 10):.3g}") if optimizer.weight_decay else usual
    start = "Go back to the best epoch with" if goes_back else "Go on with"
    return Remedy(
        sentence=f"{start} a weight decay of {decay:g}", where="here", goes_back=goes_back,
        values={"weight_decay": decay},
    )  # fmt: skip


def stopping(what_is_kept: str) -> Remedy:
    """The end of the run."""
    return Remedy(sentence=f"Stop: {what_is_kept}", where="here", stops=True)


def anew(sentence: str, **values: Any) -> Remedy:
    """What only a new run can have."""
    return Remedy(sentence=sentence, where="new_run", values=values)


def advice(sentence: str) -> Remedy:
    """What no setting does."""
    return Remedy(sentence=sentence, where="advice")


def other_start(case: Case) -> Remedy | None:
    """Starting weights that keep the signal's size through the layers, for the activation that there is."""
    model = case.config.model
    if not model.hidden:
        return None
    if model.activation == "selu":
        wanted, whose = "lecun_normal", "Klambauer et al. 2017"
    elif model.activation in RELU_LIKE:
        wanted, whose = "he_normal", "He et al. 2015"
    else:
        wanted, whose = "glorot_uniform", "Glorot & Bengio 2010"
    if model.init == wanted or model.init.split("_")[0] == wanted.split("_")[0]:
        return None
    return anew(f"Start a new run with --init {wanted} ({whose})", init=wanted)


def normalized(case: Case) -> Remedy | None:
    """A normalisation between the layers."""
    if case.config.model.normalization != "none" or not case.config.model.hidden:
        return None
    kind = "layer" if case.config.training.batch_size == 1 else "batch"
    return anew(f"Start a new run with --normalization {kind}", normalization=kind)


def other_activation(case: Case, wanted: str, why: str) -> Remedy | None:
    """Another activation in a new run."""
    if case.config.model.activation == wanted:
        return None
    return anew(f"Start a new run with --activation {wanted}: {why}", activation=wanted)


def scaled_inputs(case: Case) -> Remedy | None:
    """Inputs of mean 0 and deviation 1, where they are taken as they are."""
    if case.config.data.normalize != "none":
        return None
    return anew("Start a new run with --normalize standard: the inputs are not scaled", normalize="standard")


def larger(case: Case) -> Remedy:
    """A net with more to learn with."""
    hidden = tuple(min(65_536, 2 * units) for units in case.config.model.hidden) or (128,)
    return anew(f"Start a new run with a larger net: --hidden {','.join(map(str, hidden))}", hidden=hidden)
