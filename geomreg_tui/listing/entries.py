"""Which runs and sweeps there are, and which of them a text means."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError, nearest_name, plain_text
from geomreg_tui.rundir import RunEntry, find_run, list_runs
from geomreg_tui.rundir.catalogue import is_sweep, pick_run
from geomreg_tui.rundir.elsewhere import SWEEP
from geomreg_tui.runner.registry import delete_run
from geomreg_tui.sweeps.directory import delete_sweep, list_sweeps, sweeps_root

__all__ = ["delete_entry", "find", "list_all"]


def list_all() -> list[RunEntry]:
    """Return all runs and sweeps, newest first.

    Raises:
        RunDirectoryError: if the folders they are kept in cannot be read.
    """
    entries = [*list_runs(), *list_sweeps()]
    return sorted(entries, key=lambda entry: (entry.begun, entry.name), reverse=True)


def find(text: str) -> RunEntry:
    """Return a run or a sweep.

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
    """Delete a run, or a sweep with all its points; return the names of what is kept, as we did not write it.

    Raises:
        RunDirectoryError: as :func:`geomreg_tui.rundir.delete_run`.
    """
    if entry.kind == SWEEP:
        return delete_sweep(entry.path, lambda point: delete_run(point, force=force), force=force)
    return delete_run(entry.path, force=force)
