"""Starting a sweep that nobody waits for, and the handle by which viewers follow one. Never imports torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

from geomreg_tui.rundir import Action, Command, Status
from geomreg_tui.runner.launch import launch
from geomreg_tui.sweeps.directory import SweepDirectory
from geomreg_tui.sweeps.plan import SweepPlan

__all__ = ["SweepHandle", "SweepRequest", "start_sweep"]


@dataclass(frozen=True)
class SweepRequest:
    """The request that starts a sweep in the background.

    Attributes:
        directory: of the sweep, to be made or gone on with.
        plan: what is asked for (:class:`~geomreg_tui.sweeps.plan.SweepPlan`).
        workers: worker processes; 0 for as many as there are cores.
        device: which devices are meant: ``auto``, ``cpu``, ``cuda``, ``cuda:i``, or several GPUs.
    """

    directory: str
    plan: Mapping[str, Any]
    workers: int = 0
    device: str = "auto"

    def to_line(self) -> str:
        """Return the request as a line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> SweepRequest:
        """Restore a request."""
        return cls(**json.loads(line))


class SweepHandle:
    """A sweep that a process is running, or has run.

    Attributes:
        directory: of the sweep.
    """

    def __init__(self, directory: Path, process: subprocess.Popen[bytes] | None = None) -> None:
        self.directory = directory
        self._sweep = SweepDirectory(directory)
        self._process = process

    def plan(self) -> SweepPlan:
        """Return the newest plan; as :meth:`SweepDirectory.plan`."""
        return self._sweep.plan()

    def status(self) -> Status:
        """Return the state of the sweep, as of its last point."""
        return self._sweep.status()

    def pause(self) -> None:
        """Ask for a pause."""
        self._sweep.control.send(Command(Action.PAUSE))

    def resume(self) -> None:
        """Ask to go on after a pause."""
        self._sweep.control.send(Command(Action.RESUME))

    def stop(self) -> None:
        """Ask to stop and keep everything that is done."""
        self._sweep.control.send(Command(Action.STOP))

    def running(self) -> bool:
        """Return whether a process is at work on it."""
        if self._process is not None and self._process.poll() is None:
            return True
        return self._sweep.engine() is not None


def start_sweep(
    plan: SweepPlan, directory: Path, *, workers: int | None = None, device: str = "auto"
) -> SweepHandle:
    """Start or go on with a sweep in a process of its own session, and return when it has begun.

    It is the sweep of :func:`geomreg_tui.sweeps.run.run_sweep`; a dropped terminal does not end it.

    Args:
        plan: what is asked for.
        directory: of the sweep.
        workers: worker processes; default: one for each core.
        device: ``auto``, ``cpu``, ``cuda``, ``cuda:i``, or several GPUs.

    Raises:
        ExperimentError: if a point is impossible.
        RunDirectoryError: if the directory cannot be written, or another process is at work there.
        SamplingError: if the process died.
    """
    path = directory.absolute()
    process, _ = launch("geomreg_tui.sweeps", SweepRequest(str(path), plan.to_json(), workers or 0, device))
    if process.stdout is not None:
        process.stdout.close()
    return SweepHandle(path, process)
