"""The snapshot as viewers have it: a run at one moment, with what each stage has shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from pathlib import Path
from typing import Any

from geomreg_tui.rundir import RunDirectory, RunState, StoredSnapshot
from geomreg_tui.rundir.store import parsing
from geomreg_tui.runner import registry
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.splitting.plan import NAME as SPLITTING
from geomreg_tui.splitting.result import Tail
from geomreg_tui.summary import Facts, Summary

__all__ = ["Snapshot", "decoded", "from_stored", "read_live", "to_stored"]

_SAME = tuple(f.name for f in fields(StoredSnapshot) if f.name != "parts")


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        state: what the run is doing.
        target: networks asked for.
        written_at: when this was taken, seconds since the epoch.
        facts: what the experiment comes to; None until the engine knows.
        results: what each stage has shown so far, by its name.
        rate: networks per second, lately.
        elapsed_s: time spent sampling, by all engines of the run, without pauses.
        message: a line for the person watching: why it failed, or what was noticed.
        request: number of the preview request that this answers; 0 for a run.
        device: what it is sampled on: ``cpu``, or the name of the GPU.
        mixed: whether parts of the run were drawn in different environments.

    Example:
        >>> seen = []
        >>> result = geomreg.sample(data="digits", width=16, samples=1e4, on_snapshot=seen.append)
        >>> seen[-1].samples, seen[-1].target, seen[-1].state.value
        (10000, 10000, 'done')
    """

    state: RunState
    target: int
    written_at: float
    facts: Facts | None = None
    results: Mapping[str, Any] = field(default_factory=dict)
    rate: float = 0.0
    elapsed_s: float = 0.0
    message: str = ""
    request: int = 0
    device: str = ""
    mixed: bool = False

    @property
    def summary(self) -> Summary | None:
        """The networks drawn so far, a contiguous prefix; None before the first."""
        summary: Summary | None = self.results.get(SAMPLING)
        return summary

    @property
    def tail(self) -> Tail | None:
        """The populations of its deep tail, thinned; None where none was asked for."""
        tail: Tail | None = self.results.get(SPLITTING)
        return tail

    @property
    def samples(self) -> int:
        """Networks drawn so far."""
        return self.summary.samples if self.summary else 0


def from_stored(stored: StoredSnapshot) -> Snapshot:
    """Return a snapshot with what its parts hold; parts of unknown stages are left out.

    Raises:
        LookupError, TypeError, ValueError: if a part is not whole.
    """
    results = {
        kind.name: kind.from_part(stored.parts[kind.name], stored.facts)
        for kind in registry.STAGES
        if kind.name in stored.parts
    }
    return Snapshot(results=results, **{name: getattr(stored, name) for name in _SAME})


def to_stored(snapshot: Snapshot) -> StoredSnapshot:
    """Return a snapshot as it is written."""
    parts = {
        kind.name: kind.to_part(snapshot.results[kind.name])
        for kind in registry.STAGES
        if snapshot.results.get(kind.name) is not None
    }
    return StoredSnapshot(parts=parts, **{name: getattr(snapshot, name) for name in _SAME})


def read_live(run: RunDirectory) -> Snapshot | None:
    """Return the newest snapshot of a run, or None before the first.

    Raises:
        RunDirectoryError: if it is damaged.
    """
    return decoded(run.path, run.read_live())


def decoded(path: Path, stored: StoredSnapshot | None) -> Snapshot | None:
    """Return a snapshot that came from a file, or None where there is none yet.

    Args:
        path: where it came from, for messages.
        stored: the snapshot as it is on disk.

    Raises:
        RunDirectoryError: if a part of it is not whole.
    """
    if stored is None:
        return None
    with parsing(path):
        return from_stored(stored)
