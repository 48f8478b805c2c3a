"""Which runs, sweeps and folders of sweeps there are, and which of them a text means."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError, nearest_name, plain_text
from geomreg_tui.rundir import RunEntry, Status, find_run, list_runs
from geomreg_tui.rundir.catalogue import is_sweep, pick_run
from geomreg_tui.rundir.elsewhere import COMPARISON, STUDIES, SWEEP
from geomreg_tui.runner.registry import delete_run
from geomreg_tui.sweeps.directory import SweepDirectory, delete_sweep, list_sweeps, sweeps_root
from geomreg_tui.sweeps.groups import (
    delete_group,
    group_kind,
    group_status,
    list_groups,
    members,
    studies_root,
)

__all__ = ["GROUPS", "delete_entry", "find", "find_any", "list_all", "run_paths", "status_of"]

GROUPS = (COMPARISON, STUDIES)  # kinds of folders of sweeps


def list_all() -> list[RunEntry]:
    """Return all runs, sweeps, comparisons and studies, newest first.

    Raises:
        RunDirectoryError: if the folders they are kept in cannot be read.
    """
    entries = [*list_runs(), *list_sweeps(), *list_groups()]
    return sorted(entries, key=lambda entry: (entry.begun, entry.name), reverse=True)


def find(text: str) -> RunEntry:
    """Return a run or a sweep: what has losses of its own.

    Args:
        text: as for :func:`find_any`.

    Raises:
        RunDirectoryError: as :func:`find_any`, or if it is a folder of sweeps.
    """
    entry = find_any(text)
    if entry.kind in GROUPS:
        names = ", ".join(members(entry)) or "none yet"
        raise RunDirectoryError(
            f"{entry.path} is a folder of sweeps ({entry.kind}): name one of them ({plain_text(names)}), "
            "or open it in the explorer's list"
        )
    return entry


def find_any(text: str) -> RunEntry:
    """Return a run, a sweep, a comparison or studies.

    Args:
        text: its path, its name, the name that people gave it, a part of one of them, or, for runs,
            ``latest`` or ``going`` as for :func:`geomreg_tui.rundir.find_run`.

    Raises:
        RunDirectoryError: if there is none, or several match.
    """
    path = Path(os.path.expanduser(text))
    with contextlib.suppress(OSError, ValueError):
        if (path / "experiment.json").exists():
            return RunEntry(path)
        for place in (path, sweeps_root() / text):
            if text and is_sweep(place):
                return RunEntry(place, kind=SWEEP)
        for place in (path, sweeps_root() / text, studies_root() / text):
            if text and (kind := group_kind(place)) is not None:
                return RunEntry(place, kind=kind)
    if text in ("latest", "going"):
        return RunEntry(find_run(text))
    entries = list_all()
    found = pick_run(text, entries)
    if found is not None:
        return found
    near = nearest_name(text, [entry.name for entry in entries])
    hint = f"; did you mean {near!r}?" if near else "; list them with 'geomreg-tui runs'"
    raise RunDirectoryError(f"no run {plain_text(repr(text))}{hint}")


def delete_entry(entry: RunEntry, *, force: bool = False) -> tuple[str, ...]:
    """Delete a run, or a sweep with all its points, or all sweeps of a folder; return what is kept, by name.

    That is what we did not write.

    Raises:
        RunDirectoryError: as :func:`geomreg_tui.rundir.delete_run`.
    """
    if entry.kind in GROUPS:
        return delete_group(entry, lambda point: delete_run(point, force=force), force=force)
    if entry.kind == SWEEP:
        return delete_sweep(entry.path, lambda point: delete_run(point, force=force), force=force)
    return delete_run(entry.path, force=force)


def status_of(entry: RunEntry) -> Status:
    """Return state and counts, of a folder of sweeps those of all of them together."""
    return group_status(entry) if entry.kind in GROUPS else entry.status()


def run_paths(entry: RunEntry) -> list[Path]:
    """Return the directories of the runs that an entry is made of: the run itself, or all points.

    Raises:
        RunDirectoryError: if a folder cannot be read.
    """
    if entry.kind in GROUPS:
        return [path for sweep in members(entry).values() for path in sweep.point_paths()]
    return SweepDirectory(entry.path).point_paths() if entry.kind == SWEEP else [entry.path]
