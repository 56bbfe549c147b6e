"""The declarations of the hyperparameters but for those of the data (`data_sections.py`).

A field here becomes the command-line flag with its help, the TOML key, the form field, the live knob and the README's
table (`knobs.py` reads them out). Adding one is one line here plus the code that uses it.

`only_with="optimizer=sgd,rmsprop"` says that a value other than the default makes sense with these choices alone;
0 switches a limit off. Sections are the TOML tables and the groups of `--help`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator

from tui_trainer.per_layer import EACH_HIDDEN, EACH_LINEAR, MOST_LAYERS, NormPerLayer, ScalePerLayer, SharePerLayer

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "scaled_tanh"]
Init = Literal[
    "torch", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "uniform", "normal"
]
Metric = Literal[
    "auto", "val_loss", "val_accuracy", "val_macro_f1", "val_roc_auc", "val_pr_auc", "val_rmse", "val_mae", "train_loss"
]
MEMORY: dict[str, Any] = {
    "pattern": r"^(auto|\d{1,9}(\.\d{1,9})? ?[kKmMgGtT][bB])$",
    "expected": "auto, or a size in kB, MB, GB or TB, as in 500MB",
}


def knob(
    default: Any,
    sentence: str,
    *,
    flag: str = "",
    live: bool = False,
    only_with: str = "",
    expected: str = "",
    per_layer: str = "",
    choices: tuple[str, ...] = (),
    **rule: Any,
) -> Any:
    """One hyperparameter: its default, the sentence under it, and its bounds (pydantic's gt, ge, lt, le, pattern)."""
    extra: Any = {"flag": flag, "live": live, "only_with": only_with, "expected": expected, "choices": choices}
    extra["per_layer"] = per_layer
    return Field(default, description=sentence, json_schema_extra=extra, **rule)


class Section(BaseModel):
    """One TOML table; unknown keys and true/false in place of a number are refused."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False, validate_default=False)

    @field_validator("*", mode="before")
    @classmethod
    def _no_switch_for_a_number(cls, value: Any, info: Any) -> Any:
        if isinstance(value, bool) and cls.model_fields[info.field_name].annotation is not bool:
            raise ValueError("a switch stands where a value is expected")
        return value


NO_SIZES = ("", '""', "''")  # the quotes of the help, where no shell takes them away: a form, a quoted flag


def _split_sizes(value: Any) -> Any:
    """`512,256` as people type it -> ["512", "256"]; the empty string is a linear model, as are two quotes."""
    if isinstance(value, str):
        return [] if value.strip() in NO_SIZES else [part.strip() for part in value.split(",")]
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


HiddenSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65_536)], ...], Field(max_length=MOST_LAYERS), BeforeValidator(_split_sizes)
]
BatchSize = Annotated[int, Field(ge=1, le=10_000_000)] | Literal["full"]


class Model(Section):
    """Model"""

    hidden: HiddenSizes = knob(
        (128,),
        'units of each hidden layer; "" is a linear model',
        expected=f"up to {MOST_LAYERS} sizes from 1 to 65536, as in 512,256",
    )
    activation: Activation = knob("relu", "activation after each hidden layer (scaled_tanh: 1.7159 tanh(2x/3))")
    normalization: Literal["none", "batch", "layer"] = knob("none", "normalisation before each activation")
    init: Init = knob("torch", "how weights start; biases start at 0 except with torch's own default")
    init_scale: ScalePerLayer = knob(
        0.05,
        "half-width of uniform, or deviation of normal, starting weights; in a list, 0 is a layer that starts as zeros",
        per_layer=EACH_LINEAR,
    )
    input_dropout: float = knob(0.0, "share of the inputs dropped at each step", live=True, ge=0, lt=1)
    dropout: SharePerLayer = knob(
        0.0, "share of each hidden layer's outputs dropped at each step", live=True, per_layer=EACH_HIDDEN
    )


class Loss(Section):
    """Loss"""

    name: Literal["auto", "cross_entropy", "binary_cross_entropy", "mse", "l1", "huber"] = knob(
        "auto",
        "auto: cross_entropy for classes, binary_cross_entropy for labels, mse for values; binary_cross_entropy on two "
        "classes has one output, mse on classes compares with one-hot targets",
        flag="loss",
    )
    huber_delta: float = knob(
        1.0,
        "error, in units of the scaled target, from which huber grows linearly",
        gt=0,
        le=1e6,
        only_with="loss=huber",
    )
    class_weights: Literal["none", "balanced"] = knob(
        "none", "balanced: each class counts as much as the others, by its share of the training rows"
    )
    label_smoothing: float = knob(0.0, "share of the target spread over all classes", live=True, ge=0, lt=1)


class Optimizer(Section):
    """Optimizer"""

    name: Literal["sgd", "adam", "adamw", "rmsprop"] = knob("adam", "optimizer", flag="optimizer")
    lr: float = knob(1e-3, "learning rate (the schedule multiplies it)", live=True, gt=0, le=1000)
    momentum: float = knob(
        0.0,
        "momentum; with momentum_epochs, that of the first epoch",
        live=True,
        ge=0,
        lt=1,
        only_with="optimizer=sgd,rmsprop",
    )
    momentum_epochs: int = knob(
        0,
        "epochs in which momentum moves, by the same amount after each, to final_momentum; 0 keeps it",
        ge=0,
        le=10_000_000,
        only_with="optimizer=sgd,rmsprop",
    )
    final_momentum: float = knob(
        0.0, "momentum after momentum_epochs", live=True, ge=0, lt=1, only_with="optimizer=sgd,rmsprop"
    )
    nesterov: bool = knob(False, "Nesterov's form of momentum", only_with="optimizer=sgd")
    beta1: float = knob(0.9, "decay of the mean of gradients", ge=0, lt=1, only_with="optimizer=adam,adamw")
    beta2: float = knob(0.999, "decay of the mean of squared gradients", ge=0, lt=1, only_with="optimizer=adam,adamw")
    rho: float = knob(0.99, "decay of the mean of squared gradients", ge=0, lt=1, only_with="optimizer=rmsprop")
    eps: float = knob(1e-8, "term against division by zero", gt=0, le=1, only_with="optimizer=adam,adamw,rmsprop")
    weight_decay: float = knob(0.0, "weight decay (L2)", live=True, ge=0, le=10)
    weight_decay_mode: Literal["auto", "coupled", "decoupled"] = knob(
        "auto",
        "coupled adds decay to the gradient, decoupled shrinks weights directly; auto: decoupled for adamw alone",
    )
    decay_biases: bool = knob(True, "whether biases and normalisation parameters decay too")
    clip_norm: float = knob(0.0, "gradients are scaled down to this norm; 0 is off", live=True, ge=0, le=1e6)


class Schedule(Section):
    """Learning-rate schedule"""

    name: Literal["constant", "step", "exponential", "linear", "cosine", "one_cycle"] = knob(
        "constant", "how the learning rate moves over the run", flag="schedule"
    )
    epochs: int = knob(
        0,
        "epochs of the whole schedule, of which the run may be a part; 0 is as many as the run has",
        flag="schedule_epochs",
        ge=0,
        le=10_000_000,
        only_with="schedule=linear,cosine,one_cycle",
    )
    every: Literal["step", "epoch"] = knob(
        "step",
        "whether the schedule moves the learning rate at each step or once an epoch (a warm-up: at each step)",
        flag="schedule_every",
        only_with="schedule=linear,cosine,one_cycle",
    )
    warmup: float = knob(0.0, "epochs over which the learning rate first rises from 0", ge=0, le=1e6)
    step_epochs: int = knob(10, "epochs between two drops", ge=1, le=1_000_000, only_with="schedule=step")
    step_factor: float = knob(0.1, "factor of each drop", gt=0, le=1, only_with="schedule=step")
    epoch_factor: float = knob(0.95, "factor of each epoch", gt=0, le=1, only_with="schedule=exponential")
    final_factor: float = knob(
        0.0, "learning rate at the end, as a share of lr", ge=0, le=1, only_with="schedule=linear,cosine"
    )
    peak_at: float = knob(0.3, "share of the run at which lr is reached", gt=0, lt=1, only_with="schedule=one_cycle")


class Regularization(Section):
    """Regularization"""

    l1: float = knob(0.0, "L1 penalty on the weights (biases excluded), in the loss's gradient", ge=0, le=10)
    max_norm: NormPerLayer = knob(0.0, "largest norm of a unit's incoming weights; 0 is off", per_layer=EACH_LINEAR)
    mixup: float = knob(
        0.0,
        "each sample is mixed with another one by a share from Beta(mixup, mixup), one a batch; 0 is off",
        live=True,
        ge=0,
        le=100,
    )


class Training(Section):
    """Training"""

    epochs: int = knob(30, "passes over the training split", live=True, ge=1, le=10_000_000)
    batch_size: BatchSize = knob(
        64, "samples per step", live=True, expected='a whole number from 1 to 10000000, or "full"'
    )
    shuffle: bool = knob(True, "a new order every epoch")
    drop_last: bool = knob(False, "leave out an epoch's last, partial batch")
    seed: int = knob(0, "seed of the splits, the starting weights, the order and the dropout", ge=0, le=2**63 - 1)
    patience: int = knob(
        0, "epochs without a better figure before training stops early; 0 is off", live=True, ge=0, le=10_000_000
    )
    monitor: Metric = knob("auto", "figure that decides which epoch is best (auto: val_loss, or val_rmse for values)")
    min_change: float = knob(0.0, "smallest change of that figure that counts as better", live=True, ge=0, le=1e6)
    on_alert: Literal["continue", "pause", "stop"] = knob(
        "continue", "what follows when first aid finds that something looks wrong", live=True
    )
    ema: float = knob(
        0.0,
        "decay of the weights' moving average, which is evaluated and kept in their place; 0 is off",
        ge=0,
        lt=1,
    )
    ema_warmup: bool = knob(True, "the average forgets faster in its first steps: a decay of at most (1 + t)/(10 + t)")


class Hardware(Section):
    """Hardware"""

    device: str = knob(
        "auto",
        "where to train; auto takes the GPU with most free memory; several GPUs share each batch",
        pattern=r"^(auto|cpu|cuda|cuda:\d{1,3}(,\s*cuda:\d{1,3})*)$",
        expected="auto, cpu, cuda, cuda:N, or several as in cuda:0,cuda:1",
    )
    processes: int = knob(
        1, "processes that share each batch on the CPU; of several GPUs each has its own anyway", ge=1, le=1024
    )
    max_restarts: int = knob(
        0, "times that several processes start again from the checkpoint when one of them dies", ge=0, le=1000
    )
    threads: int = knob(
        0,
        "CPU threads; 0 measures at the start how many are fastest on the machine as it is then",
        ge=0,
        le=1024,
    )
    engine: Literal["auto", "eager", "graph", "compile"] = knob(
        "auto", "how steps are run: one by one, in CUDA graphs, or compiled; auto: graphs on one GPU, else one by one"
    )
    precision: Literal["float32", "tf32", "bf16"] = knob(
        "float32", "arithmetic of the matrix products (bf16: with float32 weights, as autocast does it)"
    )
    device_memory: str = knob(
        "auto", "memory for the training samples on the device; more than fits stays in the host's", **MEMORY
    )
    host_memory: str = knob(
        "auto", "memory for the training samples on the host; more than fits is read from a file", **MEMORY
    )
    deterministic: bool = knob(False, "the same bits on every run, also on a GPU, at some cost in speed")


class Output(Section):
    """Output"""

    tensorboard: bool = knob(
        False, "also write the run's figures, histograms and pictures into its folder for TensorBoard"
    )
