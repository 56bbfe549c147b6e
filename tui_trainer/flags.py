"""The command line's flags, made from the declarations in `config.py`; reading them is all this does."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from typing import Any, NoReturn

from tui_trainer.config import RunConfig
from tui_trainer.errors import InputError, nearest
from tui_trainer.knobs import KNOBS, Knob, shown


class Parser(argparse.ArgumentParser):
    """argparse with our errors: one sentence, the nearest flag, exit code 2 through InputError."""

    def __init__(self, **options: Any) -> None:
        super().__init__(allow_abbrev=False, add_help=False, formatter_class=_Help, **options)
        self.add_argument("-h", "--help", action="store_true", default=False, help="show this help")

    def error(self, message: str) -> NoReturn:
        """`argument --lr: expected one argument` -> `--lr: expected a value`."""
        message = message.removeprefix("argument ").replace("expected one argument", "expected a value after it")
        raise InputError(f"{message} (`{self.prog} --help` lists everything)")

    def read(self, arguments: Sequence[str]) -> argparse.Namespace:
        """Parse; an unknown flag or a word too many is an InputError."""
        known, rest = self.parse_known_args(list(arguments))
        if flag := next((word.partition("=")[0] for word in rest if word.startswith("-")), ""):
            self.error(f"unknown flag {shown(flag)}{nearest(flag, self._option_string_actions)}")
        if rest:
            self.error(f"unexpected argument {shown(rest[0])!r}")
        return known


class _Help(argparse.HelpFormatter):
    def __init__(self, prog: str) -> None:
        super().__init__(prog, max_help_position=30)


def add_knobs(parser: Parser, config: RunConfig, knobs: Iterable[Knob]) -> None:
    """One flag per knob, in a group per section; the help shows the value that `config` gives it."""
    groups: dict[str, Any] = {}
    for knob in knobs:
        group = groups.setdefault(knob.section, None) or parser.add_argument_group(knob.title)
        groups[knob.section] = group
        value = shown(knob.of(config))
        live = "; may change while it trains" if knob.is_live else ""
        text = f"{knob.sentence} [{value}; {knob.expected}{live}]".replace("%", "%%")
        if knob.is_switch:
            text = f"{knob.sentence} [{value}]".replace("%", "%%")
            group.add_argument(
                knob.flag, dest=knob.name, action=argparse.BooleanOptionalAction, default=argparse.SUPPRESS, help=text
            )
        else:
            metavar = knob.key.upper() if not knob.choices else "NAME"
            group.add_argument(knob.flag, dest=knob.name, metavar=metavar, default=argparse.SUPPRESS, help=text)


def knob_values(options: argparse.Namespace) -> dict[str, Any]:
    """{knob name: text} of the flags that were given."""
    return {name: value for name, value in vars(options).items() if name in KNOBS}
