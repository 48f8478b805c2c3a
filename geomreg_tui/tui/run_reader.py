"""What the runs list knows: one thread that reads names, states and sizes when they are needed."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from geomreg_tui.errors import GeomregError
from geomreg_tui.rundir import RunEntry, Status, list_runs, runs_root

__all__ = ["Known", "Listed", "News", "Read", "RunReader", "Unreadable"]

_EVERY = 1.0  # seconds between looks at what may have changed
_BATCH = 0.1  # seconds of reading between two messages
_SETTLED = 2.0  # seconds after which a time of change can be distinguished from that of a later change


@dataclass(frozen=True)
class Known:
    """What has been read of a run.

    Attributes:
        status: state and counts.
        size: bytes of its files; None while that is not known.
    """

    status: Status
    size: int | None = None


@dataclass(frozen=True)
class Listed:
    """The runs there are, newest first."""

    entries: tuple[RunEntry, ...]


@dataclass(frozen=True)
class Read:
    """What has been read of some runs, by name, and whether the state of all that are listed is known."""

    known: Mapping[str, Known]
    complete: bool = False


@dataclass(frozen=True)
class Unreadable:
    """The folder of runs could not be read."""

    message: str


News = Listed | Read | Unreadable


class RunReader:
    """Reads in a daemon thread, so that nothing waits for a slow disk.

    Names come first, in one go. Of the runs on view, state and size are read, and read again about once a
    second where they may have changed. Of all others the state is read only where that is wanted.

    Args:
        deliver: called in that thread with whatever is new; never when nothing is.
    """

    def __init__(self, deliver: Callable[[News], object]) -> None:
        self._deliver = deliver
        self._visible: tuple[RunEntry, ...] = ()
        self._everything = False
        self._wake = threading.Event()
        self._closed = False
        self._again = True
        self._complete_sent = False
        self._entries: tuple[RunEntry, ...] | None = None
        self._root: tuple[Path, int] | None = None
        self._known: dict[str, Known] = {}
        self._stamps: dict[str, int] = {}
        self._looked: dict[str, float] = {}
        self._unsized: set[str] = set()

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._serve, name="run reader", daemon=True).start()

    def want(self, visible: Iterable[RunEntry], *, everything: bool) -> None:
        """Say what is on view, and whether the state of every run is wanted too; returns at once."""
        wish = tuple(visible), everything
        if wish != (self._visible, self._everything):
            self._visible, self._everything = wish
            self._wake.set()

    def look_again(self) -> None:
        """List the runs again: some have gone."""
        self._again = True
        self._wake.set()

    def close(self) -> None:
        """End the thread after the file in hand."""
        self._closed = True
        self._wake.set()

    def _serve(self) -> None:
        while not self._closed:
            self._wake.clear()
            try:
                self._list()
                self._read()
            except GeomregError as error:
                self._root = None
                self._deliver(Unreadable(str(error)))
            except Exception as error:
                # A defect here must not leave the list without a word.
                self._deliver(Unreadable(f"the runs cannot be read: {type(error).__name__}: {error}"))
            self._wake.wait(_EVERY)

    def _list(self) -> None:
        """List the runs, if the folder has changed."""
        root = runs_root()
        stamp = _stamp(root)
        if self._entries is not None and not self._again and self._root == (root, stamp):
            return
        self._again = False
        entries = tuple(list_runs())
        self._root = (root, stamp) if _settled(stamp) else None
        if entries != self._entries:
            self._entries, self._complete_sent = entries, False
            self._deliver(Listed(entries))

    def _read(self) -> None:
        """Read the state and the size of runs: first those on view, then the others."""
        visible, everything = self._visible, self._everything
        steps = [(self._read_status, entry) for entry in visible]
        steps += [(self._read_size, entry) for entry in visible]
        if everything:
            unknown = (entry for entry in self._entries or () if entry.name not in self._known)
            steps += [(self._read_status, entry) for entry in unknown]
        fresh: dict[str, Known] = {}
        sent = time.monotonic()
        for step, entry in steps:
            if self._wake.is_set():
                break
            if (known := step(entry)) is not None:
                fresh[entry.name] = known
            if fresh and time.monotonic() - sent >= _BATCH:
                self._deliver(Read(fresh))
                fresh, sent = {}, time.monotonic()
        complete = everything and not self._wake.is_set()
        if fresh or (complete and not self._complete_sent):
            self._deliver(Read(fresh, complete))
        self._complete_sent |= complete

    def _read_status(self, entry: RunEntry) -> Known | None:
        """Return what is new of a run, or None where nothing is or can be."""
        name, now = entry.name, time.monotonic()
        known = self._known.get(name)
        if known is not None and now - self._looked[name] < _EVERY * 0.9:
            return None
        self._looked[name] = now
        stamp = _stamp(entry.path)
        if known is not None and known.status.state.over and self._stamps[name] == stamp:
            return None
        # Whatever an engine writes changes the folder; what changed just now may do so again unseen.
        self._stamps[name] = stamp if _settled(stamp) else -1
        status = entry.status()
        if known is not None and known.status == status:
            return None
        self._unsized.add(name)
        self._known[name] = replace(known, status=status) if known else Known(status)
        return self._known[name]

    def _read_size(self, entry: RunEntry) -> Known | None:
        """Return a run with its size, where that is new; else None."""
        if entry.name not in self._unsized:
            return None
        self._unsized.discard(entry.name)
        known = self._known[entry.name]
        self._known[entry.name] = replace(known, size=entry.size())
        return self._known[entry.name] if self._known[entry.name] != known else None


def _stamp(path: Path) -> int:
    """Return when a file was changed, in nanoseconds; 0 where it is not there."""
    try:
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def _settled(stamp: int) -> bool:
    """Return whether a stamp is old enough that no later change can have the same."""
    return abs(time.time() - stamp / 1e9) > _SETTLED
