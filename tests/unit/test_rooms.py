"""The house's rules: sizes, the direction of imports, and who may know torch."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import ROOT

MOST_LINES_OF_A_FILE, MOST_OF_A_CLASS, MOST_OF_A_FUNCTION = 300, 250, 50
FILES = sorted([*(ROOT / "tui_trainer").rglob("*.py"), *(ROOT / "tests").rglob("*.py")])


@pytest.mark.parametrize("path", FILES, ids=lambda path: str(path.relative_to(ROOT)))
def test_no_file_class_or_function_outgrows_its_room(path: Path) -> None:
    text = path.read_text()
    assert text.count("\n") <= MOST_LINES_OF_A_FILE
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef):
            lines = (node.end_lineno or 0) - node.lineno + 1
            assert lines <= (MOST_OF_A_CLASS if isinstance(node, ast.ClassDef) else MOST_OF_A_FUNCTION), node.name


def test_imports_go_one_way() -> None:
    checked = subprocess.run(
        [sys.executable, "-c", "from importlinter.cli import lint_imports_command; lint_imports_command()"],
        cwd=ROOT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert checked.returncode == 0, checked.stdout


def test_the_dashboard_never_loads_torch() -> None:
    rooms = sorted((ROOT / "tui_trainer" / "ui").rglob("*.py"))
    names = [".".join(path.relative_to(ROOT).with_suffix("").parts).removesuffix(".__init__") for path in rooms]
    code = f"import sys, {', '.join(name for name in names if not name.endswith('.bare'))}\nprint(*sys.modules)"
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = {name.split(".")[0] for name in told.stdout.split()}
    assert "textual" in loaded
    assert not loaded & {"torch", "torchvision", "sklearn", "numpy", "safetensors"}


HEAVY = {"torch", "torchvision", "sklearn", "numpy", "scipy", "safetensors", "textual"}


@pytest.mark.parametrize(
    ("arguments", "forbidden"),
    [
        (["--help"], HEAVY | {"rich", "psutil", "tomlkit"}),
        (["--version"], HEAVY | {"rich"}),
        (["--no-ui", "--lr", "-1"], HEAVY | {"rich"}),
        (["--print-config"], HEAVY | {"rich"}),
        (["runs"], HEAVY),
        (["recipes"], HEAVY),
        (["devices"], HEAVY),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, list) else "",
)
def test_a_command_imports_nothing_that_it_does_not_need(arguments: list[str], forbidden: set[str]) -> None:
    code = (
        "import sys\nfrom tui_trainer.cli import main\n"
        f"main({arguments!r})\nprint('LOADED', *{{name.split('.')[0] for name in sys.modules}})"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=ROOT)
    loaded = set(told.stdout.rsplit("LOADED", 1)[1].split())
    assert not loaded & forbidden


@pytest.mark.slow
def test_a_run_of_eager_steps_never_loads_the_compiler() -> None:
    code = (
        "import sys\nfrom tui_trainer.cli import main\n"
        "main(['--no-ui', '--epochs', '1', '--json'])\nprint('LOADED', *sys.modules)"
    )
    told = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(told.stdout.rsplit("LOADED", 1)[1].split())
    assert not loaded & {"torch._dynamo", "torch._inductor", "torchvision", "tensorboard"}  # a second each
