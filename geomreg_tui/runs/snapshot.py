"""The snapshot: all that a viewer needs to draw a run as it stands, in one small file."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from geomreg_tui.errors import GeomregError, RunDirectoryError
from geomreg_tui.runs.store import read_arrays, write_arrays
from geomreg_tui.summary import Facts, Overlay, Summary

__all__ = ["RunState", "Snapshot", "read_snapshot", "write_snapshot"]


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
        """Whether the engine has let go of the run."""
        return self in (RunState.STOPPED, RunState.DONE, RunState.FAILED)


@dataclass(frozen=True)
class Snapshot:
    """A run at one moment.

    Attributes:
        state: what the run is doing.
        target: networks asked for.
        written_at: when this was taken, seconds since the epoch.
        facts: what the experiment comes to; None until the engine knows.
        summary: the networks drawn so far, a contiguous prefix; None before the first.
        rate: networks per second, lately.
        elapsed_s: time spent sampling, over all sittings, without pauses.
        message: a line for the person watching: why it failed, or what was noticed.
        request: number of the preview request that this answers; 0 for a run.
    """

    state: RunState
    target: int
    written_at: float
    facts: Facts | None = None
    summary: Summary | None = None
    rate: float = 0.0
    elapsed_s: float = 0.0
    message: str = ""
    request: int = 0

    @property
    def samples(self) -> int:
        """Networks drawn so far."""
        return self.summary.samples if self.summary else 0


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Replace the snapshot in a file."""
    arrays: dict[str, NDArray[np.generic]] = {}
    facts: dict[str, Any] | None = None
    if snapshot.facts:
        facts = replace(snapshot.facts, overlays=()).to_json()
        facts["overlay_names"] = [overlay.name for overlay in snapshot.facts.overlays]
        for number, overlay in enumerate(snapshot.facts.overlays):
            arrays[f"overlay.{number}.loss"] = overlay.loss
            arrays[f"overlay.{number}.cdf"] = overlay.cdf
    if snapshot.summary:
        arrays |= snapshot.summary.to_arrays()
    header = {
        "state": snapshot.state.value,
        "target": snapshot.target,
        "written_at": snapshot.written_at,
        "facts": facts,
        "has_summary": snapshot.summary is not None,
        "rate": snapshot.rate,
        "elapsed_s": snapshot.elapsed_s,
        "message": snapshot.message,
        "request": snapshot.request,
    }
    write_arrays(path, header, arrays, durable=False)


def read_snapshot(path: Path) -> Snapshot | None:
    """Return the snapshot in a file, or None when there is none yet.

    Raises:
        RunDirectoryError: if the file is damaged or not a snapshot.
    """
    if not path.exists():
        return None
    header, arrays = read_arrays(path)
    try:
        facts = None
        if header["facts"] is not None:
            names = [str(name) for name in header["facts"]["overlay_names"]]
            overlays = tuple(
                Overlay(
                    name,
                    arrays[f"overlay.{number}.loss"].astype(np.float64),
                    arrays[f"overlay.{number}.cdf"].astype(np.float64),
                )
                for number, name in enumerate(names)
            )
            facts = replace(Facts.from_json({**header["facts"], "overlays": []}), overlays=overlays)
        return Snapshot(
            state=RunState(header["state"]),
            target=int(header["target"]),
            written_at=float(header["written_at"]),
            facts=facts,
            summary=Summary.from_arrays(arrays) if header["has_summary"] else None,
            rate=float(header["rate"]),
            elapsed_s=float(header["elapsed_s"]),
            message=str(header["message"]),
            request=int(header["request"]),
        )
    except (GeomregError, KeyError, TypeError, ValueError, AttributeError) as error:
        raise RunDirectoryError(f"{path}: is not a snapshot of this version ({error})") from error
