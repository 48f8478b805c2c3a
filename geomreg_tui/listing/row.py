"""One row of the list: a run or a sweep with all that it can be filtered and sorted by."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.experiment import Experiment
from geomreg_tui.listing.entries import GROUPS, status_of
from geomreg_tui.listing.findings import Findings, read_findings
from geomreg_tui.rundir import Labels, RunEntry, Status
from geomreg_tui.rundir.elsewhere import COMPARISON, SWEEP
from geomreg_tui.rundir.store import parsing, read_json
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.groups import members

__all__ = ["FOUND", "KEYS", "SIZE", "Row", "read_row", "when_text"]

_KINDS = {"tail": "tail", "training": "training"}  # by the folder that a run of that kind has
# What a row can be asked for besides the keys of its experiment, and what each is.
KEYS: Mapping[str, str] = {
    "name": "the name that people gave, or that of the directory",
    "tag": "each of its tags",
    "note": "its note",
    "kind": "run, tail, training, sweep, comparison or studies",
    "state": "done, stopped, sampling, paused, failed or starting",
    "when": "when it began, as 2026-11-29 or 2026-11-29 13:30",
    "samples": "networks drawn",
    "asked": "networks asked for",
    "size": "bytes on disk; k, M and G are powers of 1024",
    "d0": "D_0; of a sweep that of each point",
    "v": "log10 V(L_0 / 4)",
    "tail": "log10 V where the deep tail ends",
    "fitted": "share of the trained networks that fit",
    "path": "where it is",
}
FOUND = frozenset({"d0", "v", "tail", "fitted"})  # for which the findings are needed
SIZE = frozenset({"size"})  # for which all its files are looked at
_STAMP = (slice(0, 4), slice(4, 6), slice(6, 8), slice(9, 11), slice(11, 13))


@dataclass(frozen=True)
class Row:
    """A run or a sweep as the list shows it.

    Attributes:
        entry: where it is.
        labels: what people call it.
        status: state and counts.
        kind: ``run``, ``tail``, ``training``, ``sweep``, ``comparison`` or ``studies``.
        settings: values of the keys of its experiment; of a sweep, all values that a factor takes.
        findings: what it has found; None while that is not read.
        size: bytes of its files; None while that is not known.
    """

    entry: RunEntry
    labels: Labels
    status: Status
    kind: str
    settings: Mapping[str, tuple[Any, ...]] = field(default_factory=dict, repr=False)
    findings: Findings | None = None
    size: int | None = None

    @property
    def name(self) -> str:
        """The name that people gave it, or else that of its directory."""
        return self.labels.name or self.entry.name

    @property
    def text(self) -> str:
        """What words of a filter look at, in lower case."""
        labels = self.labels
        parts = (labels.name, self.entry.name, when_text(self.entry.begun), " ".join(labels.tags))
        return " ".join((*parts, labels.note, self.kind, self.status.about)).casefold()

    def values(self, key: str) -> tuple[Any, ...]:
        """Return what a key of :data:`KEYS` or of the experiment is here: none, one or several values."""
        found = self.findings or Findings()
        if key == "name":
            return tuple(dict.fromkeys((self.name, self.entry.name)))
        if key in _DIRECT:
            direct: tuple[Any, ...] = _DIRECT[key](self, found)
            return direct
        return self.settings.get(key, ())


_DIRECT: Mapping[str, Any] = {
    "tag": lambda row, _: row.labels.tags,
    "note": lambda row, _: (row.labels.note,) if row.labels.note else (),
    "kind": lambda row, _: (row.kind,),
    "state": lambda row, _: (row.status.state.value,),
    "when": lambda row, _: (when_text(row.entry.begun),) if row.entry.begun else (),
    "samples": lambda row, _: (row.status.samples,),
    "asked": lambda row, _: (row.status.target,),
    "size": lambda row, _: () if row.size is None else (row.size,),
    "d0": lambda _, found: tuple(interval.estimate for interval in found.d0),
    "v": lambda _, found: found.log10_volume,
    "tail": lambda _, found: found.tail,
    "fitted": lambda _, found: found.fitted,
    "path": lambda row, _: (str(row.entry.path),),
}


def read_row(entry: RunEntry, *, findings: bool = True, size: bool = True) -> Row:
    """Read a run or a sweep for the list; what cannot be read is left out. Nothing is written.

    Args:
        entry: which.
        findings: whether to read what it has found.
        size: whether to look at all its files.
    """
    kind, settings = _described(entry)
    return Row(
        entry,
        entry.labels(),
        status_of(entry),
        kind,
        settings,
        read_findings(entry) if findings else None,
        entry.size() if size else None,
    )


def when_text(stamp: str) -> str:
    """Return when something began, to the minute: ``2026-11-29 13:30``; empty where nobody knows."""
    if not stamp:
        return ""
    year, month, day, hour, minute = (stamp[part] for part in _STAMP)
    return f"{year}-{month}-{day} {hour}:{minute}"


def _described(entry: RunEntry) -> tuple[str, dict[str, tuple[Any, ...]]]:
    """Return the kind of a run or a sweep, and its settings; none where they cannot be read."""
    settings: dict[str, tuple[Any, ...]] = {}
    try:
        if entry.kind == SWEEP:
            plan = SweepDirectory(entry.path).plan()
            settings = _settings(plan.experiment.to_json())
            settings |= {f.key: tuple(value for value in f.values if value is not None) for f in plan.factors}
            return SWEEP, settings
        if entry.kind in GROUPS:
            first = next(iter(members(entry).values()), None) if entry.kind == COMPARISON else None
            return entry.kind, {} if first is None else _settings(first.plan().experiment.to_json())
        stored = read_json(entry.path / "experiment.json")
        with parsing(entry.path):
            settings = _settings(stored["experiment"])
    except RunDirectoryError:
        pass
    kinds = [kind for folder, kind in _KINDS.items() if os.path.isdir(os.path.join(entry.path, folder))]
    return kinds[-1] if kinds else entry.kind, settings


def _settings(values: Mapping[str, Any]) -> dict[str, tuple[Any, ...]]:
    """Return the values of an experiment; each width of several is a value of its own."""
    return {
        key: tuple(value) if isinstance(value, list | tuple) else () if value is None else (value,)
        for key, value in values.items()
        if key in Experiment.model_fields
    }
