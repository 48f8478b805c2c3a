"""Starting studies that nobody waits for, and stopping them. Never imports torch."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from geomreg_tui.rundir import Action, Command
from geomreg_tui.runner.launch import launch
from geomreg_tui.studies.directory import StudyDirectory
from geomreg_tui.studies.study import Study

__all__ = ["StudiesHandle", "StudiesRequest", "start_studies", "stop_studies"]


@dataclass(frozen=True)
class StudiesRequest:
    """The request that starts studies in the background.

    Attributes:
        directory: where they are run.
        names: of the studies, in the order in which they are run.
        scale: one of ``SCALES``.
        workers: worker processes; 0 for as many as there are cores.
        device: which devices are meant.
    """

    directory: str
    names: Sequence[str]
    scale: str
    workers: int = 0
    device: str = "auto"

    def to_line(self) -> str:
        """Return the request as a line."""
        return json.dumps(asdict(self)) + "\n"

    @classmethod
    def from_line(cls, line: str) -> StudiesRequest:
        """Restore a request."""
        return cls(**json.loads(line))


class StudiesHandle:
    """Studies that a process is running, or has run.

    Attributes:
        directory: where they are run.
    """

    def __init__(self, directory: Path, process: subprocess.Popen[bytes]) -> None:
        self.directory = directory
        self._process = process

    def running(self) -> bool:
        """Return whether the process is at work."""
        return self._process.poll() is None


def start_studies(
    studies: Sequence[Study], scale: str, directory: Path, *, workers: int | None = None, device: str = "auto"
) -> StudiesHandle:
    """Start or go on with studies in a process of its own session, and return when it has begun.

    A dropped terminal does not end it.

    Args:
        studies: which.
        scale: one of ``SCALES``.
        directory: where they are run.
        workers: worker processes; None for one for each core.
        device: ``auto``, ``cpu`` or ``cuda:i``.

    Raises:
        ExperimentError: if the directory holds studies at another scale.
        RunDirectoryError: if the directory cannot be written.
        SamplingError: if the process died.
    """
    names = [study.name for study in studies]
    request = StudiesRequest(str(directory.absolute()), names, scale, workers or 0, device)
    process, _ = launch("geomreg_tui.studies", request)
    if process.stdout is not None:
        process.stdout.close()
    return StudiesHandle(directory, process)


def stop_studies(directory: StudyDirectory, scale: str) -> bool:
    """Ask what is under way in a folder to stop, and return whether anything was; what is done is kept."""
    for study in directory.studies():
        for part in study.parts(scale):
            sweep = directory.sweep(study, part)
            if sweep.engine() is not None:
                sweep.control.send(Command(Action.STOP))
                return True
    return False
