"""State and counts of a run in one small file: all that a list of runs has to read."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

from geomreg_tui.errors import RunDirectoryError, plain_text
from geomreg_tui.rundir.lease import holder
from geomreg_tui.rundir.snapshot import RunState
from geomreg_tui.rundir.store import parsing, read_json, write_json

__all__ = ["Status", "read_status", "write_status"]

_MOST_GIVEN_UP = 1000


@dataclass(frozen=True)
class Status:
    """State and counts of a run, as of its last commit.

    Attributes:
        state: what the run is doing, or how it ended.
        samples: networks committed.
        target: networks asked for.
        elapsed_s: time spent sampling, by all engines of the run.
        message: why it failed, or what was noticed.
        about: the experiment in one line.
        mixed: whether parts were drawn in different environments.
        given_up: chunks that could not be drawn.
    """

    state: RunState
    samples: int
    target: int
    elapsed_s: float = 0.0
    message: str = ""
    about: str = ""
    mixed: bool = False
    given_up: tuple[int, ...] = ()


def write_status(folder: Path, status: Status) -> None:
    """Publish the state of the run in ``folder``.

    Raises:
        RunDirectoryError: if it cannot be written.
    """
    values = {**status.__dict__, "state": status.state.value, "given_up": list(status.given_up)}
    write_json(folder / "status.json", values, durable=False)


def read_status(folder: Path) -> Status:
    """Return the state of the run in ``folder``; one whose engine has died is ``stopped``.

    A status that cannot be read says no more than whether an engine is at work.
    """
    engine = holder(folder / "lease.json")
    try:
        status = _read(folder / "status.json")
    except RunDirectoryError:
        return Status(RunState.STARTING if engine else RunState.STOPPED, 0, 0)
    return status if status.state.over or engine else replace(status, state=RunState.STOPPED)


def _read(path: Path) -> Status:
    """Return the status in a file.

    Raises:
        RunDirectoryError: if it is none.
    """
    values = read_json(path)
    with parsing(path):
        given_up = tuple(int(chunk) for chunk in values["given_up"])
        if len(given_up) > _MOST_GIVEN_UP or min(given_up, default=0) < 0:
            raise ValueError("given_up")
        return Status(
            RunState(values["state"]),
            int(values["samples"]),
            int(values["target"]),
            float(values["elapsed_s"]),
            plain_text(str(values["message"])),
            plain_text(str(values["about"])),
            bool(values["mixed"]),
            given_up,
        )
