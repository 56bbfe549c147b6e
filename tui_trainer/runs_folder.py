"""The folder of all runs: make a new one, lay it out, find one, rename one."""

from __future__ import annotations

import os
import re
from contextlib import suppress
from pathlib import Path

from tui_trainer.config import RunConfig
from tui_trainer.config_file import to_toml
from tui_trainer.errors import InputError, RunBusyError, StorageError, nearest, printable
from tui_trainer.run_dir import RunDir, guarded, replace_file

NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9._-]{0,99}")


def check_new(runs_dir: Path, name: str | None) -> None:
    """Raises InputError where a new run could not be made. Cheap, and leaves nothing behind."""
    there = runs_dir
    while not there.exists() and there != there.parent:
        there = there.parent
    if not there.is_dir():
        raise InputError(f"--runs-dir {runs_dir}: {there} is a file; name a folder")
    if not os.access(there, os.W_OK | os.X_OK):
        raise InputError(f"--runs-dir {runs_dir}: {there} cannot be written; name another folder or change its rights")
    if name is not None:
        try:
            check_name(name)
        except InputError as error:
            raise InputError(f"--name {error}") from None
        if (runs_dir / name).exists():
            raise _taken(runs_dir / name)


def check_name(name: str) -> None:
    """Raises InputError for what is no run's name."""
    if not NAME.fullmatch(name):
        raise InputError(
            f"{printable(name)[:60]}: expected up to 100 letters, digits, dots, dashes or underscores, "
            "a letter or digit first"
        )


def create(runs_dir: Path, name: str | None, stem: str) -> RunDir:
    """Make the folder of a new run, readable by its owner alone (0700).

    A given name must be free; without one the first free `stem-N` is taken. Raises InputError.
    """
    check_new(runs_dir, name)
    try:
        runs_dir.mkdir(parents=True, exist_ok=True)
        number = 1
        while True:
            path = runs_dir / (name or f"{stem}-{number}")
            try:
                path.mkdir(mode=0o700)
                return RunDir(path)
            except FileExistsError:
                if name:
                    raise _taken(path) from None
                number += 1
    except OSError as error:
        raise InputError(f"--runs-dir {runs_dir}: cannot be written: {error.strerror or error}") from None


def _taken(path: Path) -> InputError:
    return InputError(f"--name {path.name}: {path} exists; choose another name, or `resume {path.name}`")


def lay_out(run: RunDir, config: RunConfig) -> None:
    """What a run's folder holds before its first step. Raises StorageError."""
    replace_file(run.config, lambda file: file.write(to_toml(config).encode()))
    with guarded(run.commands):
        run.commands.touch()


def find(runs_dir: Path, name: str) -> RunDir:
    """A run by its name, or by the path of its folder. Raises InputError listing near names."""
    for path in (runs_dir / name, Path(name)):
        with suppress(OSError, ValueError):
            if (path / "config.toml").is_file():
                return RunDir(path.resolve())
    names = [run.name for run in all_runs(runs_dir)]
    hint = nearest(name, names) or (f" (runs: {', '.join(names[:8])})" if names else " (no runs there yet)")
    raise InputError(f"no run {ascii(name)[1:-1][:60]!r} in {runs_dir}{hint}")


def all_runs(runs_dir: Path) -> list[RunDir]:
    """Every run in the folder, oldest first."""
    try:
        paths = list(runs_dir.iterdir())
    except OSError:
        return []
    dated = []
    for path in paths:
        with suppress(OSError):  # no run, or deleted while we look
            dated.append(((path / "config.toml").stat().st_mtime, path.name, path))
    return [RunDir(path) for _, _, path in sorted(dated)]


def newest_living(runs_dir: Path) -> RunDir:
    """The run that was started last of those that train now. Raises InputError naming what there is instead."""
    runs = all_runs(runs_dir)
    if living := [run for run in runs if run.is_alive()]:
        return living[-1]
    if not runs:
        raise InputError(f"no run in {runs_dir} yet; `tui-trainer` starts one")
    raise InputError(f"no run trains in {runs_dir} now; to open the newest: tui-trainer attach {runs[-1].name}")


def check_rename(run: RunDir, name: str) -> None:
    """Raises InputError where the run cannot have this name."""
    check_name(name)
    if run.path.with_name(name).exists():
        raise InputError(f"{name} exists; choose another name")


def rename(run: RunDir, name: str) -> RunDir:
    """The run under another name. Raises InputError where the name is bad or taken, or the run is being trained."""
    check_rename(run, name)
    try:
        with run.take_lock(None):
            return RunDir(run.path.rename(run.path.with_name(name)))
    except RunBusyError as error:
        raise InputError(f"{error} (a run that trains keeps its name)") from None
    except OSError as error:
        raise InputError(f"{run.path}: cannot be renamed: {error.strerror or error}") from None


def delete(run: RunDir) -> None:
    """Remove a run and all it holds. Raises InputError where it is being trained, or a part cannot be removed."""
    try:
        with run.take_lock(None):
            run.remove()
    except (RunBusyError, StorageError) as error:
        raise InputError(str(error)) from None
    if run.path.exists():
        raise InputError(f"{run.path}: could not be removed wholly; look at the rights of its folder")
