"""The catalogue: where runs are kept, and which there are."""

from __future__ import annotations

import contextlib
import os
import re
import stat
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from geomreg_tui.datasets import ARRAYS_FILE
from geomreg_tui.errors import RunDirectoryError, nearest_name, plain_text
from geomreg_tui.experiment import Experiment
from geomreg_tui.rundir.directory import Layout
from geomreg_tui.rundir.elsewhere import RUN, data_home, forget, remembered
from geomreg_tui.rundir.labels import Labels, read_labels
from geomreg_tui.rundir.lease import check_free, holder
from geomreg_tui.rundir.status import Status, read_status

__all__ = [
    "SWEEP_PLAN",
    "SWEEP_RESULT",
    "RunEntry",
    "check_deletable",
    "delete_owned",
    "delete_run",
    "find_run",
    "is_sweep",
    "list_runs",
    "new_run_path",
    "owned_files",
    "pick_run",
    "runs_root",
    "sweep_of",
]

_NAME = re.compile(r"\d{8}-\d{6}-[a-z_]+-[0-9a-f]{8}(-\d+)?")
# What the engine writes, besides temporary files; the experiment, which makes it a run, is deleted last.
_OWNED = Layout(
    owned={
        ".": re.compile(
            r"facts\.safetensors|live\.safetensors|environment\.json|status\.json|lease\.json|"
            r"log\.jsonl|engine\.log|summary\.json|labels\.json|\..+\.tmp"
        ),
        "control": re.compile(r"\d{20}-[0-9a-f]{8}\.json|\..+\.tmp"),
        "data": re.compile(r"\..+\.tmp|" + ARRAYS_FILE.pattern),
    }
)


SWEEP_PLAN, SWEEP_RESULT = "plan.json", "sweep.json"
_STAMP = len("20260101-000000")
_MOST_SHOWN = 10  # of the runs that a text may mean


@dataclass(frozen=True)
class RunEntry:
    """A run that is listed, a sweep, or a folder of sweeps; open it to know more.

    Attributes:
        path: its directory.
        begun: when it was begun, as ``YYYYMMDD-HHMMSS``; empty where nobody knows.
        kind: ``run``, ``sweep``, ``comparison`` or ``studies``.
    """

    path: Path
    begun: str = ""
    kind: str = RUN

    @property
    def name(self) -> str:
        """Name of its directory; in the catalogue: date, time, architecture and the start of the digest."""
        return self.path.name

    def labels(self) -> Labels:
        """Return what people call it; one small file is read."""
        return read_labels(self.path)

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
    return data_home() / "runs"


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
    """Return the runs there are, newest first: those of the catalogue, and those that are kept elsewhere.

    Of the catalogue nothing but the folder is read.

    Raises:
        RunDirectoryError: if the folder cannot be read.
    """
    root = runs_root()
    names: list[str] = []
    try:
        with os.scandir(root) as entries:
            # A link could lead anywhere: what it leads to can be named by its path.
            names = [e.name for e in entries if _NAME.fullmatch(e.name) and e.is_dir(follow_symlinks=False)]
    except FileNotFoundError:
        pass
    except OSError as error:
        raise RunDirectoryError(f"{root}: cannot be read ({error.strerror})") from error
    listed = [RunEntry(root / name, name[:_STAMP]) for name in names]
    for known in remembered(RUN):
        if os.path.isfile(known.path / "experiment.json"):
            listed.append(RunEntry(known.path, known.begun))
    return sorted(listed, key=lambda entry: (entry.begun, entry.name), reverse=True)


def find_run(text: str) -> Path:
    """Return the directory of a run.

    Args:
        text: its path, its name, the name that people gave it, a part of one of them, ``latest``, or
            ``going``: the newest that an engine is sampling, or the newest at all where none is.

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
    found = pick_run(text, entries)
    if found is not None:
        return found.path
    near = nearest_name(text, [entry.name for entry in entries])
    hint = f"; did you mean {near!r}?" if near else "; list them with 'geomreg-tui runs'"
    raise RunDirectoryError(f"no run {plain_text(repr(text))}{hint}")


def pick_run(text: str, entries: Sequence[RunEntry]) -> RunEntry | None:
    """Return the run or sweep that a text means, or None where it means none.

    A whole name comes before a part of one, be it the name of a directory or one that people gave.

    Raises:
        RunDirectoryError: if it means several.
    """
    matches = [entry for entry in entries if text == entry.name]
    labelled = [(entry, entry.labels().name) for entry in entries] if len(matches) != 1 else []
    matches += [entry for entry, label in labelled if text == label and entry not in matches]
    if not matches:
        part = text.casefold()
        matches = [entry for entry, label in labelled if text in entry.name or part in label.casefold()]
    if len(matches) > 1:
        raise _ambiguous(text, matches)
    return matches[0] if matches else None


def _ambiguous(text: str, matches: Sequence[RunEntry]) -> RunDirectoryError:
    """Return the error that says which runs and sweeps a text may mean."""
    lines = [f"{plain_text(repr(text))} matches {len(matches)} of them; give more of a name, or the path:"]
    for entry in matches[:_MOST_SHOWN]:
        label = entry.labels().name
        lines.append(f"  {entry.path if entry.path.parent != runs_root() else entry.name}")
        lines[-1] += f"  {label}" if label else ""
    if len(matches) > _MOST_SHOWN:
        lines.append(f"  and {len(matches) - _MOST_SHOWN:,} more")
    return RunDirectoryError(plain_text("\n".join(lines)))


def is_sweep(path: Path) -> bool:
    """Return whether a folder is the directory of a sweep."""
    if os.path.isfile(os.path.join(path, "experiment.json")):  # a run has a plan too
        return False
    return any(os.path.isfile(os.path.join(path, name)) for name in (SWEEP_PLAN, SWEEP_RESULT))


def sweep_of(path: Path) -> Path | None:
    """Return the directory of the sweep that a run is a point of; None for a run of its own."""
    parent = path.absolute().parent
    return parent if "=" in path.name and is_sweep(parent) else None


def delete_run(path: Path, layout: Layout, *, force: bool = False) -> tuple[str, ...]:
    """Delete a run, readable or not, and return the names of what is kept because no engine wrote it.

    Args:
        path: its directory.
        layout: what its stages keep there.
        force: delete it although an engine seems to be at work.

    Raises:
        RunDirectoryError: if it is not a run directory, is a link, is in use, or cannot be deleted.
    """
    in_catalogue = bool(_NAME.fullmatch(path.name)) and path.parent == runs_root() and path.is_dir()
    if not in_catalogue and not (path / "experiment.json").exists():
        raise RunDirectoryError(f"{path}: is not a run directory; list the runs with 'geomreg-tui runs'")
    check_deletable(path, force=force)
    return delete_owned(path, _OWNED.joined(layout), "experiment.json")


def owned_files(layout: Layout) -> Mapping[str, re.Pattern[str]]:
    """Return the names of the files that a run may have but for its experiment, by folder.

    Args:
        layout: what its stages keep there.
    """
    return _OWNED.joined(layout).owned


def check_deletable(path: Path, *, force: bool = False) -> None:
    """Check that the folder of a run or a sweep may be deleted.

    Args:
        path: the folder.
        force: although a process seems to be at work there.

    Raises:
        RunDirectoryError: if it is a link, or in use.
    """
    if path.is_symlink():
        raise RunDirectoryError(f"{path}: is a link, which is never followed")
    if force:
        return
    try:
        check_free(path / "lease.json")
    except RunDirectoryError as error:
        raise RunDirectoryError(f"{path}: is being sampled; stop it first ({error})") from None


def delete_owned(path: Path, layout: Layout, last: str) -> tuple[str, ...]:
    """Delete the files of a layout, and the folders that are left empty; return the names of what is kept.

    Args:
        path: the folder of a run or a sweep.
        layout: what is deleted.
        last: the file that makes it one, which goes after all others.

    Raises:
        RunDirectoryError: if it cannot be deleted.
    """
    try:
        owned = layout.owned
        for name in owned.keys() - {"."}:
            folder = path / name
            if folder.is_dir() and not folder.is_symlink():
                _delete_files(folder, owned[name])
                with contextlib.suppress(OSError):
                    folder.rmdir()
        _delete_files(path, owned["."])
        kept = tuple(sorted(entry.name for entry in path.iterdir() if entry.name != last))
        (path / last).unlink(missing_ok=True)
        if not kept:
            path.rmdir()
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be deleted ({error.strerror})") from error
    forget(path)
    return kept


def _delete_files(folder: Path, names: re.Pattern[str]) -> None:
    """Delete the files of a folder whose names match; folders are left."""
    for entry in folder.iterdir():
        if names.fullmatch(entry.name) and (entry.is_symlink() or entry.is_file()):
            entry.unlink(missing_ok=True)
