"""Configs on disk: TOML read with the line of every mistake, and written with each hyperparameter's sentence."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from tui_trainer.config import RunConfig
from tui_trainer.data_sections import TABLE_OF
from tui_trainer.errors import InputError, nearest
from tui_trainer.knobs import BY_PATH, KNOBS, build, values_of

TABLES = {TABLE_OF.get(section, section): section for section in RunConfig.model_fields}
"""{name of a table in TOML: section}"""
COMMENT_COLUMN = 32  # where the sentences of a written config start


class ConfigFile:
    """The values of one TOML file, by knob name, and where each of them stands."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._text = _text_of(path)
        try:
            tables = tomllib.loads(self._text)
        except (ValueError, RecursionError) as error:  # ValueError: also a number of thousands of digits
            raise InputError(f"{path}: not valid TOML: {str(error) or 'nested too deeply'}") from None
        self.values: dict[str, Any] = dict(self._pairs(tables))

    def where(self, name: str) -> str:
        """`simplenet.toml, line 7: lr`."""
        knob = KNOBS[name]
        return f"{self.path}{self._line(knob.table, knob.key)}: {knob.path}"

    def _pairs(self, tables: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        for name, table in tables.items():
            if name not in TABLES:
                raise self._mistake(name, "", self._unknown_table(name))
            yield from self._pairs_of(name, table)

    def _pairs_of(self, name: str, table: Any) -> Iterator[tuple[str, Any]]:
        """One table's, by its name in TOML, and those of the tables below it."""
        if not isinstance(table, Mapping):
            raise self._mistake(name, "", f"{name} is a table; write [{name}] and its keys below")
        keys = [knob.key for knob in KNOBS.values() if knob.section == TABLES[name]]
        for key, value in table.items():
            if f"{name}.{key}" in TABLES:
                yield from self._pairs_of(f"{name}.{key}", value)
            elif key in keys:
                yield BY_PATH[TABLES[name], key].name, value
            else:
                known = f" (known: {', '.join(keys)})"
                raise self._mistake(name, key, f"unknown key {name}.{key}{nearest(key, keys)}{known}")

    def _unknown_table(self, name: str) -> str:
        if knob := KNOBS.get(name):
            return f"{name} stands outside its table; write it as {knob.key} below [{knob.table}]"
        known = list(TABLES)
        return f"unknown table {name!r}{nearest(name, known)} (known: {', '.join(known)})"

    def _mistake(self, section: str, key: str, sentence: str) -> InputError:
        return InputError(f"{self.path}{self._line(section, key)}: {sentence}")

    def _line(self, section: str, key: str) -> str:
        """`, line N`, found by a plain scan: good enough for a message, empty where the file is unusual."""
        table = ""
        for number, line in enumerate(self._text.splitlines(), 1):
            if header := re.match(r"\s*\[\s*([^\]]+?)\s*\]", line):
                table = header[1]
                if not key and table == section:
                    return f", line {number}"
            elif assigned := re.match(r"\s*[\"']?([\w.-]+)[\"']?\s*=", line):
                full = f"{table}.{assigned[1]}" if table else assigned[1]
                if full == (f"{section}.{key}" if key else section):
                    return f", line {number}"
        return ""


def _text_of(path: Path) -> str:
    try:
        if path.exists() and not (path.is_file() or path.is_dir()):
            raise InputError(
                f"{path}: a pipe or a device stands where a TOML file was expected; save it to a file first"
            )
        return path.read_text(encoding="utf-8")
    except FileNotFoundError:
        raise InputError(f"{path}: no such file") from None
    except IsADirectoryError:
        raise InputError(f"{path}: a folder stands where a TOML file was expected") from None
    except UnicodeDecodeError as error:
        raise InputError(f"{path}: not valid TOML: byte {error.start} is not UTF-8") from None
    except (OSError, ValueError) as error:
        raise InputError(f"{path}: cannot be read: {getattr(error, 'strerror', None) or error}") from None


def load(path: Path) -> RunConfig:
    """The config of one file. Raises InputError naming file, line and key."""
    file = ConfigFile(path)
    return build(file.values, file.where)


def to_toml(config: RunConfig) -> str:
    """The whole config as TOML, each key followed by its sentence; `load` reads the same config back."""
    import tomlkit  # 30 ms that only writing needs

    document = tomlkit.document()
    values = values_of(config)
    for section in RunConfig.model_fields:
        table = tomlkit.table()
        mappings = []
        for knob in (knob for knob in KNOBS.values() if knob.section == section):
            value = values[knob.name]
            if isinstance(value, Mapping):
                mappings.append((knob, value))
                continue
            item = tomlkit.item(list(value) if isinstance(value, tuple) else value)
            item.comment(knob.sentence)
            item.trivia.comment_ws = " " * max(2, COMMENT_COLUMN - len(f"{knob.key} = {item.as_string()}"))
            table.add(knob.key, item)
        for knob, value in mappings:  # tables of their own come after the keys
            below = tomlkit.table()
            below.comment(knob.sentence)
            below.update(value)
            table.add(knob.key, below)
        parent, _, name = TABLE_OF.get(section, section).rpartition(".")
        (document[parent] if parent else document).add(name, table)
    return tomlkit.dumps(document)
