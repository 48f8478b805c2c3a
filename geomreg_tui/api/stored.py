"""What is on disk: a run or a sweep by its name, and the list of all runs. Nothing here imports torch."""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from typing import Any, overload

import numpy as np

from geomreg_tui.api import tables
from geomreg_tui.api.results import RunResult, SweepResult, read_run, read_sweep
from geomreg_tui.listing import find
from geomreg_tui.rendering import Table, render
from geomreg_tui.rundir import RunEntry, list_runs
from geomreg_tui.rundir.elsewhere import SWEEP

__all__ = ["RunList", "load", "runs"]

AnyPath = str | os.PathLike[str]
_SHOWN = 20  # runs that a list shows of itself


@overload
def load(run: RunEntry) -> Any: ...


@overload
def load(run: AnyPath) -> Any: ...


def load(run: AnyPath | RunEntry) -> RunResult | SweepResult:
    """Return a run or a sweep that is on disk, as it stands. Never imports torch.

    Args:
        run: an entry of :func:`runs`, a path, a name (that of the directory, or the
            one that was given) or a part of one, or ``"latest"``.

    Raises:
        RunDirectoryError: if there is none, several match, or it is damaged.

    Example:
        >>> result = geomreg.load("latest")
        >>> result.complete
        True
    """
    if isinstance(run, RunEntry):
        return read_sweep(run.path) if run.kind == SWEEP else read_run(run.path)
    entry = find(os.fspath(run))
    return read_sweep(entry.path) if entry.kind == SWEEP else read_run(entry.path)


class RunList(Sequence[RunEntry]):
    """Runs, newest first. It shows itself as a table.

    Each is an entry with ``path``, ``name``, ``status()`` (state and counts) and ``size()`` (bytes).

    Example:
        >>> newest = geomreg.runs()[:1]
        >>> newest.arrays()["state"].tolist()
        ['done']
    """

    def __init__(self, entries: Sequence[RunEntry]) -> None:
        self._entries = tuple(entries)

    @overload
    def __getitem__(self, place: int) -> RunEntry: ...

    @overload
    def __getitem__(self, place: slice) -> RunList: ...

    def __getitem__(self, place: int | slice) -> RunEntry | RunList:
        if isinstance(place, slice):
            return RunList(self._entries[place])
        return self._entries[place]

    def __len__(self) -> int:
        return len(self._entries)

    def __iter__(self) -> Iterator[RunEntry]:
        return iter(self._entries)

    def arrays(self) -> dict[str, Any]:
        """Return the columns name, state, samples, target, about and path, (runs,) each."""
        states = [entry.status() for entry in self]
        return {
            "name": np.array([entry.name for entry in self], dtype=str),
            "state": np.array([status.state.value for status in states], dtype=str),
            "samples": np.array([status.samples for status in states], dtype=np.int64),
            "target": np.array([status.target for status in states], dtype=np.int64),
            "about": np.array([status.about for status in states], dtype=str),
            "path": np.array([str(entry.path) for entry in self], dtype=str),
        }

    def to_frame(self) -> Any:
        """Return the columns of :meth:`arrays` as a ``pandas.DataFrame``.

        Raises:
            ExperimentError: if pandas is not installed.
        """
        return tables.data_frame(self.arrays())

    def __repr__(self) -> str:
        lines = [self._count()]
        for entry in self._entries[:_SHOWN]:
            status = entry.status()
            lines.append(f"  {entry.name}  {status.state.value}  {status.samples:,}  {status.about}")
        return "\n".join([*lines, *self._more()])

    def _repr_html_(self) -> str:
        rows = []
        for entry in self._entries[:_SHOWN]:
            status = entry.status()
            rows.append((entry.name, status.state.value, f"{status.samples:,}", status.about))
        headings = ("run", "state", "networks", "experiment")
        return render("runs.html.j2", table=Table(self._count(), headings, rows, (2,)), more=self._more())

    def _count(self) -> str:
        return "1 run" if len(self) == 1 else f"{len(self):,} runs"

    def _more(self) -> list[str]:
        return [f"  and {len(self) - _SHOWN:,} more"] if len(self) > _SHOWN else []


def runs() -> RunList:
    """Return the runs in the catalogue, newest first. Never imports torch.

    Raises:
        RunDirectoryError: if the catalogue cannot be read.

    Example:
        >>> newest = geomreg.runs()[0]
        >>> newest.status().state.value
        'done'
        >>> geomreg.load(newest).path == newest.path
        True
    """
    return RunList(list_runs())
