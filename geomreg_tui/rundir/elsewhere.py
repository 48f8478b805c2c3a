"""Runs, sweeps and folders of sweeps that are kept elsewhere than usual: where they are, to be listed.

Each has a small file of its own in ``elsewhere/`` of the data folder, named by a digest of the path. So any
number of processes may remember at once, on a shared file system too, without a lock: two that remember the
same directory write the same file. A file that cannot be read counts for nothing.
"""

from __future__ import annotations

import contextlib
import hashlib
import os
import time
from pathlib import Path
from typing import NamedTuple

import platformdirs

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.store import discard, is_temporary, read_json, write_json

__all__ = [
    "COMPARISON",
    "RUN",
    "STUDIES",
    "SWEEP",
    "Remembered",
    "data_home",
    "elsewhere_root",
    "forget",
    "remember",
    "remembered",
]

RUN, SWEEP, COMPARISON, STUDIES = "run", "sweep", "comparison", "studies"
_USUAL = {RUN: "runs", SWEEP: "sweeps", COMPARISON: "sweeps", STUDIES: "studies"}  # folders, by kind
_STAMP = "%Y%m%d-%H%M%S"


class Remembered(NamedTuple):
    """A directory that is kept elsewhere.

    Attributes:
        path: of the directory.
        kind: ``run``, ``sweep``, ``comparison`` or ``studies``.
        begun: when it was remembered first, as ``YYYYMMDD-HHMMSS``.
    """

    path: Path
    kind: str
    begun: str


def data_home() -> Path:
    """Return the folder of everything that is kept: ``GEOMREG_HOME``, or the platform's data folder."""
    home = os.environ.get("GEOMREG_HOME")
    return Path(os.path.expanduser(home)) if home else Path(platformdirs.user_data_dir("geomreg-tui", False))


def elsewhere_root() -> Path:
    """Return the folder of what is remembered."""
    return data_home() / "elsewhere"


def remember(path: Path, kind: str) -> None:
    """Remember a run, or a folder of sweeps; one in its usual folder is found there, and nothing is written.

    To fail at it is no error of the run: it is then found by its path alone.

    Args:
        path: its directory.
        kind: ``run``, ``sweep``, ``comparison`` or ``studies``.
    """
    whole = path.absolute()
    home = data_home()
    if whole.parent == home.absolute() / _USUAL[kind]:
        return
    file = _file(whole)
    if file.exists():
        return
    values = {"path": str(whole), "kind": kind, "begun": time.strftime(_STAMP)}
    with contextlib.suppress(OSError, RunDirectoryError, ValueError):
        file.parent.mkdir(parents=True, exist_ok=True)
        write_json(file, values, durable=False)


def forget(path: Path) -> None:
    """Forget a run or a sweep that is gone."""
    discard(_file(path.absolute()))


def remembered(kind: str) -> list[Remembered]:
    """Return what is remembered of a kind, whether it is still there or not, in no order."""
    folder = elsewhere_root()
    try:
        names = [name for name in os.listdir(folder) if not is_temporary(name)]
    except OSError:
        return []
    found = []
    for name in names:
        with contextlib.suppress(RunDirectoryError):
            values = read_json(folder / name)
            path, begun = values.get("path"), values.get("begun")
            if values.get("kind") != kind or not isinstance(path, str) or "\0" in path:
                continue
            if os.path.isabs(path):
                found.append(Remembered(Path(path), kind, _checked(begun)))
    return found


def _file(path: Path) -> Path:
    """Return where it is remembered that something is at a path."""
    digest = hashlib.sha256(os.fsencode(path)).hexdigest()[:32]
    return elsewhere_root() / f"{digest}.json"


def _checked(begun: object) -> str:
    """Return a stamp that is one, or the first there could be."""
    with contextlib.suppress(TypeError, ValueError):
        return time.strftime(_STAMP, time.strptime(str(begun), _STAMP))
    return "00000000-000000"
