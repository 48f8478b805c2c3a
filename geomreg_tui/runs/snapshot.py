"""The snapshot: all that a viewer needs to draw a run as it stands, in one small file."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from geomreg_tui.runs.store import parsing, read_arrays, write_arrays
from geomreg_tui.summary import Facts, Summary, Tail

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
        elapsed_s: time spent sampling, by all engines of the run, without pauses.
        message: a line for the person watching: why it failed, or what was noticed.
        request: number of the preview request that this answers; 0 for a run.
        device: what it is sampled on: ``cpu``, or the name of the GPU.
        mixed: whether parts of the run were drawn in different environments.
        tail: the populations of its deep tail, thinned; None where none was asked for.
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
    device: str = ""
    mixed: bool = False
    tail: Tail | None = None

    @property
    def samples(self) -> int:
        """Networks drawn so far."""
        return self.summary.samples if self.summary else 0


def write_snapshot(path: Path, snapshot: Snapshot) -> None:
    """Replace the snapshot in a file.

    Raises:
        RunDirectoryError: if it cannot be written.
    """
    facts, arrays = snapshot.facts.to_parts() if snapshot.facts else (None, {})
    summary = snapshot.summary.to_arrays() if snapshot.summary else {}
    tail, descents = snapshot.tail.to_parts() if snapshot.tail else (None, {})
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
        "device": snapshot.device,
        "mixed": snapshot.mixed,
        "tail": tail,
    }
    write_arrays(path, header, {**arrays, **summary, **descents}, durable=False)


def read_snapshot(path: Path) -> Snapshot | None:
    """Return the snapshot in a file, or None when there is none yet.

    Raises:
        RunDirectoryError: if the file is damaged or not a snapshot.
    """
    if not path.exists():
        return None
    header, arrays = read_arrays(path)
    with parsing(path):
        facts = Facts.from_parts(header["facts"], arrays) if header["facts"] is not None else None
        summary = Summary.from_arrays(arrays) if header["has_summary"] else None
        if summary is not None and facts is not None:
            summary = Summary.merge([facts.empty_summary(), summary])  # they must fit together
        return Snapshot(
            state=RunState(header["state"]),
            target=int(header["target"]),
            written_at=float(header["written_at"]),
            facts=facts,
            summary=summary,
            rate=float(header["rate"]),
            elapsed_s=float(header["elapsed_s"]),
            message=str(header["message"]),
            request=int(header["request"]),
            device=str(header["device"]),
            mixed=bool(header["mixed"]),
            tail=Tail.from_parts(header["tail"], arrays) if header.get("tail") is not None else None,
        )
