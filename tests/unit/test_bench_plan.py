"""`bench`'s flags, its count of operations and its estimate: what can be known without measuring."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tests.conftest import Said
from tui_trainer.bench_plan import BATCHES, NETS, RIVALS, Plan, add_flags, product_flop, read, spelled
from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError
from tui_trainer.figures import Figure, at_least, at_most
from tui_trainer.flags import Parser, add_knobs, knob_values
from tui_trainer.knobs import KNOBS, build


def plan_of(*arguments: str) -> Plan:
    parser = Parser(prog="bench")
    add_flags(parser)
    add_knobs(parser, RunConfig(), [KNOBS["engine"], KNOBS["threads"]])
    options = parser.read(arguments)
    return read(options, build(knob_values(options)))


def test_the_operations_are_those_counted_by_hand() -> None:
    # 784-128-10, one sample: forward 2(784*128 + 128*10); weights' gradients as much; the hidden layer's alone 2*128*10
    assert product_flop((128,), 1) == 2 * 203_264 + 2_560
    assert product_flop((), 5) == 5 * 2 * (2 * 7840)
    assert product_flop(NETS["large"], 1) == 2 * (3 * (784 * 2048 + 2 * 2048**2 + 20_480) - 784 * 2048)


def test_without_flags_everything_is_measured() -> None:
    plan = plan_of()
    assert (plan.nets, plan.batches, plan.rounds, plan.has_extras) == (tuple(NETS.values()), BATCHES, 3, True)
    assert plan.engines == ()
    assert plan.rivals_of(0) == tuple(RIVALS)
    assert plan.rivals_of(1) == ("plain",)


def test_flags_repeat_and_take_lists() -> None:
    plan = plan_of("--net", "small,784-30-20-10", "--net", "large", "--batch", "7", "--against", "jax,plain")
    assert plan.nets == ((128,), (30, 20), (2048,) * 3)
    assert (plan.batches, plan.has_extras) == ((7,), False)
    assert plan.rivals_of(0) == plan.rivals_of(5) == ("jax", "plain")
    assert plan_of("--against", "none").rivals_of(0) == ()
    assert plan_of("--engine", "eager").engines == ("eager",)


def test_quick_is_one_round_and_gives_way_to_what_is_named() -> None:
    quick = plan_of("--quick")
    assert (quick.rounds, quick.nets, quick.samples) == (1, (NETS["small"],), 10_000)
    named = plan_of("--quick", "--rounds", "2", "--net", "medium", "--samples", "500")
    assert (named.rounds, named.nets, named.samples) == (2, (NETS["medium"],), 500)


def test_a_large_net_has_fewer_samples_on_a_cpu_in_whole_batches() -> None:
    plan = plan_of()
    assert plan.samples_of(NETS["small"], 64, is_cpu=True) == 60_000
    assert plan.samples_of(NETS["large"], 4096, is_cpu=True) == 4096
    assert plan.samples_of(NETS["medium"], 4096, is_cpu=True) == 8 * 4096
    few = plan.samples_of(NETS["large"], 64, is_cpu=True)
    assert (few % 64, few < 3_000) == (0, True)
    assert plan.samples_of(NETS["large"], 64, is_cpu=False) == 60_000


@pytest.mark.parametrize(
    ("arguments", "said_words"),
    [
        (["--net", "smal"], "--net smal: unknown net; did you mean 'small'?"),
        (["--net", "784-0-10"], "unknown net"),
        (["--net", "100-5-10"], "or sizes as in 784-300-10"),
        (["--batch", "0"], "--batch 0: expected a whole number from 1 to 60000"),
        (["--batch", "64,x"], "--batch x"),
        (["--against", "skorhc"], "did you mean 'skorch'?"),
        (["--samples", "60001"], "--samples 60001: expected a whole number from 1 to 60000"),
        (["--samples", ""], "--samples : expected a whole number"),
        (["--engine", "egaer"], "--engine: egaer is not allowed"),
        (["--rounds", "101"], "expected a whole number from 1 to 100"),
    ],
)
def test_a_wrong_word_is_one_sentence_and_code_2(
    cli: Callable[..., Said], arguments: list[str], said_words: str
) -> None:
    said = cli("bench", *arguments)
    assert (said.code, said.out, said.err.count("\n")) == (2, "", 1)
    assert said_words in said.err


def test_an_unknown_net_is_an_input_error() -> None:
    with pytest.raises(InputError, match="unknown net"):
        plan_of("--net", "gigantic")


def test_the_help_names_the_nets_and_the_rivals(cli: Callable[..., Said]) -> None:
    text = " ".join(cli("bench", "--help").out.split())
    for name, hidden in NETS.items():
        assert f"{name} ({spelled(hidden)})" in text
    assert all(name in text for name in RIVALS)


@pytest.mark.parametrize(
    ("figure", "holds"),
    [
        (Figure("a", "s", 2.0, 1.0, "b", 2.0, (at_most("ratio", 2),)), True),
        (Figure("a", "s", 2.0, 1.0, "b", 2.0, (at_most("ratio", 1.9),)), False),
        (Figure("a", "s", 2.0, 1.0, "b", 2.0, (at_least("ratio", 2.1), at_most("value", 3))), True),
        (Figure("a", "s", 2.0, None, "", None, (at_most("ratio", 5),)), False),
    ],
)
def test_a_figure_holds_within_any_of_its_limits(figure: Figure, holds: bool) -> None:
    assert figure.holds is holds
    assert figure.as_dict()["holds"] is holds
