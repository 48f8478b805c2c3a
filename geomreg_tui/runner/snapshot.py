"""The snapshot as viewers have it: a run at one moment, with what each stage has shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from geomreg_tui.gradients.plan import NAME as GRADIENTS
from geomreg_tui.gradients.store import Observed
from geomreg_tui.rundir import Moment, RunDirectory, StoredSnapshot
from geomreg_tui.rundir.store import parsing
from geomreg_tui.runner import registry
from geomreg_tui.sampling.plan import NAME as SAMPLING
from geomreg_tui.splitting.plan import NAME as SPLITTING
from geomreg_tui.splitting.result import Tail
from geomreg_tui.summary import Summary
from geomreg_tui.training.overview import TrainingOverview
from geomreg_tui.training.plan import NAME as TRAINING

__all__ = ["Snapshot", "decoded", "from_stored", "read_live", "to_stored"]


@dataclass(frozen=True)
class Snapshot(Moment):
    """A run at one moment.

    Attributes:
        state: what the run is doing.
        target: networks asked for.
        written_at: when this was taken, seconds since the epoch.
        facts, rate, elapsed_s, message, request, device, mixed: as every snapshot has them.
        results: what each stage has shown so far, by its name.

    Example:
        >>> seen = []
        >>> result = geomreg.sample(data="digits", width=16, samples=1e4, on_snapshot=seen.append)
        >>> seen[-1].samples, seen[-1].target, seen[-1].state.value
        (10000, 10000, 'done')
    """

    results: Mapping[str, Any] = field(default_factory=dict)

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
    def observed(self) -> Observed | None:
        """The networks whose gradients and walks are observed; None where none are."""
        observed: Observed | None = self.results.get(GRADIENTS)
        return observed

    @property
    def training(self) -> TrainingOverview | None:
        """The ensemble that is trained; None where none is."""
        training: TrainingOverview | None = self.results.get(TRAINING)
        return training

    @property
    def samples(self) -> int:
        """Networks drawn so far."""
        return self.summary.samples if self.summary else 0


def from_stored(stored: StoredSnapshot) -> Snapshot:
    """Return a snapshot with the results in its parts; parts of unknown stages are left out.

    Raises:
        LookupError, TypeError, ValueError: if a part is not whole.
    """
    results = {
        kind.name: kind.from_part(stored.parts[kind.name], stored.facts)
        for kind in registry.STAGES
        if kind.name in stored.parts
    }
    return Snapshot(**stored.values(), results=results)


def to_stored(snapshot: Snapshot) -> StoredSnapshot:
    """Return a snapshot in the form that is written."""
    parts = {
        kind.name: kind.to_part(snapshot.results[kind.name])
        for kind in registry.STAGES
        if snapshot.results.get(kind.name) is not None
    }
    return StoredSnapshot(**snapshot.values(), parts=parts)


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
