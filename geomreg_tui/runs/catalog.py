"""Where runs are kept, and which there are."""

from __future__ import annotations

import os
import re
import shutil
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from geomreg_tui.errors import RunDirectoryError, nearest_name, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.runs.directory import RunDirectory

__all__ = ["RunEntry", "delete_run", "find_run", "list_runs", "new_run_path", "runs_root"]

_NAME = re.compile(r"\d{8}-\d{6}-[a-z_]+-[0-9a-f]{8}(-\d+)?")


@dataclass(frozen=True)
class RunEntry:
    """A run in the catalogue; open it to know more."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the run: date, time, architecture and the start of the digest."""
        return self.path.name


def runs_root() -> Path:
    """Return the folder that runs are kept in: ``GEOMREG_HOME``/runs, or the platform's data folder."""
    home = os.environ.get("GEOMREG_HOME")
    base = Path(home).expanduser() if home else Path(platformdirs.user_data_dir("geomreg-tui", False))
    return base / "runs"


def new_run_path(experiment: Experiment) -> Path:
    """Return a path for a new run that is not taken."""
    stamp = time.strftime("%Y%m%d-%H%M%S")
    name = f"{stamp}-{experiment.arch}-{experiment.digest()[:8]}"
    path, number = runs_root() / name, 1
    while path.exists():
        number += 1
        path = runs_root() / f"{name}-{number}"
    return path


def list_runs() -> list[RunEntry]:
    """Return the runs in the catalogue, newest first. Nothing but the folder is read."""
    try:
        with os.scandir(runs_root()) as entries:
            names = [entry.name for entry in entries if _NAME.fullmatch(entry.name)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunDirectoryError(f"{runs_root()}: cannot be read ({error.strerror})") from error
    return [RunEntry(runs_root() / name) for name in sorted(names, reverse=True)]


def find_run(text: str) -> Path:
    """Return the directory of a run given by path, by name, by a part of its name, or as ``latest``.

    Raises:
        RunDirectoryError: if there is none, or several match.
    """
    path = Path(text).expanduser()
    if (path / "experiment.json").exists():
        return path
    entries = list_runs()
    if text == "latest" and entries:
        return entries[0].path
    matches = [entry for entry in entries if text in entry.name]
    if len(matches) == 1:
        return matches[0].path
    shown = plain_text(repr(text))
    if matches:
        raise RunDirectoryError(
            f"{shown} matches {len(matches)} runs, {matches[0].name} among them; give more"
        )
    near = nearest_name(text, [entry.name for entry in entries])
    hint = f"; did you mean {near!r}?" if near else "; list them with 'geomreg-tui runs'"
    raise RunDirectoryError(f"no run {shown}{hint}")


def delete_run(path: Path) -> None:
    """Delete a run directory and everything in it.

    Raises:
        RunDirectoryError: if it is not a run directory, is a link, or an engine is writing it.
    """
    if path.is_symlink():
        raise RunDirectoryError(f"{path}: is a link, which is never followed")
    run = RunDirectory.open(path)
    if run.engine():
        raise RunDirectoryError(f"{path}: is being sampled; stop it first")
    shutil.rmtree(path)
