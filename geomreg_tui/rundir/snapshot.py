"""The snapshot on disk: all that a viewer needs to draw a run as it stands, in one small file."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from enum import StrEnum
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.rundir.store import parsing, read_arrays, write_arrays
from geomreg_tui.summary import Facts

__all__ = ["Moment", "Part", "RunState", "StoredSnapshot", "read_snapshot", "write_snapshot"]


class RunState(StrEnum):
    """What a run is doing."""

    STARTING = "starting"
    SAMPLING = "sampling"
    PAUSED = "paused"
    STOPPED = "stopped"
    DONE = "done"
    FAILED = "failed"

    @property
    def over(self) -> bool:
        """Whether no engine is at work on the run any more."""
        return self in (RunState.STOPPED, RunState.DONE, RunState.FAILED)


class Part(NamedTuple):
    """The part of a snapshot that a stage fills: plain data and named arrays.

    Attributes:
        values: plain data, as JSON has it.
        arrays: arrays of int64 or float64, by name. No two stages have arrays of one name.
    """

    values: Mapping[str, Any]
    arrays: Mapping[str, NDArray[np.generic]]


@dataclass(frozen=True)
class Moment:
    """The attributes that every snapshot has, whatever the stages of the run.

    Attributes:
        state: what the run is doing.
        target: what the first stage is asked for: networks.
        written_at: when this was taken, seconds since the epoch.
        facts: what the experiment comes to; None until the engine knows.
        rate: networks per second, lately.
        elapsed_s: time spent sampling, by all engines of the run, without pauses.
        message: a line for the person watching: why it failed, or what was noticed.
        request: number of the preview request that this answers; 0 for a run.
        device: what it is sampled on: ``cpu``, or the name of the GPU.
        mixed: whether parts of the run were drawn in different environments.
    """

    state: RunState
    target: int
    written_at: float
    facts: Facts | None = None
    rate: float = 0.0
    elapsed_s: float = 0.0
    message: str = ""
    request: int = 0
    device: str = ""
    mixed: bool = False

    def values(self) -> dict[str, Any]:
        """Return the attributes that every snapshot has, by name."""
        return {each.name: getattr(self, each.name) for each in fields(Moment)}


@dataclass(frozen=True)
class StoredSnapshot(Moment):
    """A run at one moment, as it is on disk: the parts of stages are held as they are.

    Attributes:
        parts: what each stage shows, by its name.
    """

    parts: Mapping[str, Part] = field(default_factory=dict)


def write_snapshot(path: Path, snapshot: StoredSnapshot) -> None:
    """Replace the snapshot in a file.

    Raises:
        RunDirectoryError: if it cannot be written.
    """
    facts, own = snapshot.facts.to_parts() if snapshot.facts else (None, {})
    arrays: dict[str, NDArray[np.generic]] = {**own}
    for name, part in snapshot.parts.items():
        if taken := arrays.keys() & part.arrays.keys():
            raise AssertionError(f"{name}: has arrays with names of others: {', '.join(sorted(taken))}")
        arrays = {**arrays, **part.arrays}
    header = {
        "state": snapshot.state.value,
        "target": snapshot.target,
        "written_at": snapshot.written_at,
        "facts": facts,
        "parts": {
            name: {"values": part.values, "arrays": sorted(part.arrays)}
            for name, part in snapshot.parts.items()
        },
        "rate": snapshot.rate,
        "elapsed_s": snapshot.elapsed_s,
        "message": snapshot.message,
        "request": snapshot.request,
        "device": snapshot.device,
        "mixed": snapshot.mixed,
    }
    write_arrays(path, header, arrays, durable=False)


def read_snapshot(path: Path) -> StoredSnapshot | None:
    """Return the snapshot in a file, or None when there is none yet.

    Raises:
        RunDirectoryError: if the file is damaged or not a snapshot.
    """
    if not path.exists():
        return None
    header, arrays = read_arrays(path)
    with parsing(path):
        return StoredSnapshot(
            state=RunState(header["state"]),
            target=int(header["target"]),
            written_at=float(header["written_at"]),
            facts=Facts.from_parts(header["facts"], arrays) if header["facts"] is not None else None,
            parts=_parts(header, arrays) if "parts" in header else _first_parts(header, arrays),
            rate=float(header["rate"]),
            elapsed_s=float(header["elapsed_s"]),
            message=str(header["message"]),
            request=int(header["request"]),
            device=str(header["device"]),
            mixed=bool(header["mixed"]),
        )


def _parts(header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Part]:
    """Return the parts of a snapshot by name."""
    parts = {}
    for name, part in header["parts"].items():
        if not isinstance(part["values"], dict):
            raise ValueError("not the part of a stage")
        parts[str(name)] = Part(part["values"], {each: arrays[each] for each in part["arrays"]})
    return parts


def _first_parts(header: Mapping[str, Any], arrays: Mapping[str, NDArray[np.generic]]) -> dict[str, Part]:
    """Return the parts of a snapshot of version 0.1.0, which knew two stages and did not name them."""
    of_tail = {name: array for name, array in arrays.items() if name.startswith("tail.")}
    drawn = {
        name: array
        for name, array in arrays.items()
        if name not in of_tail and not name.startswith("overlay.")  # laws are part of the facts
    }
    parts = {"sampling": Part({}, drawn)} if header["has_summary"] else {}
    if header.get("tail") is not None:
        parts["splitting"] = Part(dict(header["tail"]), of_tail)
    return parts
