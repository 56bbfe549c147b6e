"""What `tui-trainer bench` shall measure: its flags, and the nets, batch sizes and rivals they name. No torch here."""

from __future__ import annotations

import argparse
import itertools
import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, nearest

INPUTS, OUTPUTS = 784, 10  # MNIST's
NETS = {"small": (128,), "medium": (512, 512), "large": (2048, 2048, 2048)}
BATCHES = (64, 512, 4096)
RIVALS = {
    "tutorial": "the tutorial's program",
    "plain": "plain PyTorch loop",
    "skorch": "skorch",
    "lightning": "Lightning",
    "scikit-learn": "scikit-learn",
    "jax": "JAX, one scan",
}
SIZES = re.compile(rf"{INPUTS}(-\d{{1,5}})+-{OUTPUTS}")
HARDWARE = ("device", "threads", "engine", "precision")  # the hyperparameters that `bench` takes
SAMPLES = 60_000
CPU_FLOP = 50e9  # of the matrix products of one timed epoch on a CPU: about half a second on two cores
MOST_CPU_FLOP, A_BLOCK = 120e9, 8  # up to which an epoch has as many steps as `--engine compile` runs at once


def spelled(hidden: Sequence[int]) -> str:
    """(512, 512) -> `784-512-512-10`."""
    return "-".join(str(size) for size in (INPUTS, *hidden, OUTPUTS))


def product_flop(hidden: Sequence[int], samples: int) -> int:
    """Floating-point operations of the matrix products of training on so many samples.

    2mnk for each product: forward, gradient of the weights, and gradient of the layer's input, except the first's.
    """
    first = INPUTS * (*hidden, OUTPUTS)[0]
    return 3 * forward_flop(hidden, samples) - 2 * samples * first


def forward_flop(hidden: Sequence[int], samples: int) -> int:
    """Those of the forward pass alone."""
    sizes = (INPUTS, *hidden, OUTPUTS)
    return 2 * samples * sum(fan_in * fan_out for fan_in, fan_out in itertools.pairwise(sizes))


@dataclass(frozen=True)
class Plan:
    """One call of `bench`. Cells are measured net by net, batch size by batch size; the first has the rivals."""

    config: RunConfig  # device, threads, engine, precision and the data's folder
    rounds: int = 3
    nets: tuple[tuple[int, ...], ...] = tuple(NETS.values())
    batches: tuple[int, ...] = BATCHES
    against: tuple[str, ...] = tuple(RIVALS)
    is_against_everywhere: bool = False  # the rivals were named: every cell has them, not the first alone
    engines: tuple[str, ...] = ()  # empty: all that run here
    samples: int | None = None  # of a timed epoch, where they were given
    has_extras: bool = True  # precisions, the share of reports and evaluation, and the start

    def samples_of(self, hidden: Sequence[int], batch: int, *, is_cpu: bool) -> int:
        """Samples of a timed epoch: the whole split, cut for a large net on a CPU to what takes half a second."""
        if self.samples:
            return self.samples
        if not is_cpu:
            return SAMPLES
        a_step = product_flop(hidden, batch)
        steps = max(math.ceil(CPU_FLOP / a_step), A_BLOCK if A_BLOCK * a_step <= MOST_CPU_FLOP else 1)
        return min(SAMPLES, steps * batch)

    def rivals_of(self, cell: int) -> tuple[str, ...]:
        """Who is measured in the cell of this number, from 0."""
        if cell == 0 or self.is_against_everywhere:
            return self.against
        return tuple(name for name in self.against if name == "plain")


def add_flags(parser: argparse.ArgumentParser) -> None:
    """The flags of `bench` that are no hyperparameters."""
    nets = ", ".join(f"{name} ({spelled(hidden)})" for name, hidden in NETS.items())
    words = "append"
    parser.add_argument("--net", metavar="NAME", action=words, help=f"nets, comma-separated: {nets} or sizes [all]")
    sizes = ",".join(map(str, BATCHES))
    parser.add_argument("--batch", metavar="SIZE", action=words, help=f"batch sizes, comma-separated [{sizes}]")
    parser.add_argument(
        "--against",
        metavar="NAME",
        action=words,
        help=f"whom to measure beside it: {', '.join(RIVALS)} or none [all installed ones, on the first net and batch "
        "size; where named, on each]",
    )
    parser.add_argument("--rounds", metavar="N", type=_rounds, help="alternating rounds [3; 1 to 100]")
    parser.add_argument(
        "--samples", metavar="N", help=f"samples of a timed epoch [{SAMPLES}, on a CPU fewer for large nets]"
    )
    parser.add_argument("--quick", action="store_true", help="one round of the small net on fewer samples: a minute")


def read(options: argparse.Namespace, config: RunConfig) -> Plan:
    """The plan that the flags make; `config` has the hyperparameters among them. Raises InputError."""
    nets = tuple(_net(word) for word in _words(options.net))
    batches = tuple(_number("--batch", word, SAMPLES) for word in _words(options.batch))
    against = tuple(_rival(word) for word in _words(options.against))
    samples = _number("--samples", options.samples, SAMPLES) if options.samples is not None else None
    standard = Plan(config)
    if options.quick:
        standard = Plan(config, rounds=1, nets=(NETS["small"],), batches=(64, 4096), samples=10_000)
    return Plan(
        config,
        rounds=options.rounds or standard.rounds,
        nets=nets or standard.nets,
        batches=batches or standard.batches,
        against=tuple(name for name in against if name != "none") if against else standard.against,
        is_against_everywhere=bool(against),
        engines=(config.hardware.engine,) if "engine" in options else (),
        samples=samples or standard.samples,
        has_extras=not (nets or batches),
    )


def _words(given: list[str] | None) -> list[str]:
    """`--net small,large --net medium` -> the three words, each once."""
    return list(dict.fromkeys(word.strip() for text in given or [] for word in text.split(",") if word.strip()))


def _net(word: str) -> tuple[int, ...]:
    if word in NETS:
        return NETS[word]
    if SIZES.fullmatch(word) and all(0 < int(size) <= 65_536 for size in word.split("-")):
        return tuple(int(size) for size in word.split("-")[1:-1])
    raise InputError(
        f"--net {word}: unknown net{nearest(word, NETS)}; expected {', '.join(NETS)}, or sizes as in {spelled((300,))}"
    )


def _rival(word: str) -> str:
    if word in RIVALS or word == "none":
        return word
    raise InputError(
        f"--against {word}: unknown program{nearest(word, [*RIVALS, 'none'])}; expected {', '.join(RIVALS)}, or none"
    )


def _number(flag: str, word: str, most: int) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= most:
        raise InputError(f"{flag} {word}: expected a whole number from 1 to {most}")
    return int(word)


def _rounds(text: str) -> int:
    if not text.isdigit() or not 1 <= int(text) <= 100:
        raise argparse.ArgumentTypeError(f"{text!r} is not allowed; expected a whole number from 1 to 100")
    return int(text)
