"""The lease: one engine at a time writes a run directory.

Correctness does not depend on it (chunks are pure functions and files immutable); it keeps two engines
from doing the same work, and tells a viewer whether anyone is at work. A lease whose process is known to
be dead is free; one of another host is never taken without being told to.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import secrets
import socket
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from geomreg_tui.errors import RunDirectoryError
from geomreg_tui.rundir.store import discard, parsing, read_json, write_json

__all__ = ["Holder", "Lease", "check_free", "holder"]

_ATTEMPTS = 5
_DEAD = -1  # birth of a process that has ended and waits for its parent to notice


@dataclass(frozen=True)
class Holder:
    """Who holds a lease.

    Attributes:
        host, pid: the engine's process.
        since: when it took the lease, for people.
        here: whether it is a process of this machine that can be signalled.
        token: random text that no other lease has.
    """

    host: str
    pid: int
    since: str
    here: bool
    token: str

    def __str__(self) -> str:
        return f"process {self.pid} on {self.host} since {self.since}"


class Lease:
    """The right to write a run directory, held by this process until released."""

    def __init__(self, path: Path, *, take_over: bool = False, signalled: bool = True) -> None:
        """Take the lease.

        Args:
            path: the lease file.
            take_over: take it even from a holder that seems alive or is on another host.
            signalled: whether others may signal this process; not if it is a person's own, which does more
                than sample.

        Raises:
            RunDirectoryError: if another engine holds it, or the folder cannot be written.
        """
        self._path = path
        self._token = secrets.token_hex(8)
        pid = os.getpid()
        values = {
            "host": socket.gethostname(),
            "boot": _boot(),
            "pid_space": _pid_space(),
            "pid": pid,
            "birth": _birth(pid),
            "since": time.strftime("%Y-%m-%d %H:%M:%S"),
            "token": self._token,
            **({} if signalled else {"signalled": False}),
        }
        prepared = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
        try:
            with _one_at_a_time(path.parent):
                for _ in range(_ATTEMPTS):
                    abandoned = path.exists()
                    check_free(path, take_over=take_over)
                    if abandoned:
                        _remove_stale(path, take_over)
                    if _prepare(prepared, values) and _place(prepared, path):
                        return
        finally:
            discard(prepared)
        raise RunDirectoryError(f"{path.parent}: another engine took it at the same moment")

    def held(self) -> bool:
        """Return whether the lease is still this process's: a person may have given it to another."""
        try:
            return read_json(self._path).get("token") == self._token
        except RunDirectoryError:
            # A lease that is gone was taken away; one that cannot be read says nothing about its owner.
            return self._path.exists() or not self._path.parent.exists()

    def release(self) -> None:
        """Give the lease back, if it is still held."""
        if self.held():
            discard(self._path)


def check_free(path: Path, *, take_over: bool = False) -> None:
    """Check that nobody holds a lease.

    Raises:
        RunDirectoryError: if someone does, and ``take_over`` is not given.
    """
    current = holder(path)
    if current and not take_over:
        raise RunDirectoryError(
            f"{path.parent}: in use by {current}; wait for it, stop it, or pass --take-over if it is "
            "surely gone"
        )


def holder(path: Path) -> Holder | None:
    """Return who holds a lease, or None: nobody, or a process known to be dead."""
    if not path.exists():
        return None
    try:
        values = read_json(path)
        with parsing(path):
            host, pid, birth = str(values["host"]), int(values["pid"]), values.get("birth")
            same_host = host == socket.gethostname()
            here = same_host and values.get("pid_space") == _pid_space()
            signalled = here and bool(values.get("signalled", True))
            found = Holder(host, pid, str(values["since"]), signalled, str(values.get("token")))
    except RunDirectoryError:
        return None
    if same_host and values.get("boot") != _boot():
        return None  # the machine was started anew since
    return None if here and not _alive(pid, birth) else found


@contextlib.contextmanager
def _one_at_a_time(folder: Path) -> Iterator[None]:
    """Keep other engines of this machine from taking a lease in ``folder`` meanwhile.

    Nothing is left on disk. A file system without locks on folders (NFS) goes without: there two engines
    that find the same abandoned lease within the same millisecond could both take it.
    """
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
    try:
        with contextlib.suppress(OSError):
            fcntl.flock(descriptor, fcntl.LOCK_EX)
        yield
    finally:
        os.close(descriptor)


def _prepare(prepared: Path, values: Mapping[str, Any]) -> bool:
    """Write a lease under a temporary name; return whether it is there.

    An engine that has just begun tidies its folder, and may take what another is preparing for a leftover.

    Raises:
        RunDirectoryError: if the folder cannot be written.
    """
    try:
        write_json(prepared, values)
    except RunDirectoryError as error:
        if isinstance(error.__cause__, FileNotFoundError) and prepared.parent.is_dir():
            return False
        why = error.__cause__.strerror if isinstance(error.__cause__, OSError) else str(error)
        raise RunDirectoryError(f"{prepared.parent}: cannot be written ({why})") from error
    return True


def _place(prepared: Path, path: Path) -> bool:
    """Put a whole file at ``path`` unless something is there, or it is gone; return whether it was put."""
    try:
        os.link(prepared, path)
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError:
        return _place_without_links(prepared, path)
    return True


def _place_without_links(prepared: Path, path: Path) -> bool:
    """Do the same where the file system has no hard links; others may see the file half-written."""
    try:
        data = prepared.read_bytes()
        with open(path, "xb") as file:
            file.write(data)
    except (FileExistsError, FileNotFoundError):
        return False
    except OSError as error:
        raise RunDirectoryError(f"{path}: cannot be written ({error.strerror})") from error
    return True


def _remove_stale(path: Path, take_over: bool) -> None:
    """Take away a lease that is not held, unless another engine has replaced it meanwhile."""
    aside = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        path.rename(aside)
    except OSError:
        return  # another engine was faster
    if holder(aside) and not take_over:
        _place(aside, path)
    discard(aside)


def _alive(pid: int, birth: object) -> bool:
    """Return whether a process of this machine lives, and is the one that began at ``birth``."""
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except (PermissionError, OverflowError):
        pass
    now = _birth(pid)
    return now != _DEAD and (now is None or birth is None or now == birth)


def _birth(pid: int) -> int | None:
    """Return when a process began, in clock ticks since boot, or None where the system does not tell.

    A clock that is set does not change it, and a process id that was used again has another.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    except OSError:
        return None
    return _DEAD if fields[0] in "ZX" else int(fields[19])


def _boot() -> str | None:
    """Return an identifier of this start of the machine; None where the system has none."""
    with contextlib.suppress(OSError):
        return Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    return None


def _pid_space() -> str | None:
    """Return an identifier of the process ids that are seen here: containers may see different ones."""
    with contextlib.suppress(OSError):
        return os.readlink("/proc/self/ns/pid")
    return None
