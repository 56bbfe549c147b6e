"""RunConfig: every hyperparameter, once.

A field here becomes the command-line flag with its help, the TOML key, the form field, the live knob and the README's
table (`knobs.py` reads them out). Adding one is one line here plus the code that uses it.

`only_with="optimizer=sgd,rmsprop"` says that a value other than the default makes sense with these choices alone;
0 switches a limit off. Sections are the TOML tables and the groups of `--help`.
"""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, field_validator, model_validator

from tui_trainer.data_sets import DATA_SETS
from tui_trainer.errors import nearest

Activation = Literal["relu", "leaky_relu", "elu", "selu", "gelu", "silu", "tanh", "sigmoid", "scaled_tanh"]
Init = Literal[
    "torch", "glorot_uniform", "glorot_normal", "he_uniform", "he_normal", "lecun_normal", "uniform", "normal"
]
Metric = Literal["auto", "val_loss", "val_accuracy", "val_macro_f1", "val_rmse", "train_loss"]
MOST_LAYERS = 64
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
    choices: tuple[str, ...] = (),
    **rule: Any,
) -> Any:
    """One hyperparameter: its default, the sentence under it, and its bounds (pydantic's gt, ge, lt, le, pattern)."""
    extra: Any = {"flag": flag, "live": live, "only_with": only_with, "expected": expected, "choices": choices}
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


def _split_sizes(value: Any) -> Any:
    """`512,256` as people type it -> ["512", "256"]; the empty string is a linear model."""
    if isinstance(value, str):
        return [part.strip() for part in value.split(",")] if value.strip() else []
    return [value] if isinstance(value, int) and not isinstance(value, bool) else value


HiddenSizes = Annotated[
    tuple[Annotated[int, Field(ge=1, le=65_536)], ...], Field(max_length=MOST_LAYERS), BeforeValidator(_split_sizes)
]
BatchSize = Annotated[int, Field(ge=1, le=10_000_000)] | Literal["full"]


class Data(Section):
    """Data"""

    name: str = knob("digits", "data set to train on", flag="data", choices=tuple(DATA_SETS))
    dir: str = knob("data", "folder that holds the data sets, in torchvision's layout", flag="data_dir", min_length=1)
    normalize: Literal["none", "unit", "standard"] = knob(
        "standard", "inputs as they are, scaled to 0..1, or to mean 0 and deviation 1 of the training split"
    )
    target_scaling: Literal["none", "standard"] = knob(
        "standard", "targets of a regression as they are, or to mean 0 and deviation 1; errors are in original units"
    )
    validation: float = knob(
        0.1,
        "share of the training split kept for validation (stratified, seeded); 0 evaluates on the test set",
        ge=0,
        le=0.9,
    )
    test_share: float = knob(0.2, "share kept for the final test where the data set has no test split", gt=0, le=0.9)

    @field_validator("name")
    @classmethod
    def _is_known(cls, name: str) -> str:
        if name not in DATA_SETS:
            raise ValueError(
                f"unknown data set {name!r}{nearest(name, DATA_SETS)}; expected one of {', '.join(DATA_SETS)}"
            )
        return name


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
    init_scale: float = knob(0.05, "half-width of uniform, or deviation of normal, starting weights", gt=0, le=10)
    input_dropout: float = knob(0.0, "share of the inputs dropped at each step", live=True, ge=0, lt=1)
    dropout: float = knob(0.0, "share of each hidden layer's outputs dropped at each step", live=True, ge=0, lt=1)


class Loss(Section):
    """Loss"""

    name: Literal["auto", "cross_entropy", "mse"] = knob(
        "auto", "cross_entropy for classes, mse for values; mse on classes compares with one-hot targets", flag="loss"
    )
    label_smoothing: float = knob(0.0, "share of the target spread over all classes", live=True, ge=0, lt=1)


class Optimizer(Section):
    """Optimizer"""

    name: Literal["sgd", "adam", "adamw", "rmsprop"] = knob("adam", "optimizer", flag="optimizer")
    lr: float = knob(1e-3, "learning rate (the schedule multiplies it)", live=True, gt=0, le=1000)
    momentum: float = knob(0.0, "momentum", live=True, ge=0, lt=1, only_with="optimizer=sgd,rmsprop")
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
    max_norm: float = knob(0.0, "largest norm of a unit's incoming weights; 0 is off", ge=0, le=1e6)


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


class RunConfig(BaseModel):
    """Everything that decides a run's result. Frozen; `knobs.build` and `knobs.changed` make them from values."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    data: Data = Data()
    model: Model = Model()
    loss: Loss = Loss()
    optimizer: Optimizer = Optimizer()
    schedule: Schedule = Schedule()
    regularization: Regularization = Regularization()
    training: Training = Training()
    hardware: Hardware = Hardware()

    @model_validator(mode="after")
    def _makes_sense(self) -> RunConfig:
        if sentence := contradiction(self):
            raise ValueError(sentence)
        return self


def contradiction(config: RunConfig) -> str | None:
    """The sentence that says why these settings cannot stand together, or None."""
    data, optimizer, training, hardware = config.data, config.optimizer, config.training, config.hardware
    task = DATA_SETS[data.name].task
    if crowded := _crowded(config.hardware):
        return crowded
    if training.patience and data.validation == 0 and training.monitor != "train_loss":
        return (
            "early stopping (--patience) watches the validation split, but --validation is 0; "
            "give a validation share, use --monitor train_loss, or set --patience 0"
        )
    if config.loss.label_smoothing and (config.loss.name == "mse" or task == "values"):
        return "--label-smoothing needs --loss cross_entropy and classes"
    if config.loss.name == "cross_entropy" and task == "values":
        return f"--loss cross_entropy needs classes, but {data.name} has values to predict; use --loss mse"
    if task == "values" and training.monitor in ("val_accuracy", "val_macro_f1"):
        return f"--monitor {training.monitor} needs classes, but {data.name} has values to predict; use val_rmse"
    if task == "classes" and training.monitor == "val_rmse":
        return f"--monitor val_rmse needs values to predict, but {data.name} has classes; use val_accuracy or val_loss"
    if hardware.engine in ("graph", "compile") and (hardware.processes > 1 or "," in hardware.device):
        return f"--engine {hardware.engine} runs in one process, and several are asked for; use --engine eager or auto"
    if hardware.engine == "graph" and hardware.device == "cpu":
        return "--engine graph is a CUDA graph and needs a GPU, but --device is cpu; use --engine auto"
    if optimizer.nesterov and not optimizer.momentum:
        return "--nesterov needs --momentum above 0"
    if optimizer.name == "adamw" and optimizer.weight_decay_mode == "coupled":
        return "adamw is adam with decoupled weight decay; for coupled decay use --optimizer adam"
    if config.schedule.name == "one_cycle" and config.schedule.warmup:
        return "one_cycle warms up by itself; leave out --warmup or choose another --schedule"
    if config.schedule.warmup and config.schedule.warmup >= training.epochs:
        return f"--warmup {config.schedule.warmup:g} leaves nothing of --epochs {training.epochs}; make it shorter"
    if config.model.normalization == "batch" and training.batch_size == 1:
        return "batch normalisation needs at least 2 samples per batch; raise --batch-size or use --normalization layer"
    return None


def _crowded(hardware: Hardware) -> str | None:
    gpus = [part.strip() for part in hardware.device.split(",")]
    if twice := next((gpu for gpu in gpus if gpus.count(gpu) > 1), ""):
        return f"--device {hardware.device}: {twice} stands there twice; each GPU works for one process"
    if len(gpus) > 1 and hardware.processes not in (1, len(gpus)):
        return f"--processes {hardware.processes} with {len(gpus)} GPUs: each GPU has its own process; leave it out"
    if len(gpus) == 1 and hardware.device.startswith("cuda") and hardware.processes > 1:
        return (
            f"--processes {hardware.processes} on {hardware.device} would take turns on one GPU; name as many GPUs, "
            "as in --device cuda:0,cuda:1, or use --device cpu"
        )
    return None
