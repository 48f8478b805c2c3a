"""The catalogue: where runs are kept, and which there are."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from dataclasses import dataclass
from pathlib import Path

import platformdirs

from geomreg_tui.datasets import ARRAYS_FILE
from geomreg_tui.errors import RunDirectoryError, nearest_name, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir.directory import Layout
from geomreg_tui.rundir.lease import check_free, holder
from geomreg_tui.rundir.status import Status, read_status

__all__ = ["RunEntry", "delete_run", "find_run", "list_runs", "new_run_path", "runs_root"]

_NAME = re.compile(r"\d{8}-\d{6}-[a-z_]+-[0-9a-f]{8}(-\d+)?")
# What the engine writes, besides temporary files; the experiment, which makes it a run, is deleted last.
_OWNED = Layout(
    owned={
        ".": re.compile(
            r"facts\.safetensors|live\.safetensors|environment\.json|status\.json|lease\.json|"
            r"log\.jsonl|engine\.log|summary\.json|\..+\.tmp"
        ),
        "control": re.compile(r"\d{20}-[0-9a-f]{8}\.json|\..+\.tmp"),
        "data": re.compile(r"\..+\.tmp|" + ARRAYS_FILE.pattern),
    }
)


@dataclass(frozen=True)
class RunEntry:
    """A run in the catalogue; open it to know more."""

    path: Path

    @property
    def name(self) -> str:
        """Name of the run: date, time, architecture and the start of the digest."""
        return self.path.name

    def status(self) -> Status:
        """Return state and counts; one small file is read."""
        return read_status(self.path)

    def size(self) -> int:
        """Return the bytes of its files."""
        total = 0
        folders = [self.path]
        while folders:
            with contextlib.suppress(OSError), os.scandir(folders.pop()) as entries:
                for entry in entries:
                    status = entry.stat(follow_symlinks=False)
                    total += status.st_size if stat.S_ISREG(status.st_mode) else 0
                    folders += [Path(entry.path)] if stat.S_ISDIR(status.st_mode) else []
        return total


def runs_root() -> Path:
    """Return the folder that runs are kept in: ``GEOMREG_HOME``/runs, or the platform's data folder."""
    home = os.environ.get("GEOMREG_HOME")
    base = Path(os.path.expanduser(home)) if home else Path(platformdirs.user_data_dir("geomreg-tui", False))
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
    """Return the runs in the catalogue, newest first. Nothing but the folder is read.

    Raises:
        RunDirectoryError: if the folder cannot be read.
    """
    root = runs_root()
    try:
        with os.scandir(root) as entries:
            # A link could lead anywhere: what it leads to can be named by its path.
            names = [e.name for e in entries if _NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        return []
    except OSError as error:
        raise RunDirectoryError(f"{root}: cannot be read ({error.strerror})") from error
    return [RunEntry(root / name) for name in sorted(names, reverse=True)]


def find_run(text: str) -> Path:
    """Return the directory of a run.

    Args:
        text: its path, its name, a part of its name, ``latest``, or ``going``: the newest that an engine
            is sampling, or the newest at all where none is.

    Raises:
        RunDirectoryError: if there is none, or several match.
    """
    path = Path(os.path.expanduser(text))
    with contextlib.suppress(OSError, ValueError):
        if (path / "experiment.json").exists():
            return path
    entries = list_runs()
    if text in ("latest", "going"):
        if not entries:
            raise RunDirectoryError(f"no runs in {runs_root()}; 'geomreg-tui run' makes one")
        going = (entry for entry in entries if text == "going" and holder(entry.path / "lease.json"))
        return next(going, entries[0]).path
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


def delete_run(path: Path, layout: Layout, *, force: bool = False) -> tuple[str, ...]:
    """Delete a run, readable or not, and return the names of what is kept because no engine wrote it.

    Args:
        path: its directory.
        layout: what its stages keep there.
        force: delete it although an engine seems to be at work.

    Raises:
        RunDirectoryError: if it is not a run directory, is a link, is in use, or cannot be deleted.
    """
    if path.is_symlink():
        raise RunDirectoryError(f"{path}: is a link, which is never followed")
    in_catalogue = bool(_NAME.fullmatch(path.name)) and path.parent == runs_root() and path.is_dir()
    if not in_catalogue and not (path / "experiment.json").exists():
        raise RunDirectoryError(f"{path}: is not a run directory; list the runs with 'geomreg-tui runs'")
    if not force:
        try:
            check_free(path / "lease.json")
        except RunDirectoryError as error:
            raise RunDirectoryError(f"{path}: is being sampled; stop it first ({error})") from None
    try:
        owned = _OWNED.joined(layout).owned
        for name in owned.keys() - {"."}:
            folder = path / name
            if folder.is_dir() and not folder.is_symlink():
                _delete_files(folder, owned[name])
                with contextlib.suppress(OSError):
                    folder.rmdir()
        _delete_files(path, owned["."])
        kept = tuple(sorted(entry.name for entry in path.iterdir() if entry.name != "experiment.json"))
        (path / "experiment.json").unlink(missing_ok=True)
        if not kept:
            path.rmdir()
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be deleted ({error.strerror})") from error
    return kept


def _delete_files(folder: Path, names: re.Pattern[str]) -> None:
    """Delete the files of a folder whose names match; folders are left."""
    for entry in folder.iterdir():
        if names.fullmatch(entry.name) and (entry.is_symlink() or entry.is_file()):
            entry.unlink(missing_ok=True)
