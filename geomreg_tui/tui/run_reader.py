"""What the runs list knows: one thread that reads names, states and findings when they are needed."""

from __future__ import annotations

import math
import os
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from pathlib import Path

from geomreg_tui.errors import GeomregError
from geomreg_tui.listing import GROUPS, Row, list_all, read_findings, read_row
from geomreg_tui.rundir import RunEntry, runs_root
from geomreg_tui.rundir.elsewhere import elsewhere_root
from geomreg_tui.sweeps.directory import sweeps_root
from geomreg_tui.sweeps.groups import studies_root

__all__ = ["FINDINGS", "ROWS", "SIZES", "Listed", "News", "Read", "RunReader", "Unreadable"]

ROWS, FINDINGS, SIZES = "rows", "findings", "sizes"  # what may be wanted of all runs

_EVERY = 1.0  # seconds between looks at what may have changed
_BATCH = 0.1  # seconds of reading between two messages
_SETTLED = 2.0  # seconds after which a time of change can be distinguished from that of a later change


@dataclass(frozen=True)
class Listed:
    """All that there is, newest first."""

    entries: tuple[RunEntry, ...]


@dataclass(frozen=True)
class Read:
    """What has been read of some of them, by path, and what of all that are listed is known by now."""

    known: Mapping[Path, Row]
    complete: frozenset[str] = frozenset()


@dataclass(frozen=True)
class Unreadable:
    """The folders could not be read."""

    message: str


News = Listed | Read | Unreadable


class RunReader:
    """Reads in a daemon thread, so that nothing waits for a slow disk.

    Names come first, in one go. Of what is on view, the row is read, then what was found and the size, and
    read again about once a second where they may have changed. Of all else only what is wanted is read.

    Args:
        deliver: called in that thread with whatever is new; never when nothing is.
    """

    def __init__(self, deliver: Callable[[News], object]) -> None:
        self._deliver = deliver
        self._visible: tuple[RunEntry, ...] = ()
        self._wanted: frozenset[str] = frozenset()
        self._wake = threading.Event()
        self._closed = False
        self._again = True
        self._complete_sent: frozenset[str] = frozenset()
        self._entries: tuple[RunEntry, ...] | None = None
        self._folders: tuple[tuple[Path, int], ...] | None = None
        self._known: dict[Path, Row] = {}
        self._stamps: dict[Path, int] = {}
        self._looked: dict[Path, float] = {}

    def start(self) -> None:
        """Start the thread."""
        threading.Thread(target=self._serve, name="run reader", daemon=True).start()

    def want(self, visible: Iterable[RunEntry], wanted: frozenset[str] = frozenset()) -> None:
        """Say what is on view, and what is wanted of all others too; returns at once.

        Args:
            visible: the runs whose rows are on the screen.
            wanted: of :data:`ROWS`, :data:`FINDINGS` and :data:`SIZES`.
        """
        wish = tuple(visible), wanted
        if wish != (self._visible, self._wanted):
            self._visible, self._wanted = wish
            self._wake.set()

    def look_again(self, changed: Iterable[Path] = ()) -> None:
        """List the runs again: some have gone, or are called otherwise."""
        for path in changed:
            self._stamps[path], self._looked[path] = -1, -math.inf
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
                self._folders = None
                self._deliver(Unreadable(str(error)))
            except Exception as error:
                # A defect here must not leave the list without a word.
                self._deliver(Unreadable(f"the runs cannot be read: {type(error).__name__}: {error}"))
            self._wake.wait(_EVERY)

    def _list(self) -> None:
        """List the runs, if a folder of them has changed."""
        folders = (runs_root(), sweeps_root(), studies_root(), elsewhere_root())
        stamps = tuple((folder, _stamp(folder)) for folder in folders)
        if self._entries is not None and not self._again and self._folders == stamps:
            return
        self._again = False
        entries = tuple(list_all())
        self._folders = stamps if all(_settled(stamp) for _, stamp in stamps) else None
        if entries != self._entries:
            self._entries, self._complete_sent = entries, frozenset()
            self._deliver(Listed(entries))

    def _read(self) -> None:
        """Read rows: first of those on view, then of the others."""
        visible, wanted = self._visible, self._wanted
        both = frozenset((FINDINGS, SIZES))
        steps: list[tuple[Callable[[RunEntry], Row | None], RunEntry]] = []
        steps += [(self._read_row, entry) for entry in visible]
        steps += [(lambda entry: self._read_more(entry, both), entry) for entry in visible]
        if wanted:
            others = [entry for entry in self._entries or () if self._lacks(entry, wanted)]
            steps += [(self._read_row, entry) for entry in others if entry.path not in self._known]
            if wanted & both:
                steps += [(lambda entry: self._read_more(entry, wanted), entry) for entry in others]
        fresh: dict[Path, Row] = {}
        sent = time.monotonic()
        for step, entry in steps:
            if self._wake.is_set():
                break
            if (known := step(entry)) is not None:
                fresh[entry.path] = known
            if fresh and time.monotonic() - sent >= _BATCH:
                self._deliver(Read(fresh))
                fresh, sent = {}, time.monotonic()
        complete = frozenset() if self._wake.is_set() else wanted
        if fresh or not complete <= self._complete_sent:
            self._deliver(Read(fresh, complete))
        self._complete_sent |= complete

    def _lacks(self, entry: RunEntry, wanted: frozenset[str]) -> bool:
        """Return whether anything that is wanted of a run is not known."""
        row = self._known.get(entry.path)
        return (
            row is None
            or (FINDINGS in wanted and row.findings is None)
            or (SIZES in wanted and row.size is None)
        )

    def _read_row(self, entry: RunEntry) -> Row | None:
        """Return what is new of a run, or None where nothing is or can be."""
        path, now = entry.path, time.monotonic()
        known = self._known.get(path)
        if known is not None and now - self._looked[path] < _EVERY * 0.9:
            return None
        self._looked[path] = now
        stamp = _stamp(path)
        # What goes on in the sweeps of a folder changes their folders, and not that one.
        still = entry.kind not in GROUPS and self._stamps.get(path) == stamp
        if known is not None and known.status.state.over and still:
            return None
        # Whatever an engine writes changes the folder; what changed just now may do so again unseen.
        self._stamps[path] = stamp if _settled(stamp) else -1
        row = read_row(entry, findings=False, size=False)
        if known is not None and (row.status, row.labels) == (known.status, known.labels):
            return None
        self._known[path] = row
        # What was known stays on view until it is read anew.
        return replace(row, findings=known.findings, size=known.size) if known else row

    def _read_more(self, entry: RunEntry, wanted: frozenset[str]) -> Row | None:
        """Return a run with what it has found and its size, where that is new; else None."""
        known = self._known.get(entry.path)
        if known is None:
            return None
        row = known
        if FINDINGS in wanted and row.findings is None:
            row = replace(row, findings=read_findings(entry))
        if SIZES in wanted and row.size is None:
            row = replace(row, size=entry.size())
        self._known[entry.path] = row
        return row if row is not known else None


def _stamp(path: Path) -> int:
    """Return when a file was changed, in nanoseconds; 0 where it is not there."""
    try:
        return os.stat(path, follow_symlinks=False).st_mtime_ns
    except OSError:
        return 0


def _settled(stamp: int) -> bool:
    """Return whether a stamp is old enough that no later change can have the same."""
    return abs(time.time() - stamp / 1e9) > _SETTLED
