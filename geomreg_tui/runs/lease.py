"""The lease: one engine at a time writes a run directory.

Correctness does not depend on it (chunks are pure functions and files immutable); it keeps two engines
from doing the same work, and tells a viewer whether anyone is at work.
"""

from __future__ import annotations

import contextlib
import os
import secrets
import socket
import time
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.runs.store import read_json, write_json

__all__ = ["Lease", "check_free", "holder"]


class Lease:
    """The right to write a run directory, held by this process until released."""

    def __init__(self, path: Path, *, take_over: bool = False) -> None:
        """Take the lease.

        Args:
            path: the lease file.
            take_over: take it even from a holder that seems alive or is on another host.

        Raises:
            RunDirectoryError: if another engine holds it.
        """
        self._path = path
        self._token = secrets.token_hex(8)
        check_free(path, take_over=take_over)
        pid = os.getpid()
        values = {
            "host": socket.gethostname(),
            "pid": pid,
            "birth": _birth(pid),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "token": self._token,
        }
        write_json(path, values)
        if read_json(path).get("token") != self._token:
            raise RunDirectoryError(f"{path.parent}: another engine took it at the same moment")

    def held(self) -> bool:
        """Return whether the lease is still this process's: a person may have given it to another."""
        try:
            return read_json(self._path).get("token") == self._token
        except RunDirectoryError:
            return True  # the folder cannot be read for now, which says nothing about its owner

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        if self.held():
            with contextlib.suppress(OSError):
                self._path.unlink()


def check_free(path: Path, *, take_over: bool = False) -> None:
    """Check that nobody holds a lease.

    Raises:
        RunDirectoryError: if someone does, and ``take_over`` is not given.
    """
    current = holder(path)
    if current and not take_over:
        raise RunDirectoryError(
            f"{path.parent}: in use by process {current['pid']} on {current['host']} since "
            f"{current['since']}; wait for it, stop it, or pass --take-over if it is surely gone"
        )


def holder(path: Path) -> dict[str, Any] | None:
    """Return who holds a lease (host, pid, since), or None: nobody, or a process known to be dead."""
    if not path.exists():
        return None
    try:
        values = read_json(path)
        entry = {"host": str(values["host"]), "pid": int(values["pid"]), "since": str(values["since"])}
        birth = values["birth"]
    except (RunDirectoryError, KeyError, TypeError, ValueError):
        return None
    if entry["host"] == socket.gethostname() and not _alive(int(str(entry["pid"])), birth):
        return None
    return entry


def _alive(pid: int, birth: object) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    now = _birth(pid)
    return now is None or birth is None or now == birth


def _birth(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot, or None where the system does not tell."""
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return None if fields[0] in "ZX" else int(fields[19])
