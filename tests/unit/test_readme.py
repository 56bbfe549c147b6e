"""The README cannot go stale: its generated table and its commands are what the program says.

Run as a program (`python -m tests.unit.test_readme`) it writes the table anew.
"""

from __future__ import annotations

import re

from tests.conftest import ROOT
from tui_trainer.config import RunConfig
from tui_trainer.flags import Parser, add_knobs
from tui_trainer.knobs import KNOBS, shown
from tui_trainer.ui.keys import table_rows

README = ROOT / "README.md"
KEY_TABLE = re.compile(r"(<!-- keys: generated, do not edit -->\n)(.*?)(<!-- end -->)", re.DOTALL)
TABLE = re.compile(r"(<!-- hyperparameters: generated, do not edit -->\n)(.*?)(<!-- end -->)", re.DOTALL)


def table() -> str:
    """Every knob, in the order of its declaration."""
    rows = ["| flag | TOML key | default | takes | what it is |", "|---|---|---|---|---|"]
    for knob in KNOBS.values():
        live = " *Live.*" if knob.is_live else ""
        cells = [
            f"`{knob.flag}`",
            f"`{knob.path}`",
            f"`{shown(knob.default)}`",
            knob.expected,
            knob.sentence + "." + live,
        ]
        rows.append("| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |")
    return "\n".join(rows) + "\n"


def key_tables() -> str:
    """Every key, by where it works."""
    rows = ["| where | keys | what |", "|---|---|---|"]
    for where, keys, sentence in table_rows():
        shown = " ".join(f"`{key}`" for key in keys.split())
        rows.append(f"| {where} | {shown} | {sentence} |")
    return "\n".join(rows) + "\n"


def test_the_table_of_keys_is_the_declarations() -> None:
    found = KEY_TABLE.search(README.read_text())
    assert found
    assert found[2] == key_tables(), "run `python -m tests.unit.test_readme`"


def test_the_picture_is_a_snapshot_that_the_tests_hold() -> None:
    pictures = re.findall(r"!\[[^\]]*\]\(([^)]+)\)", README.read_text())
    assert pictures == ["tests/ui/snapshots/trainer-dark.svg"]
    assert (ROOT / pictures[0]).is_file()


def test_the_table_of_hyperparameters_is_the_declarations() -> None:
    found = TABLE.search(README.read_text())
    assert found
    assert found[2] == table(), "run `python -m tests.unit.test_readme`"


def test_every_flag_in_the_readme_exists() -> None:
    parser = Parser(prog="x")
    add_knobs(parser, RunConfig(), KNOBS.values())
    own = {"--no-ui", "--json", "--print-config", "--runs-dir", "--name", "--version", "--rounds", "--check", "--out"}
    own |= {"--readonly", "--refresh", "--ascii", "--ui"}
    own |= {"--out", "--overwrite", "--weights"}  # of `predict`
    own |= {"--from", "--to", "--steps", "--run", "--least", "--most"}  # of `lr-find` and `batch-find`
    own |= {"--net", "--batch", "--against", "--samples", "--quick"}  # of `bench`
    own |= {"--nproc-per-node", "--nnodes", "--ntasks", "--ntasks-per-node"}  # of torchrun and srun
    own |= {"--logdir"}  # of tensorboard
    own |= {"--apply"}  # of resume
    known = set(parser._option_string_actions) | own
    assert set(re.findall(r"(?<![\w-])--[a-z][a-z0-9-]*", README.read_text())) <= known


if __name__ == "__main__":
    text = README.read_text()
    text = TABLE.sub(lambda found: found[1] + table() + found[3], text)
    README.write_text(KEY_TABLE.sub(lambda found: found[1] + key_tables() + found[3], text))
