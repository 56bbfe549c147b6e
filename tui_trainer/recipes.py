"""The recipes: one TOML each, opening with its command and its expected result; they ship inside the package."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path

from tui_trainer.data_sets import DATA_SETS
from tui_trainer.errors import InputError, nearest

FOLDERS = (Path(__file__).parent / "configs", Path(__file__).parent.parent / "configs")  # installed; checkout

TABLES = (".csv", ".tsv", ".parquet", ".feather", ".npz", ".npy")  # data, whether they are there or not


@dataclass(frozen=True)
class Recipe:
    """One recipe and what the comment at its head says."""

    name: str
    sentence: str
    command: str
    expected: str
    path: str

    def as_dict(self) -> dict[str, str]:
        """For `--json`."""
        return asdict(self)


def all_recipes() -> list[Recipe]:
    """Every recipe that ships, by name."""
    folder = next((folder for folder in FOLDERS if folder.is_dir()), FOLDERS[0])
    return [_read(path) for path in sorted(folder.glob("*.toml"))]


def find(word: str) -> Path:
    """The file that the first argument means: a recipe's name or a path. Raises InputError with the nearest name."""
    recipes = {recipe.name: recipe.path for recipe in all_recipes()}
    if word in recipes:
        return Path(recipes[word])
    if not word.endswith(".toml") and (word.lower().endswith(TABLES) or _is_there(word)):
        target = "" if Path(word).is_dir() else " --target COLUMN"
        raise InputError(f"{ascii(word)[1:-1][:200]} is no recipe; to train on it: --data {word}{target}")
    if word.endswith(".toml") or "/" in word:
        return Path(word)
    if word in DATA_SETS:
        raise InputError(f"{word} is a data set and no recipe; train on it with --data {word}")
    shown = ascii(word)[:60]
    raise InputError(
        f"{shown} is no recipe{nearest(word, recipes)} (recipes: {', '.join(recipes)}; or name a .toml file)"
    )


def _is_there(word: str) -> bool:
    try:
        return Path(word).exists()
    except (OSError, ValueError):  # a name no file system takes
        return False


def _read(path: Path) -> Recipe:
    """The comment at the head: a sentence, then `Key: value`, each going on over indented lines."""
    sentence, facts, key = "", dict.fromkeys(("Command", "Expected", "Source", "Differs"), ""), ""
    for line in path.read_text(encoding="utf-8").splitlines():
        if not line.startswith("#"):
            break
        text = line.removeprefix("#").strip()
        word, colon, value = text.partition(":")
        if colon and word in facts:
            key, text = word, value.strip()
        if key:
            facts[key] = f"{facts[key]} {text}".strip()
        else:
            sentence = f"{sentence} {text}".strip()
    return Recipe(path.stem, sentence, facts["Command"], facts["Expected"], str(path))
